"""An edit of a JPEG changes the blocks it touches and nothing else, in coefficients and in pixels."""

from __future__ import annotations

import struct
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from bpfre.photos import Photo, jpeg_dct, read_photo, write_photo
from bpfre.photos.colour import with_rgb
from bpfre.photos.jpeg_segments import split
from bpfre.photos.orientation import turn_back

jpeglib = pytest.importorskip("jpeglib", reason="jpeglib has no wheel for this machine")
skimage_data = pytest.importorskip("skimage.data", reason="the example portrait comes with scikit-image")

SUBSAMPLINGS = {"444": 0x111111, "422": 0x211111, "420": 0x221111, "411": 0x411111, "440": 0x121111}
ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    """Return RGB of a size that is no multiple of any block's."""
    return np.ascontiguousarray(skimage_data.astronaut()[30:181, 130:303])


@pytest.fixture
def image(portrait: np.ndarray) -> Image.Image:
    return Image.fromarray(portrait)


def edited(rgb: np.ndarray) -> np.ndarray:
    """Change a spot that lies over several blocks, a single pixel, and the last corner."""
    height, width = rgb.shape[:2]
    y, x = np.mgrid[:height, :width]
    change = np.zeros(rgb.shape)
    for row, column, radius in ((60, 70, 9.0), (height - 1, width - 1, 6.0)):
        spot = np.clip(1 - np.hypot(y - row, x - column) / radius, 0, 1)
        change += spot[..., None] * np.array([-40, 25, 15])
    change[20, 120] = 60
    return np.clip(rgb + np.rint(change), 0, 255).astype(np.uint8)


