"""Pictures of a photo and its result: right pixels, made once, complete or not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from bpfre.errors import PhotoError
from bpfre.retouching import Job
from bpfre.review.previews import SHOWN, SHOWN_ALONE, THUMB, Previews, files_of, make_previews

Write = Callable[..., Job]


def opacity(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGBA"))[..., 3]


def make(job: Job, folder: Path) -> Previews:
    return make_previews(job.source, job.destination, folder)


def test_before_after_and_the_place_that_differs(write_pair: Write, tmp_path: Path) -> None:
    previews = make(write_pair("a.png"), tmp_path / "p")
    assert (previews.width, previews.height) == (120, 80)
    assert previews.share == pytest.approx(20 * 30 / (120 * 80))
    assert previews.most == 140
    before, after = (
        np.asarray(Image.open(tmp_path / "p" / name)).astype(int) for name in (previews.before, previews.after)
    )
    assert abs(before - (200, 60, 40)).max() <= 4
    assert abs(after[25:45, 45:55] - (60, 160, 60)).max() <= 8
    dense = opacity(tmp_path / "p" / previews.map)
    expected = np.zeros((80, 120), bool)
    expected[20:50, 40:60] = True
    assert ((dense > 0) == expected).all()


@pytest.mark.parametrize("place", [(0, 0), (0, 2999), (1999, 0), (1999, 2999), (700, 1501)])
def test_the_smallest_change_is_on_the_map_of_a_large_photo(place: tuple[int, int], tmp_path: Path) -> None:
    pixels = np.full((2000, 3000, 3), 90, np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", compress_level=1)
    pixels[place][1] += 1
    Image.fromarray(pixels).save(tmp_path / "b.png", compress_level=1)
    previews = make_previews(tmp_path / "a.png", tmp_path / "b.png", tmp_path)
    ys, xs = np.nonzero(opacity(tmp_path / previews.map))
    scale = 3000 / SHOWN
    assert len(ys) >= 1
    assert abs(ys * scale - place[0]).max() <= 2 * scale
    assert abs(xs * scale - place[1]).max() <= 2 * scale


def test_a_strong_change_is_denser(tmp_path: Path) -> None:
    pixels = np.full((40, 90, 3), 90, np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    for column, step in enumerate((1, 12, 60)):
        pixels[:, 30 * column : 30 * column + 30] += np.uint8(step)
    Image.fromarray(pixels).save(tmp_path / "b.png")
    previews = make_previews(tmp_path / "a.png", tmp_path / "b.png", tmp_path)
    weak, middle, strong = opacity(tmp_path / previews.map)[20, 15::30].astype(int)
    assert 0 < weak < middle < strong < 255


def test_a_step_of_16_bits_is_a_change(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    pixels = np.full((50, 60, 3), 30_000, np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    pixels[10, 20, 2] += 1
    tifffile.imwrite(tmp_path / "b.tif", pixels, photometric="rgb")
    previews = make_previews(tmp_path / "a.tif", tmp_path / "b.tif", tmp_path)
    assert previews.most == 1
    assert [indices.tolist() for indices in np.nonzero(opacity(tmp_path / previews.map))] == [[10], [20]]
    assert not previews.full  # no browser opens it


def test_what_no_browser_opens_has_larger_pictures(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    pixels = np.zeros((40, 4000, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    Image.fromarray(pixels).save(tmp_path / "a.png")
    for name, side, full in (("a.tif", SHOWN_ALONE, False), ("a.png", SHOWN, True)):
        previews = make_previews(tmp_path / name, None, tmp_path)
        assert Image.open(tmp_path / previews.before).size[0] == side
        assert Image.open(tmp_path / previews.thumb).size[0] == THUMB
        assert previews.full is full


def test_a_copy_has_one_picture_and_no_map(write_pair: Write, tmp_path: Path) -> None:
    previews = make(write_pair("a.png", same=True), tmp_path / "p")
    assert (previews.after, previews.map, previews.share, previews.most) == ("", "", 0, 0)
    assert {path.name for path in (tmp_path / "p").iterdir()} == files_of(previews)


def test_another_container_with_the_same_pixels_is_no_change(write_pair: Write, tmp_path: Path) -> None:
    job = write_pair("a.png", same=True)
    Image.open(job.source).save(job.destination, compress_level=0)
    assert job.source.read_bytes() != job.destination.read_bytes()
    assert make(job, tmp_path / "p").after == ""


def test_pictures_stand_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (60, 30)).save(tmp_path / "a.jpg", exif=exif)
    previews = make_previews(tmp_path / "a.jpg", None, tmp_path)
    assert (previews.width, previews.height) == (30, 60)
    assert Image.open(tmp_path / previews.before).size == (30, 60)


def test_another_profile_is_brought_to_srgb(tmp_path: Path) -> None:
    """In a profile with the red and green primaries exchanged, what is stored as red looks green."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    table = {bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * profile[131], 12)}
    red, green = table[b"rXYZ"] + 4, table[b"gXYZ"] + 4
    profile[red : red + 4], profile[green : green + 4] = profile[green : green + 4], profile[red : red + 4]
    Image.new("RGB", (40, 40), (220, 30, 30)).save(tmp_path / "a.png", icc_profile=bytes(profile))
    previews = make_previews(tmp_path / "a.png", None, tmp_path)
    shown = Image.open(tmp_path / previews.before)
    red_shown, green_shown, _ = shown.getpixel((20, 20))  # type: ignore[misc]
    assert green_shown > 180 > 80 > red_shown
    assert "icc_profile" not in shown.info


