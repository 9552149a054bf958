"""Source files, written by libraries in ways that the code under test does not share."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import IFDRational, ImageFileDirectory_v2

CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description dc:creator="A. Person" tiff:Orientation="%d"/></x:xmpmeta>'

Samples = Callable[..., np.ndarray]
Save = Callable[..., Path]


@pytest.fixture
def samples() -> Samples:
    """Return [H, W, C] samples of a mode: smooth with noise, no symmetry that would hide a wrong turn."""

    def make(mode: str, dtype: type = np.uint8, *, height: int = 37, width: int = 52) -> np.ndarray:
        rng = np.random.default_rng(7)
        y, x = np.mgrid[0:height, 0:width]
        channels = [
            0.5 + 0.3 * np.sin(x / (5 + 3 * c) + c) * np.cos(y / (4 + 2 * c)) + 0.15 * x / width
            for c in range(CHANNELS[mode])
        ]
        full = np.iinfo(dtype).max
        noise = rng.normal(0, 0.01, (height, width, CHANNELS[mode]))
        return (np.clip(np.stack(channels, 2) + noise, 0, 1) * full).round().astype(dtype)

    return make


@pytest.fixture(scope="session")
def icc() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture
def exif() -> Callable[[int], bytes]:
    """Return an EXIF block with camera, capture time, size in px and GPS for an orientation."""

    def make(orientation: int) -> bytes:
        block = Image.Exif()
        block[0x010F] = "Maker"
        block[0x0112] = orientation
        block[0x011A], block[0x011B], block[0x0128] = IFDRational(300), IFDRational(150), 2
        block.get_ifd(0x8769).update({0x9003: "2026:11:22 10:11:12", 0xA002: 52, 0xA003: 37})
        block.get_ifd(0x8825).update({1: "N", 2: (48.0, 12.0, 30.5)})
        return block.tobytes()

    return make


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write samples as a file whose name tells the format; `exif`, `xmp`, `icc` are bytes."""

    def write(name: str, pixels: np.ndarray, mode: str, **options: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = options.pop("kind", path.suffix.lower())
        if pixels.dtype == np.uint16 and kind == ".png":
            path.write_bytes(png16(pixels, mode, **options))
        elif pixels.dtype == np.uint16:
            path.write_bytes(tiff16(pixels, mode, **options))
        else:
            path.write_bytes(by_pillow(pixels, mode, kind, **options))
        return path

    return write


def by_pillow(
    pixels: np.ndarray,
    mode: str,
    kind: str,
    *,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    icc: bytes | None = None,
    **options: Any,
) -> bytes:
    height, width = pixels.shape[:2]
    image = Image.frombytes(mode, (width, height), pixels.tobytes())
    names = {".jpg": "JPEG", ".png": "PNG", ".tif": "TIFF", ".webp": "WEBP"}
    if exif:
        options["exif"] = exif
    if icc:
        options["icc_profile"] = icc
    if xmp and kind == ".tif":
        block = Image.Exif()
        block.load(exif or b"")
        block[700] = xmp
        options["exif"] = block
    elif xmp and kind != ".png":
        options["xmp"] = xmp
    buffer = BytesIO()
    image.save(buffer, names[kind], **options)
    if xmp and kind == ".png":
        return with_chunks(buffer.getvalue(), (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))
    return buffer.getvalue()


def png16(
    pixels: np.ndarray,
    mode: str,
    *,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    icc: bytes | None = None,
) -> bytes:
    """Write a 16-bit PNG without filters, the plainest there is."""
    height, width = pixels.shape[:2]
    colour = {"L": 0, "RGB": 2, "LA": 4, "RGBA": 6}[mode]
    rows = pixels.astype(">u2").reshape(height, -1).view(np.uint8)
    data = zlib.compress(np.hstack((np.zeros((height, 1), np.uint8), rows)).tobytes())
    head = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    plain = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    extra = []
    if icc:
        extra.append((b"iCCP", b"name\0\0" + zlib.compress(icc)))
    if exif:
        extra.append((b"eXIf", exif.removeprefix(b"Exif\0\0")))
    if xmp:
        extra.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))
    return with_chunks(plain, *extra)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunks(png: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """Put chunks behind the header."""
    return png[:33] + b"".join(chunk(*item) for item in chunks) + png[33:]


def tiff16(
    pixels: np.ndarray,
    mode: str,
    *,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    icc: bytes | None = None,
    **options: Any,
) -> bytes:
    """Write by tifffile; EXIF and GPS directories are appended with Pillow's means."""
    tags: list[tuple[int, int, int, Any, bool]] = []
    block = Image.Exif()
    if exif:
        block.load(exif)
        tags += [(0x010F, 2, 0, block[0x010F], True), (0x0112, 3, 1, block[0x0112], True)]
        tags += [(65000, 4, 1, 0, True), (65001, 4, 1, 0, True)]  # tifffile writes no pointers itself
    if xmp:
        tags.append((700, 1, len(xmp), xmp, True))
    if icc:
        tags.append((34675, 7, len(icc), icc, True))
    settings: dict[str, Any] = {
        "photometric": {"RGB": "rgb", "RGBA": "rgb", "CMYK": "separated"}.get(mode, "minisblack"),
        "metadata": None,
        "byteorder": "<",
        "extratags": tags,
    }
    if mode in ("LA", "RGBA"):
        settings["extrasamples"] = ["unassalpha"]
    if mode != "L":
        settings["planarconfig"] = "contig"
    settings |= options
    buffer = BytesIO()
    tifffile.imwrite(buffer, pixels if mode != "L" else pixels[..., 0], **settings)
    data = bytearray(buffer.getvalue())
    for stand_in, pointer in ((65000, 0x8769), (65001, 0x8825)) if exif else ():
        directory = ImageFileDirectory_v2()
        directory.update(block.get_ifd(pointer))
        with tifffile.TiffFile(BytesIO(data)) as file:
            tag = file.pages[0].tags[stand_in]
        data += b"\0" * (len(data) % 2)
        struct.pack_into("<HHII", data, tag.offset, pointer, 4, 1, len(data))
        data += directory.tobytes(len(data))
    return bytes(data)