def coefficients(path: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return planes and quantisation tables, read with another codec than the one under test uses."""
    with jpeglib.version("9f"):
        stored = jpeglib.read_dct(str(path))
        stored.load()
    planes = [plane for plane in (stored.Y, stored.Cb, stored.Cr, stored.K) if plane is not None]
    return planes, [stored.get_component_qt(index) for index in range(len(planes))]


def settings(path: Path) -> tuple[object, ...]:
    with Image.open(path) as stored:
        tables = {key: tuple(table) for key, table in stored.quantization.items()}
        return stored.size, stored.mode, stored.layer, tables, bool(stored.info.get("progressive"))


def write(path: Path, rgb: np.ndarray | None = None) -> tuple[Photo, np.ndarray, Path]:
    """Edit a file and write it; it has to be done exactly."""
    photo = read_photo(path)
    after = edited(photo.rgb) if rgb is None else rgb
    out = path.with_name("out.jpg")
    assert write_photo(photo, after, out) == ""
    return photo, after, out


def assert_exact(path: Path, *, compare_coefficients: bool = True) -> None:
    photo, after, out = write(path)
    orientation = photo.encoding.stored.orientation  # type: ignore[attr-defined]
    changed = turn_back((after != photo.rgb).any(axis=2, keepdims=True), orientation)[..., 0]
    assert settings(out) == settings(path)
    factors = [component[1:3] for component in settings(path)[2]]  # type: ignore[attr-defined]
    across, down = (max(values) for values in zip(*factors, strict=True))
    if compare_coefficients:
        (before, tables), (now, tables_now) = coefficients(path), coefficients(out)
        np.testing.assert_array_equal(tables_now, tables)
        for plane, plane_now, (h, v) in zip(before, now, factors, strict=True):
            touched = covered(changed, plane.shape[:2], 8 * down // v, 8 * across // h)
            np.testing.assert_array_equal(plane_now[~touched], plane[~touched])
        assert any((plane != plane_now).any() for plane, plane_now in zip(before, now, strict=True))
    units = covered(
        changed, (-(-changed.shape[0] // (8 * down)), -(-changed.shape[1] // (8 * across))), 8 * down, 8 * across
    )
    area = units.repeat(8 * down, 0).repeat(8 * across, 1)[: changed.shape[0], : changed.shape[1]]
    area = cv2.dilate(area.astype(np.uint8), np.ones((3, 3))).astype(bool)  # where decoders interpolate chroma
    assert not area.all()
    stored_now, stored = (turn_back(item.native, orientation) for item in (read_photo(out), photo))
    np.testing.assert_array_equal(stored_now[~area], stored[~area])
    inside = (after != photo.rgb).any(axis=2)
    edit = with_rgb(photo.native, photo.mode, photo.rgb, after)
    wanted, got, was = (item[inside].astype(int) for item in (edit, read_photo(out).native, photo.native))
    assert np.abs(got - wanted).mean() < 0.4 * np.abs(was - wanted).mean()


def covered(changed: np.ndarray, blocks: tuple[int, ...], height: int, width: int) -> np.ndarray:
    """Return which blocks of a size in px have a changed pixel."""
    result = np.zeros(blocks, bool)
    for row, column in np.argwhere(changed):
        result[row // height, column // width] = True
    return result


@pytest.mark.parametrize("quality", [70, 98])
@pytest.mark.parametrize("subsampling", SUBSAMPLINGS.values(), ids=SUBSAMPLINGS)
def test_every_subsampling(portrait: np.ndarray, subsampling: int, quality: int, tmp_path: Path) -> None:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, subsampling]
    path = tmp_path / "a.jpg"
    assert cv2.imwrite(str(path), portrait[..., ::-1], options)
    assert_exact(path)


@pytest.mark.parametrize(
    "options",
    [
        {"progressive": True},
        {"progressive": True, "subsampling": 0},
        {"restart_marker_blocks": 3},
        {"keep_rgb": True, "subsampling": 0},
        {"optimize": True, "qtables": [[9] * 64, [25] * 64]},
    ],
    ids=lambda options: "-".join(options),
)
def test_every_way_to_write(image: Image.Image, options: dict, tmp_path: Path) -> None:
    image.save(tmp_path / "a.jpg", quality=90, **options)
    assert_exact(tmp_path / "a.jpg")


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk(image: Image.Image, mode: str, tmp_path: Path) -> None:
    image.convert(mode).save(tmp_path / "a.jpg", quality=92)
    assert_exact(tmp_path / "a.jpg")


def test_ycck(portrait: np.ndarray, tmp_path: Path) -> None:
    """CMYK as Photoshop stores it: its first three inks as luma and chroma."""
    cmyk, inks, path = (tmp_path / name for name in ("cmyk.jpg", "inks.jpg", "a.jpg"))
    table = [3] * 64
    Image.fromarray(np.dstack((255 - portrait, portrait[..., 0] // 4)), "CMYK").save(cmyk, qtables=[table, table])
    Image.fromarray(255 - portrait).save(inks, qtables=[table, table], subsampling=0)
    source, other = jpeglib.read_dct(str(cmyk)), jpeglib.read_dct(str(inks))
    source.Y, source.Cb, source.Cr = other.Y, other.Cb, other.Cr
    source.markers = []  # libjpeg writes Adobe's itself
    source.write_dct(str(path), quality=0)
    data = path.read_bytes()
    place = data.index(b"Adobe") + 11  # its word on the transform
    path.write_bytes(data[:place] + b"\2" + data[place + 1 :])
    assert np.abs(read_photo(path).native[..., :3].astype(int) - (255 - portrait)).mean() < 2
    assert_exact(path)


@pytest.mark.parametrize("progressive", [False, True])
def test_arithmetic_coding_becomes_huffman(portrait: np.ndarray, progressive: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with jpeglib.version("turbo210"):
        source = jpeglib.from_spatial(portrait)
        source.progressive_mode = progressive
        source.write_spatial(str(path), qt=90, flags=["ARITH_CODE"])
    marker = b"\xff\xca" if progressive else b"\xff\xc9"
    assert marker in path.read_bytes()
    assert_exact(path, compare_coefficients=False)
    assert marker not in path.with_name("out.jpg").read_bytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_stays_as_it_is_stored(image: Image.Image, orientation: int, exif, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    image.save(path, quality=95, exif=exif(orientation))
    assert_exact(path)
    photo, after, out = write(path)
    with Image.open(out) as stored, Image.open(path) as source:
        assert stored.getexif()[ORIENTATION] == orientation and stored.size == source.size
        assert stored.info["exif"] == source.info["exif"]  # it has no thumbnail
        seen = np.asarray(ImageOps.exif_transpose(stored)).astype(int)
    assert np.abs(seen - after)[50:70, 60:80].mean() < 0.4 * np.abs(photo.rgb.astype(int) - after)[50:70, 60:80].mean()


def test_no_edit_changes_no_coefficient(image: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    image.save(path, quality=97)
    photo, _, out = write(path, read_photo(path).rgb)
    for plane, plane_now in zip(coefficients(path)[0], coefficients(out)[0], strict=True):
        np.testing.assert_array_equal(plane_now, plane)
    np.testing.assert_array_equal(read_photo(out).rgb, photo.rgb)


def test_ten_rounds_leave_the_rest_alone(image: Image.Image, tmp_path: Path) -> None:
    """No generation loss: the same spot is edited again and again."""
    path = tmp_path / "a.jpg"
    image.save(path, quality=95)
    first = read_photo(path).rgb
    current = path
    for turn in range(10):
        photo = read_photo(current)
        after = photo.rgb.copy()
        after[64:72, 64:72] ^= 32
        current = tmp_path / f"{turn}.jpg"
        assert write_photo(photo, after, current) == ""
    np.testing.assert_array_equal(
        np.delete(read_photo(current).rgb, np.s_[63:81], 0), np.delete(first, np.s_[63:81], 0)
    )


def test_segments_are_the_sources_own(image: Image.Image, exif, icc: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6"/></x:xmpmeta>'
    image.save(path, quality=90, dpi=(300, 150), comment=b"by hand", exif=exif(6), icc_profile=icc, xmp=xmp)
    data = path.read_bytes()
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x0b\x1c\x02\x78\0\x06Caught"
    path.write_bytes(data[:20] + struct.pack(">BBH", 0xFF, 0xED, len(iptc) + 2) + iptc + data[20:])
    _, _, out = write(path)
    before, now = (sorted(split(item.read_bytes())[0]) for item in (path, out))
    huffman = 0xC4
    assert [item for item in now if item[0] != huffman] == [item for item in before if item[0] != huffman]


def test_scans_that_are_incomplete_are_told(image: Image.Image, tmp_path: Path) -> None:
    """Decoders smooth what such a file leaves open; whole coefficients would be decoded without that."""
    path = tmp_path / "a.jpg"
    image.save(path, quality=90, progressive=True)
    data = path.read_bytes()
    scans = [place for place in range(len(data)) if data[place : place + 2] == b"\xff\xda"]
    path.write_bytes(data[: scans[3]] + b"\xff\xd9")
    photo, out = read_photo(path), tmp_path / "out.jpg"
    after = edited(photo.rgb)
    assert "more than its coefficients" in write_photo(photo, after, out)
    assert np.abs(read_photo(out).rgb.astype(int) - after).mean() < 2


def test_files_too_large_are_told(image: Image.Image, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    image.save(path, quality=90)
    monkeypatch.setattr(jpeg_dct, "_MAX_SAMPLES", 1000)
    photo = read_photo(path)
    assert write_photo(photo, photo.rgb, tmp_path / "out.jpg").endswith("million samples.")


def test_no_temporary_file_is_left(image: Image.Image, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    image.save(tmp_path / "a.jpg")
    write(tmp_path / "a.jpg")
    assert list(folder.iterdir()) == []


def test_a_full_temporary_folder_is_told(image: Image.Image, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    path = tmp_path / "a.jpg"
    image.save(path)
    photo = read_photo(path)
    assert write_photo(photo, photo.rgb, tmp_path / "out.jpg") == (
        "Every pixel was encoded anew, because jpeglib cannot write it."
    )
    assert read_photo(tmp_path / "out.jpg").rgb.shape == photo.rgb.shape


def test_threads_do_not_disturb_each_other(image: Image.Image, tmp_path: Path) -> None:
    """Sequential and progressive photos are written by different codecs, which jpeglib has one of at a time."""
    paths = [tmp_path / str(index) / "a.jpg" for index in range(12)]
    for index, path in enumerate(paths):
        path.parent.mkdir()
        image.save(path, quality=80 + index, progressive=index % 2 == 0, subsampling=index % 3)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, paths))
    together = [path.with_name("out.jpg").read_bytes() for path in paths]
    for path, data in zip(paths, together, strict=True):
        assert write(path)[2].read_bytes() == data
        assert settings(path.with_name("out.jpg")) == settings(path)
