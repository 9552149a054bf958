"""Writing: what was not edited is not touched, what the file carried is carried on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from bpfre.photos import Photo, copy_photo, read_photo, write_photo

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description dc:creator="A" tiff:Orientation="6"/></x:xmpmeta>'
LOSSLESS = [("png", mode, depth) for mode in ("L", "LA", "RGB", "RGBA") for depth in (np.uint8, np.uint16)]
LOSSLESS += [("tif", mode, depth) for mode in ("L", "LA", "RGB", "RGBA", "CMYK") for depth in (np.uint8, np.uint16)]
LOSSLESS += [("webp", "RGB", np.uint8), ("webp", "RGBA", np.uint8)]
EVERY = [*LOSSLESS, ("jpg", "L", np.uint8), ("jpg", "RGB", np.uint8), ("jpg", "CMYK", np.uint8)]


def names(cases: list) -> list[str]:
    return [f"{kind}-{mode}-{np.dtype(depth)}" for kind, mode, depth in cases]


def options_of(kind: str) -> dict[str, object]:
    return {"webp": {"lossless": True, "exact": True}, "jpg": {"quality": 95, "subsampling": 0}}.get(kind, {})


def again(photo: Photo, rgb: np.ndarray, folder: Path) -> Photo:
    """Write an edit and read it back."""
    destination = folder / "out" / photo.path.name
    write_photo(photo, rgb, destination)
    return read_photo(destination)


def edited(rgb: np.ndarray) -> np.ndarray:
    """Brighten one spot a little, in different measure a channel."""
    after = rgb.copy()
    full = int(np.iinfo(rgb.dtype).max)
    spot = after[10:16, 20:30].astype(np.int64) + full * np.array([9, 6, 4]) // 100
    after[10:16, 20:30] = np.clip(spot, 0, full)
    return after


@pytest.mark.parametrize(("kind", "mode", "depth"), LOSSLESS, ids=names(LOSSLESS))
def test_unedited_samples_are_bit_identical(kind, mode, depth, samples, save, tmp_path) -> None:
    photo = read_photo(save(f"a.{kind}", samples(mode, depth), mode, **options_of(kind)))
    back = again(photo, photo.rgb, tmp_path)
    assert (back.format, back.mode, back.native.dtype) == (photo.format, mode, depth)
    np.testing.assert_array_equal(back.native, photo.native)


@pytest.mark.parametrize(("kind", "mode", "depth"), LOSSLESS, ids=names(LOSSLESS))
def test_an_edit_stays_where_it_is(kind, mode, depth, samples, save, tmp_path) -> None:
    photo = read_photo(save(f"a.{kind}", samples(mode, depth), mode, **options_of(kind)))
    after = edited(photo.rgb)
    back = again(photo, after, tmp_path)
    untouched = (after == photo.rgb).all(axis=2)
    assert 0 < (~untouched).sum() <= 60
    np.testing.assert_array_equal(back.native[untouched], photo.native[untouched])
    if mode in ("LA", "RGBA"):
        np.testing.assert_array_equal(back.native[..., -1], photo.native[..., -1])
    if mode == "CMYK":
        np.testing.assert_array_equal(back.native[..., 3], photo.native[..., 3])
        paper = np.iinfo(depth).max - photo.native[..., 3:].astype(int)  # brighter than paper cannot be printed
        assert np.abs(back.rgb.astype(int) - np.minimum(after, paper)).max() <= 1
    elif mode in ("RGB", "RGBA"):
        np.testing.assert_array_equal(back.rgb, after)
    else:
        luma = after[~untouched] @ np.array([0.299, 0.587, 0.114])
        assert np.abs(back.native[~untouched][:, 0] - luma).max() <= 0.51


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", ["png", "tif"])
def test_an_edit_of_a_turned_photo_stays_where_it_is(kind, depth, orientation, samples, save, exif, tmp_path) -> None:
    photo = read_photo(save(f"a.{kind}", samples("RGB", depth), "RGB", exif=exif(orientation)))
    after = edited(photo.rgb)
    np.testing.assert_array_equal(again(photo, after, tmp_path).rgb, after)


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize(("kind", "mode", "depth"), EVERY, ids=names(EVERY))
def test_metadata_is_kept(
    kind, mode, depth, orientation, samples, save, tmp_path, exif: Callable[[int], bytes], icc: bytes
) -> None:
    """Checked with Pillow: orientation 1 and upright pixels; in JPEG both as they are stored; all else as it was."""
    xmp = XMP.replace(b'"6"', b'"%d"' % orientation)
    carried = {"exif": exif(orientation), "xmp": xmp, "icc": icc}
    photo = read_photo(save(f"a.{kind}", samples(mode, depth), mode, **carried, **options_of(kind)))
    back = again(photo, photo.rgb, tmp_path)
    assert back.rgb.shape == photo.rgb.shape
    if (kind, mode, depth) == ("tif", "LA", np.uint16):  # Pillow cannot open these
        block, profile = Image.Exif(), back.icc
        block.load(back.exif or b"")
    else:
        with Image.open(back.path) as image:
            upright = ImageOps.exif_transpose(image) if kind == "jpg" else image
            assert upright.size == photo.rgb.shape[1::-1]  # in others than JPEG nothing is left to be turned
            block, profile = image.getexif(), image.info["icc_profile"]
            block.get_ifd(0x8769), block.get_ifd(0x8825)  # are read as long as the file is open
    assert profile == icc
    assert block[0x0112] == (orientation if kind == "jpg" else 1)
    assert block[0x010F] == "Maker"
    assert block.get_ifd(0x8769)[0x9003] == "2026:11:22 10:11:12"
    assert block.get_ifd(0x8825) == {1: "N", 2: (48.0, 12.0, 30.5)}
    expected = (37, 52) if orientation == 6 and kind != "jpg" else (52, 37)
    assert (block.get_ifd(0x8769)[0xA002], block.get_ifd(0x8769)[0xA003]) == expected
    assert back.icc == icc
    assert back.xmp == XMP.replace(b'"6"', b'"1"')


@pytest.mark.parametrize(("kind", "mode", "depth"), EVERY, ids=names(EVERY))
def test_files_without_metadata_get_none(kind, mode, depth, samples, save, tmp_path) -> None:
    photo = read_photo(save(f"a.{kind}", samples(mode, depth), mode, **options_of(kind)))
    back = again(photo, photo.rgb, tmp_path)
    assert back.icc is None and back.xmp is None
    if kind != "tif":  # a TIFF always has tags
        assert back.exif is None


def test_the_format_follows_the_content(samples, save, tmp_path) -> None:
    photo = read_photo(save("a.jpg", samples("RGB"), "RGB", kind=".png"))
    back = again(photo, photo.rgb, tmp_path)
    assert back.path.name == "a.jpg"
    assert back.path.read_bytes().startswith(b"\x89PNG")


def test_a_second_round_changes_nothing(samples, save, tmp_path, exif, icc) -> None:
    for name, mode, depth in (
        ("a.png", "LA", np.uint16),
        ("b.tif", "CMYK", np.uint16),
        ("c.tif", "RGB", np.uint8),
    ):
        photo = read_photo(save(name, samples(mode, depth), mode, exif=exif(8), icc=icc, xmp=XMP))
        once = again(photo, photo.rgb, tmp_path / "1")
        twice = again(once, once.rgb, tmp_path / "2")
        assert once.path.read_bytes() == twice.path.read_bytes()


def test_nothing_given_is_written_to(samples, save, tmp_path) -> None:
    photo = read_photo(save("a.tif", samples("CMYK", np.uint16), "CMYK"))
    native, rgb = photo.native.copy(), edited(photo.rgb)
    given = rgb.copy()
    write_photo(photo, rgb, tmp_path / "b.tif")
    np.testing.assert_array_equal(photo.native, native)
    np.testing.assert_array_equal(rgb, given)


def test_the_source_may_be_the_destination(samples, save) -> None:
    path = save("a.png", samples("RGB"), "RGB")
    photo = read_photo(path)
    after = edited(photo.rgb)
    write_photo(photo, after, path)
    np.testing.assert_array_equal(read_photo(path).rgb, after)


def test_arrays_that_do_not_fit_are_refused(samples, save, tmp_path) -> None:
    photo = read_photo(save("a.png", samples("RGB"), "RGB"))
    for wrong in (photo.rgb[1:], photo.rgb.astype(np.uint16), photo.rgb[..., :2]):
        with pytest.raises(ValueError, match="rgb has to be"):
            write_photo(photo, wrong, tmp_path / "b.png")
    assert not (tmp_path / "b.png").exists()


def test_copies_are_byte_for_byte(tmp_path) -> None:
    content = bytes(range(256)) * 9000
    (tmp_path / "a.jpg").write_bytes(content)
    copy_photo(tmp_path / "a.jpg", tmp_path / "деталь" / "sub" / "b.jpg")
    assert (tmp_path / "деталь" / "sub" / "b.jpg").read_bytes() == content