def test_a_broken_profile_does_no_harm(tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), (220, 30, 30)).save(tmp_path / "a.png", icc_profile=b"no profile at all")
    previews = make_previews(tmp_path / "a.png", None, tmp_path)
    assert abs(np.asarray(Image.open(tmp_path / previews.before)).astype(int) - (220, 30, 30)).max() <= 4


def test_another_size_is_said(write_pair: Write, tmp_path: Path) -> None:
    job = write_pair("a.png")
    Image.new("RGB", (60, 40)).save(job.destination)
    previews = make(job, tmp_path / "p")
    assert previews.after
    assert previews.map == ""
    assert "another size" in previews.note


@pytest.mark.parametrize("damage", [b"", b"no photo", None])
def test_a_result_that_cannot_be_read_is_said(write_pair: Write, tmp_path: Path, damage: bytes | None) -> None:
    job = write_pair("a.png")
    job.destination.unlink() if damage is None else job.destination.write_bytes(damage)
    previews = make(job, tmp_path / "p")
    assert (previews.after, previews.map) == ("", "")
    assert previews.note.startswith("The result ")


def test_a_photo_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no photo")
    with pytest.raises(PhotoError):
        make_previews(tmp_path / "a.jpg", None, tmp_path / "p")
    assert not list(tmp_path.glob("p/*"))


def test_a_photo_over_the_limit_is_refused(write_pair: Write, tmp_path: Path) -> None:
    job = write_pair("a.png")
    with pytest.raises(PhotoError, match="limit"):
        make_previews(job.source, job.destination, tmp_path / "p", max_megapixels=0.009)
    assert make_previews(job.source, job.destination, tmp_path / "p", max_megapixels=0.01).after


def test_pictures_are_made_once_and_anew_for_another_result(write_pair: Write, tmp_path: Path) -> None:
    job = write_pair("a.png")
    first = make(job, tmp_path / "p")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "p").iterdir()}
    assert make(job, tmp_path / "p") == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "p").iterdir()} == times
    Image.new("RGB", (120, 80)).save(job.destination)
    second = make(job, tmp_path / "p")
    assert second.before != first.before
    assert second.share == 1


def test_a_damaged_note_is_made_anew(write_pair: Write, tmp_path: Path) -> None:
    job = write_pair("a.png")
    first = make(job, tmp_path / "p")
    note = next((tmp_path / "p").glob("*.json"))
    for text in ("", "[]", '{"width": 3}', "\xff"):
        note.write_text(text, "latin-1")
        assert make(job, tmp_path / "p") == first


def test_names_of_pictures_tell_nothing_of_the_photo(write_pair: Write, tmp_path: Path) -> None:
    previews = make(write_pair("secret.png"), tmp_path / "p")
    assert all("secret" not in name for name in files_of(previews))
