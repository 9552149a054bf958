"""Headers that promise more pixels than the file can hold: refused before they cost memory, or ever become a photo."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from bpfre.errors import PhotoError, UnreadablePhotoError, UnsupportedPhotoError
from bpfre.photos import read_photo
from bpfre.photos.ifd import Header, read_directory
from bpfre.photos.png_extent import expected_bytes

SIDE = 17_000  # its square is just below the limit on pixels


def refused(path: Path, error: type[PhotoError], said: str) -> None:
    tracemalloc.start()
    with pytest.raises(error, match=said) as caught:
        read_photo(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.name in caught.value.message and peak < 10_000_000


def resized_png(path: Path, width: int, height: int) -> None:
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)


def resized_tiff(path: Path, width: int, height: int) -> None:
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(BytesIO(data)) as file:
        for number, value in ((256, width), (257, height), (278, height)):
            if tag := file.pages[0].tags.get(number):
                struct.pack_into(file.byteorder + {3: "H", 4: "I"}[int(tag.dtype)], data, tag.valueoffset, value)
    path.write_bytes(data)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_with_less_than_a_bit_a_block(mode: str, progressive: bool, samples, save) -> None:
    """libjpeg would make 289 megapixels of grey of it."""
    path = save("a.jpg", samples(mode), mode, progressive=progressive)
    data = bytearray(path.read_bytes())
    frame = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", SIDE, SIDE)
    path.write_bytes(data)
    refused(path, UnreadablePhotoError, "cut off")


def never(*_: object) -> None:
    pytest.fail("a decoder was asked")


def test_a_jpeg_with_a_second_frame(samples, save, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow would take its size, which nobody has checked."""
    monkeypatch.setattr("bpfre.photos.jpeg.JpegImageFile", never)
    path = save("a.jpg", samples("RGB"), "RGB")
    data = path.read_bytes()
    start = data.index(b"\xff\xc0")
    frame = data[start : start + 2 + struct.unpack_from(">H", data, start + 2)[0]]
    second = frame[:5] + struct.pack(">HH", SIDE, SIDE) + frame[9:]
    path.write_bytes(data[: start + len(frame)] + second + data[start + len(frame) :])
    refused(path, UnreadablePhotoError, "cut off")


def test_a_png_with_a_second_head(samples, save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bpfre.photos.png.PngImageFile", never)
    path = save("a.png", samples("RGB"), "RGB")
    data = path.read_bytes()
    head = b"IHDR" + struct.pack(">II", SIDE, SIDE) + data[24:29]
    second = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    path.write_bytes(data[:33] + second + data[33:])
    refused(path, UnreadablePhotoError, "cut off")


@pytest.mark.parametrize("progressive", [False, True])
def test_a_blank_jpeg_is_a_photo(progressive: bool, tmp_path: Path) -> None:
    """The fewest bytes that an encoder needs."""
    options = {"quality": 1, "optimize": True, "progressive": progressive, "subsampling": 2}
    Image.new("RGB", (3000, 2000), "white").save(tmp_path / "a.jpg", **options)
    assert (read_photo(tmp_path / "a.jpg").rgb == 255).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_png_that_unpacks_to_too_much(mode: str, dtype: type, samples, save) -> None:
    path = save("a.png", samples(mode, dtype), mode)
    resized_png(path, SIDE, SIDE)
    refused(path, UnsupportedPhotoError, "no photo does")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_a_png_without_its_last_rows(mode: str, dtype: type, samples, save) -> None:
    path = save("a.png", samples(mode, dtype), mode)
    resized_png(path, 52, 38)  # one row more than there is
    refused(path, UnreadablePhotoError, "cut off")


def test_a_palette_without_its_last_rows(samples, save) -> None:
    path = save("a.png", samples("RGB"), "RGB")
    Image.open(path).quantize(20).save(path)
    assert read_photo(path).rgb.shape == (37, 52, 3)
    resized_png(path, 52, 38)
    refused(path, UnreadablePhotoError, "cut off")


@pytest.mark.parametrize("colour", [(0, 0, 0), (9, 9, 9)])
def test_a_black_png_is_a_photo(colour: tuple[int, int, int], tmp_path: Path) -> None:
    Image.new("RGB", (3000, 2000), colour).save(tmp_path / "a.png")
    assert (read_photo(tmp_path / "a.png").rgb == colour).all()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (4, 3), (5, 5), (67, 45), (8, 8)])
