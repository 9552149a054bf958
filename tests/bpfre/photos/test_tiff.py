"""TIFF: storage, compression and tags of the source; tifffile and OpenCV check the result."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from bpfre.errors import UnsupportedPhotoError
from bpfre.photos import Photo, read_photo, write_photo

MODES = ["L", "LA", "RGB", "RGBA", "CMYK"]


def rewritten(photo: Photo) -> Path:
    destination = photo.path.with_name("out.tif")
    write_photo(photo, photo.rgb, destination)
    return destination


def tags_of(path: Path) -> dict[int, object]:
    with tifffile.TiffFile(path) as file:
        return {tag.code: tag.value for tag in file.pages[0].tags}


def page_of(path: Path) -> tifffile.TiffPage:
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 1
        return file.pages[0]


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"])
@pytest.mark.parametrize("mode", MODES)
def test_compression_is_kept_at_8_bits(mode: str, compression: str, samples, save) -> None:
    pixels = samples(mode)
    predictor = {317: 2} if compression in ("tiff_lzw", "tiff_adobe_deflate") else {}
    photo = read_photo(save("a.tif", pixels, mode, compression=compression, tiffinfo=predictor))
    np.testing.assert_array_equal(photo.native, pixels)
    before, after = page_of(photo.path), page_of(rewritten(photo))
    assert (after.compression, after.predictor) == (before.compression, before.predictor)
    with Image.open(rewritten(photo)) as image:
        np.testing.assert_array_equal(np.asarray(image).reshape(pixels.shape), pixels)


@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_deflate_is_kept_at_16_bits(mode: str, predictor: bool, samples, save) -> None:
    pixels = samples(mode, np.uint16)
    photo = read_photo(save("a.tif", pixels, mode, compression="zlib", predictor=predictor))
    after = page_of(rewritten(photo))
    assert (after.compression, after.predictor) == (8, 2 if predictor else 1)
    np.testing.assert_array_equal(tifffile.imread(rewritten(photo)).reshape(pixels.shape), pixels)


@pytest.mark.parametrize("predictor", [1, 2])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_lzw_at_16_bits(mode: str, predictor: int, samples, tmp_path) -> None:
    """OpenCV's libtiff writes the source and reads the result; tifffile alone cannot do either."""
    pixels = samples(mode, np.uint16)
    turn = {"RGB": cv2.COLOR_RGB2BGR, "RGBA": cv2.COLOR_RGBA2BGRA}.get(mode)
    settings = [cv2.IMWRITE_TIFF_COMPRESSION, 5, cv2.IMWRITE_TIFF_PREDICTOR, predictor]
    _, data = cv2.imencode(".tiff", pixels if turn is None else cv2.cvtColor(pixels, turn), settings)
    path = tmp_path / "a.tif"
    path.write_bytes(data.tobytes())
    photo = read_photo(path)
    np.testing.assert_array_equal(photo.native, pixels)
    after = page_of(rewritten(photo))
    assert (after.compression, after.predictor) == (5, predictor)
    decoded = cv2.imdecode(np.fromfile(rewritten(photo), np.uint8), cv2.IMREAD_UNCHANGED)
    back = decoded if turn is None else cv2.cvtColor(decoded, turn)  # the turn is its own inverse
    np.testing.assert_array_equal(back.reshape(pixels.shape), pixels)
    np.testing.assert_array_equal(read_photo(rewritten(photo)).native, pixels)


@pytest.mark.parametrize("mode", ["LA", "CMYK"])
@pytest.mark.parametrize("predictor", [1, 2])
def test_lzw_of_unusual_channels_at_16_bits(mode: str, predictor: int, samples, save) -> None:
    """No library here writes these; what we write ourselves from a deflated source has to come back."""
    from dataclasses import replace

    from bpfre.photos.tiff import TiffEncoding
    from bpfre.photos.tiff_pixels import LZW, Compression

    pixels = samples(mode, np.uint16)
    photo = read_photo(save("a.tif", pixels, mode))
    photo = replace(photo, encoding=TiffEncoding(Compression(LZW, predictor == 2), photo.encoding.extra))
    after = page_of(rewritten(photo))
    assert (after.compression, after.predictor, after.shape) == (5, predictor, pixels.shape)
    np.testing.assert_array_equal(read_photo(rewritten(photo)).native, pixels)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "options",
    [
        {"byteorder": ">"},
        {"byteorder": ">", "compression": "zlib", "predictor": True},
        {"planarconfig": "separate"},
        {"planarconfig": "separate", "compression": "zlib"},
        {"tile": (16, 32)},
        {"tile": (16, 32), "compression": "zlib", "predictor": True},
        {"rowsperstrip": 5, "compression": "zlib"},
        {"bigtiff": True},
        {"bigtiff": True, "byteorder": ">", "compression": "zlib"},
    ],
    ids=lambda options: "-".join(f"{value}" for value in options.values()),
)
def test_ways_of_storage(depth: type, options: dict, samples, tmp_path) -> None:
    pixels = samples("RGB", depth)
    path = tmp_path / "a.tif"
    stored = np.moveaxis(pixels, 2, 0) if options.get("planarconfig") else pixels
    tifffile.imwrite(path, stored, photometric="rgb", metadata=None, **options)
    photo = read_photo(path)
    np.testing.assert_array_equal(photo.native, pixels)
    np.testing.assert_array_equal(tifffile.imread(rewritten(photo)), pixels)


