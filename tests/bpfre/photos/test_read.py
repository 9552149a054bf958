"""Reading: modes and depths of every format, and orientation, against independent decoders."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from bpfre.errors import UnsupportedPhotoError
from bpfre.photos import Photo, read_photo, rgb8

CASES = [("png", mode, depth) for mode in ("L", "LA", "RGB", "RGBA") for depth in (np.uint8, np.uint16)] + [
    ("tif", mode, depth) for mode in ("L", "LA", "RGB", "RGBA", "CMYK") for depth in (np.uint8, np.uint16)
]
LOSSLESS_CASES = [*CASES, ("webp", "RGB", np.uint8), ("webp", "RGBA", np.uint8)]
ALL_CASES = [*LOSSLESS_CASES, ("jpg", "L", np.uint8), ("jpg", "RGB", np.uint8), ("jpg", "CMYK", np.uint8)]
IDS = [f"{kind}-{mode}-{np.dtype(depth)}" for kind, mode, depth in ALL_CASES]
FORMATS = {"png": "PNG", "tif": "TIFF", "webp": "WEBP", "jpg": "JPEG"}
TURNS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


def options_of(kind: str) -> dict[str, object]:
    return {"webp": {"lossless": True, "exact": True}, "jpg": {"quality": 95, "subsampling": 0}}.get(kind, {})


def assert_sound(photo: Photo) -> None:
    assert photo.rgb.shape == (*photo.native.shape[:2], 3)
    assert photo.rgb.dtype == photo.native.dtype
    assert photo.rgb.flags.c_contiguous
    assert not photo.rgb.flags.writeable and not photo.native.flags.writeable


@pytest.mark.parametrize(("kind", "mode", "depth"), LOSSLESS_CASES, ids=IDS[: len(LOSSLESS_CASES)])
def test_lossless_files_decode_exactly(kind: str, mode: str, depth: type, samples, save) -> None:
    pixels = samples(mode, depth)
    photo = read_photo(save(f"a.{kind}", pixels, mode, **options_of(kind)))
    assert (photo.format, photo.mode, photo.native.dtype) == (FORMATS[kind], mode, depth)
    np.testing.assert_array_equal(photo.native, pixels)
    assert_sound(photo)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_decodes_as_its_samples(mode: str, samples, save) -> None:
    pixels = samples(mode)
    photo = read_photo(save("a.jpg", pixels, mode, quality=98, subsampling=0))
    assert (photo.format, photo.mode) == ("JPEG", mode)
    assert np.abs(photo.native.astype(int) - pixels).max() < 16
    assert_sound(photo)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("kind", "mode", "depth"), ALL_CASES, ids=IDS)
def test_orientation_is_applied_once(
    kind: str, mode: str, depth: type, orientation: int, samples, save, exif: Callable[[int], bytes]
) -> None:
    pixels = samples(mode, depth)
    plain = read_photo(save(f"plain.{kind}", pixels, mode, **options_of(kind)))
    turned = read_photo(save(f"turned.{kind}", pixels, mode, exif=exif(orientation), **options_of(kind)))
    np.testing.assert_array_equal(turned.native, TURNS[orientation](plain.native))
    assert_sound(turned)
    block = Image.Exif()
    block.load(turned.exif or b"")
    assert block[0x0112] == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_as_pillow_does(orientation: int, samples, save, exif: Callable[[int], bytes]) -> None:
    path = save("a.png", samples("RGB"), "RGB", exif=exif(orientation))
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_photo(path).rgb, expected)


@pytest.mark.parametrize(("kind", "alpha"), [("png", False), ("png", True), ("tif", False)])
def test_palettes_become_colour(kind: str, alpha: bool, samples, save, tmp_path: Path) -> None:
    height, width = 20, 30
    indices = (np.arange(height * width) % 7).astype(np.uint8).reshape(height, width)
    palette = np.random.default_rng(0).integers(0, 256, (7, 3), dtype=np.uint8)
    image = Image.fromarray(indices)
    image.putpalette(palette.tobytes())
    path = tmp_path / f"a.{kind}"
    image.save(path, **({"transparency": bytes(range(0, 7))} if alpha else {}))
    photo = read_photo(path)
    assert photo.mode == ("RGBA" if alpha else "RGB")
    np.testing.assert_array_equal(photo.rgb, palette[indices])
    if alpha:
        np.testing.assert_array_equal(photo.native[..., 3], indices)


def test_bilevel_becomes_grey(tmp_path: Path) -> None:
    dots = np.random.default_rng(0).random((20, 30)) < 0.5
    for name in ("a.png", "a.tif"):
        Image.fromarray(dots).save(tmp_path / name)
        photo = read_photo(tmp_path / name)
        assert photo.mode == "L"
        np.testing.assert_array_equal(photo.native[..., 0], dots * np.uint8(255))


def test_content_decides_not_the_name(samples, save) -> None:
    pixels = samples("RGB")
    path = save("picture.jpg", pixels, "RGB", kind=".png")
    photo = read_photo(path)
    assert photo.format == "PNG"
    np.testing.assert_array_equal(photo.rgb, pixels)


def test_paths_beyond_ascii(samples, save) -> None:
    pixels = samples("RGB", np.uint16)
    for name in ("größe 漢字/фото 🙂.png", "größe 漢字/фото 🙂.tif"):
        np.testing.assert_array_equal(read_photo(save(name, pixels, "RGB")).rgb, pixels)


def test_second_picture_of_a_phone_jpeg_is_ignored(samples, tmp_path: Path) -> None:
    first, second = (Image.fromarray(samples("RGB", width=w)) for w in (52, 16))
    path = tmp_path / "a.jpg"
    first.save(path, "MPO", save_all=True, append_images=[second])
    photo = read_photo(path)
    assert (photo.format, photo.rgb.shape) == ("JPEG", (37, 52, 3))
    assert not any(content.startswith(b"MPF") for _, content in photo.encoding.segments)


def test_rgb8_rounds_16_bits(samples, save) -> None:
    pixels = samples("RGB", np.uint16)
    photo = read_photo(save("a.png", pixels, "RGB"))
    np.testing.assert_array_equal(rgb8(photo), np.rint(pixels / 257.0).astype(np.uint8))


def test_rgb8_of_8_bits_copies_nothing(samples, save) -> None:
    photo = read_photo(save("a.png", samples("RGB"), "RGB"))
    assert rgb8(photo) is photo.rgb


def test_rgb_photo_holds_its_pixels_once(samples, save) -> None:
    photo = read_photo(save("a.png", samples("RGB"), "RGB"))
    assert np.shares_memory(photo.rgb, photo.native)


def test_nothing_is_printed_about_damaged_metadata(samples, save, tmp_path: Path) -> None:
    """Pillow and libpng would warn on stderr about each of these files."""
    broken = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0\x01\0\0\0"
    paths = [
        save("a.jpg", samples("RGB"), "RGB", exif=broken),
        save("b.png", samples("RGB", np.uint16), "RGB", exif=broken, icc=b"no profile"),
        save("c.png", samples("RGB"), "RGB", exif=broken),
        save("d.webp", samples("RGB"), "RGB", exif=broken),
    ]
    for name, depth, tag, change in (("g.tif", np.uint8, 284, 4), ("h.tif", np.uint16, 279, 0)):
        path = save(name, samples("RGB", depth), "RGB")  # a number too many; sizes of strips missing
        with tifffile.TiffFile(path) as file:
            place = file.pages[0].tags[tag].offset + change
        data = bytearray(path.read_bytes())
        data[place : place + 2] = b"\2\0" if change else b"\xe8\xfd"
        path.write_bytes(data)
        paths.append(path)
    large = Image.new("L", (9500, 9500))  # Pillow warns of 90 megapixels
    large.save(tmp_path / "e.jpg")
    large.save(tmp_path / "f.tif", compression="tiff_lzw")
    code = "import sys; from pathlib import Path; from bpfre.photos import read_photo\n"
    code += "for name in sys.argv[1:]: print(read_photo(Path(name)).rgb.shape)"
    names = [str(path) for path in (*paths, tmp_path / "e.jpg", tmp_path / "f.tif")]
    done = subprocess.run([sys.executable, "-W", "always", "-c", code, *names], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["(37, 52, 3)"] * 6 + ["(9500, 9500, 3)"] * 2


@pytest.mark.parametrize(("kind", "mode", "depth"), [case for case in ALL_CASES if case[0] != "webp"])
def test_pillows_own_limit_does_not_count(kind, mode, depth, samples, save, monkeypatch) -> None:
    """Pillow warns of a size and refuses twice that size, below what is handled here."""
    options: dict[str, object] = {"compression": "tiff_lzw"} if (kind, depth) == ("tif", np.uint8) else {}
    path = save(f"a.{kind}", samples(mode, depth), mode, **options)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 37 * 52 // 3)
    assert read_photo(path).native.shape[:2] == (37, 52)


def test_large_webp_is_refused_in_plain_words(samples, save, monkeypatch) -> None:
    path = save("a.webp", samples("RGB"), "RGB")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 37 * 52 // 3)
    with pytest.raises(UnsupportedPhotoError, match="too large"):
        read_photo(path)