@pytest.mark.parametrize(("depth", "colour", "bits"), [(8, 2, 24), (16, 6, 64), (1, 3, 1), (4, 0, 4)])
def test_bytes_of_an_interlaced_picture(width: int, height: int, depth: int, colour: int, bits: int) -> None:
    """Against the definition: which pass each pixel of an 8 x 8 square belongs to."""
    square = np.array([list(map(int, row)) for row in INTERLACE.split()])
    order = np.tile(square, (height // 8 + 1, width // 8 + 1))[:height, :width]
    expected = 0
    for number in range(1, 8):
        rows = (order == number).sum(axis=1)
        expected += sum(1 + -(-int(columns) * bits // 8) for columns in rows if columns)
    assert expected_bytes(width, height, depth, colour, interlaced=True) == expected
    assert expected_bytes(width, height, depth, colour, interlaced=False) == height * (1 + -(-width * bits // 8))


INTERLACE = "16462646 77777777 56565656 77777777 36463646 77777777 56565656 77777777"


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "lzma", "zstd", "jpeg"])
def test_a_tiff_that_unpacks_to_too_much(compression: str | None, samples, save) -> None:
    path = save("a.tif", samples("RGB"), "RGB", **({"compression": compression} if compression else {}))
    resized_tiff(path, SIDE, SIDE)
    refused(path, PhotoError, "cut off" if compression is None else "no photo does")


@pytest.mark.parametrize(
    "options", [{"tile": (16, 16)}, {"tile": (16, 16), "compression": "zlib"}, {"rowsperstrip": 5}]
)
def test_a_tiff_without_some_of_its_parts(options: dict[str, object], samples, tmp_path: Path) -> None:
    """Tiles that are missing would be black."""
    path = tmp_path / "a.tif"
    pixels = np.tile(samples("RGB", np.uint16), (8, 8, 1))
    tifffile.imwrite(path, pixels, photometric="rgb", metadata=None, **options)
    np.testing.assert_array_equal(read_photo(path).rgb, pixels)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        tag = file.pages[0].tags[257]
    struct.pack_into({3: "<H", 4: "<I"}[int(tag.dtype)], data, tag.valueoffset, len(pixels) + 20)
    path.write_bytes(data)
    refused(path, UnreadablePhotoError, "cut off")


@pytest.mark.parametrize("number", [322, 323, 278])
def test_a_tiff_with_parts_of_no_size(number: int, samples, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    layout = {"rowsperstrip": 5} if number == 278 else {"tile": (16, 16)}
    tifffile.imwrite(path, samples("RGB"), photometric="rgb", metadata=None, **layout)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        tag = file.pages[0].tags[number]
    struct.pack_into({3: "<H", 4: "<I"}[int(tag.dtype)], data, tag.valueoffset, 0)
    path.write_bytes(data)
    refused(path, UnreadablePhotoError, "cut off")


def test_a_webp_that_unpacks_to_too_much(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    Image.new("RGB", (12_000, 12_000)).save(path, lossless=True, quality=0, method=0)
    assert path.stat().st_size < 100_000
    refused(path, UnsupportedPhotoError, "no photo does")


def test_a_webp_with_a_canvas_longer_than_any_picture(samples, save) -> None:
    path = save("a.webp", samples("RGBA"), "RGBA")
    data = bytearray(path.read_bytes())
    canvas = data.index(b"VP8X") + 12
    data[canvas : canvas + 3] = (16_383).to_bytes(3, "little")  # the width less one
    path.write_bytes(data)
    refused(path, UnreadablePhotoError, "cut off")


def test_values_that_all_lie_over_each_other_do_not_fill_the_memory() -> None:
    """A directory of 20 000 entries, each as long as the block itself: 5 GB if all were read."""
    count, size = 20_000, 260_000
    entries = b"".join(struct.pack("<HHII", tag, 7, size - 20, 10) for tag in range(count))
    block = (b"II*\0" + struct.pack("<IH", 8, count) + entries).ljust(size, b"\0")
    tracemalloc.start()
    found = read_directory(block, 8, Header("<", False, 8)).entries
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 1 <= len(found) <= 4 and peak < 10_000_000


def test_a_chain_of_thumbnails_without_end(samples, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(samples("RGB"), photometric="rgb", metadata=None)
        for _ in range(120):
            writer.write(samples("RGB")[:4, :4], photometric="rgb", metadata=None, subfiletype=1)
    refused(path, UnsupportedPhotoError, "several pages")
