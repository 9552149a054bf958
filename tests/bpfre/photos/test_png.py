"""PNG: chunks of the source, transparent colours, old EXIF."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from bpfre.photos import Photo, read_photo, write_photo


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def insert(path: Path, *chunks: tuple[bytes, bytes]) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:33] + b"".join(chunk(*item) for item in chunks) + data[33:])


def rewritten(photo: Photo) -> Path:
    destination = photo.path.with_name("out.png")
    write_photo(photo, photo.rgb, destination)
    return destination


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_descriptive_chunks_are_kept(depth: type, samples, save) -> None:
    path = save("a.png", samples("RGB", depth), "RGB")
    carried = [
        (b"gAMA", struct.pack(">I", 45455)),
        (b"pHYs", struct.pack(">IIB", 11811, 5906, 1)),
        (b"tEXt", b"Author\0A. Person"),
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"taken by hand")),
        (b"iTXt", b"Title\0\0\0de\0Titel\0Bild"),
    ]
    insert(path, *carried)
    written = rewritten(read_photo(path)).read_bytes()
    for item in carried:
        assert written.count(chunk(*item)) == 1
    assert cv2.imdecode(np.frombuffer(written, np.uint8), cv2.IMREAD_UNCHANGED).dtype == depth


def test_resolution_turns_with_the_picture(samples, save, exif) -> None:
    path = save("a.png", samples("RGB", np.uint16), "RGB", exif=exif(6))
    insert(path, (b"pHYs", struct.pack(">IIB", 11811, 5906, 1)))
    assert chunk(b"pHYs", struct.pack(">IIB", 5906, 11811, 1)) in rewritten(read_photo(path)).read_bytes()


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_transparent_colour_becomes_alpha(mode: str, depth: type, samples, save) -> None:
    pixels = samples(mode, depth)
    path = save("a.png", pixels, mode)
    key = pixels[5, 7]
    insert(path, (b"tRNS", key.astype(">u2").tobytes()))
    photo = read_photo(path)
    assert photo.mode == mode + "A"
    np.testing.assert_array_equal(photo.native[..., :-1], pixels)
    expected = np.where((pixels == key).all(axis=2), 0, np.iinfo(depth).max)
    np.testing.assert_array_equal(photo.native[..., -1], expected)
    np.testing.assert_array_equal(read_photo(rewritten(photo)).native, photo.native)


def test_16_bit_grey_with_alpha_is_what_others_read(samples, save) -> None:
    pixels = samples("LA", np.uint16)
    written = rewritten(read_photo(save("a.png", pixels, "LA")))
    assert written.read_bytes()[24:26] == b"\x10\x04"
    decoded = cv2.imdecode(np.frombuffer(written.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(decoded[..., [0, 3]], pixels)


def test_exif_in_its_old_place(samples, save, exif) -> None:
    """ImageMagick wrote EXIF as hexadecimal text; it is applied and moves to the place it has today."""
    block = exif(6)
    text = b"\nexif\n%8d\n" % len(block) + block.hex().encode() + b"\n"
    path = save("a.png", samples("RGB"), "RGB")
    insert(path, (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text)))
    photo = read_photo(path)
    assert photo.rgb.shape == (52, 37, 3)
    written = rewritten(photo)
    assert b"Raw profile" not in written.read_bytes()
    with Image.open(written) as image:
        assert image.getexif()[0x0112] == 1
        assert image.getexif()[0x010F] == "Maker"


def test_packed_xmp_is_read(samples, save) -> None:
    packet = b"<x:xmpmeta>" + b" " * 500 + b"</x:xmpmeta>"
    path = save("a.png", samples("RGB"), "RGB")
    insert(path, (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet)))
    assert read_photo(path).xmp == packet


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_interlaced_files(depth: type, samples, save, tmp_path) -> None:
    """Adam7 passes, written by hand: no library here writes them."""
    pixels = samples("RGB", depth)
    path = save("a.png", pixels, "RGB")
    passes = [
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    ]
    rows = b""
    for y, x, down, across in passes:
        for row in pixels[y::down, x::across]:
            rows += b"\0" + row.astype(">u2" if depth == np.uint16 else np.uint8).tobytes()
    head = path.read_bytes()[16:28] + b"\1"
    data = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    np.testing.assert_array_equal(read_photo(path).rgb, pixels)