@pytest.mark.parametrize("tile", [None, (16, 32)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_strips_and_tiles_through_libtiff_in_both_byte_orders(tile, order: str, samples, tmp_path) -> None:
    """LZMA takes the same way through the code as LZW, and tifffile can write it."""
    pixels = samples("RGB", np.uint16)
    path = tmp_path / "a.tif"
    pytest.importorskip("lzma")
    tifffile.imwrite(
        path,
        pixels,
        photometric="rgb",
        metadata=None,
        compression="lzma",
        predictor=True,
        tile=tile,
        byteorder=order,
    )
    np.testing.assert_array_equal(read_photo(path).native, pixels)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_white_is_zero(depth: type, samples, tmp_path) -> None:
    pixels = samples("L", depth)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ~pixels[..., 0], photometric="miniswhite", metadata=None)
    photo = read_photo(path)
    np.testing.assert_array_equal(photo.native, pixels)
    np.testing.assert_array_equal(read_photo(rewritten(photo)).native, pixels)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("extra", ["assocalpha", "unassalpha", "unspecified"])
def test_the_meaning_of_alpha_is_kept(depth: type, extra: str, samples, tmp_path) -> None:
    """Colour premultiplied with alpha is neither divided nor multiplied: samples stay as they are."""
    pixels = samples("RGBA", depth)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=[extra], metadata=None)
    photo = read_photo(path)
    np.testing.assert_array_equal(photo.native, pixels)
    after = page_of(rewritten(photo))
    assert after.extrasamples == page_of(path).extrasamples
    np.testing.assert_array_equal(tifffile.imread(rewritten(photo)), pixels)


def test_jpeg_inside_tiff_is_written_lossless(samples, save) -> None:
    photo = read_photo(save("a.tif", samples("RGB"), "RGB", compression="jpeg"))
    after = page_of(rewritten(photo))
    assert (after.compression, after.photometric) == (8, 2)
    np.testing.assert_array_equal(tifffile.imread(rewritten(photo)), photo.rgb)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("compression", ["zlib", None])
def test_descriptive_tags_are_kept(depth: type, compression, samples, tmp_path) -> None:
    path = tmp_path / "a.tif"
    iptc = b"\x1c\x02\x78\0\x06Caught"
    tifffile.imwrite(
        path,
        samples("RGB", depth),
        photometric="rgb",
        metadata=None,
        compression=compression,
        resolution=(300, 150),
        resolutionunit="INCH",
        description="A portrait",
        software="Some camera",
        datetime="2026:11:22 10:11:12",
        byteorder=">",
        extratags=[(315, 2, 0, "A. Person", True), (33723, 7, len(iptc), iptc, True), (274, 3, 1, 6, True)],
    )
    before, after = tags_of(path), tags_of(rewritten(read_photo(path)))
    for tag in (270, 305, 306, 315, 33723, 296):
        assert after[tag] == before[tag], tag
    assert (after[282], after[283]) == (before[283], before[282])
    assert after[274] == 1
    assert list(after) == sorted(after)


def test_maker_notes_survive_as_bytes(samples, save, exif) -> None:
    block = Image.Exif()
    block.load(exif(1))
    note = bytes(range(256)) * 3
    block.get_ifd(0x8769)[0x927C] = note
    for name, depth in (("a.tif", np.uint8), ("b.tif", np.uint16), ("c.png", np.uint16)):
        photo = read_photo(save(name, samples("RGB", depth), "RGB", exif=block.tobytes()))
        with Image.open(rewritten(photo)) as image:
            assert image.getexif().get_ifd(0x8769)[0x927C] == note


def test_layers_of_photoshop_are_left_out(samples, tmp_path) -> None:
    path = tmp_path / "a.tif"
    layers = b"Adobe Photoshop Document Data Block\0" * 50
    tags = [(37724, 7, len(layers), layers, True)]
    tifffile.imwrite(path, samples("RGB"), photometric="rgb", metadata=None, extratags=tags)
    assert b"Adobe Photoshop Document" not in rewritten(read_photo(path)).read_bytes()


@pytest.mark.parametrize("photometric", ["cielab"])
def test_other_colour_spaces_are_refused(photometric: str, samples, tmp_path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, samples("RGB"), photometric=photometric, metadata=None)
    with pytest.raises(UnsupportedPhotoError, match="colour channels"):
        read_photo(path)


def test_a_directory_that_leads_back_to_itself(samples, save) -> None:
    path = save("a.tif", samples("RGB", np.uint16), "RGB")
    data = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    path.write_bytes(data)
    assert read_photo(path).rgb.shape == (37, 52, 3)


def test_files_are_sound_for_a_strict_reader(samples, save, exif, icc, capfd) -> None:
    for name, depth in (("a.tif", np.uint8), ("b.tif", np.uint16)):
        photo = read_photo(save(name, samples("RGB", depth), "RGB", exif=exif(6), icc=icc))
        data = rewritten(photo).read_bytes()
        capfd.readouterr()
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        with tifffile.TiffFile(BytesIO(data)) as file:
            assert file.pages[0].tags["ExifTag"].value["DateTimeOriginal"] == "2026:11:22 10:11:12"
        np.testing.assert_array_equal(decoded[..., ::-1], photo.rgb)
        assert capfd.readouterr().err == ""


def test_no_orientation_is_invented(tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 65536, (20, 30, 3), np.uint16)
    tifffile.imwrite(tmp_path / "in.tif", pixels, photometric="rgb")
    photo = read_photo(tmp_path / "in.tif")
    edited = photo.rgb.copy()
    edited[0, 0] = 1
    write_photo(photo, edited, tmp_path / "out.tif")
    assert "Orientation" not in tifffile.TiffFile(tmp_path / "out.tif").pages[0].tags
    assert read_photo(tmp_path / "out.tif").exif == photo.exif
