"""Small sound files of every kind that is read: what mutations start from."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from typing import Any

import numpy as np
import tifffile
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

KINDS = ("jpeg", "png", "tiff", "webp", "safetensors")
_XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'


@functools.cache
def seeds(kind: str) -> tuple[bytes, ...]:
    """Return sound files of one of `KINDS`, always the same."""
    makers = {"jpeg": _jpegs, "png": _pngs, "tiff": _tiffs, "webp": _webps, "safetensors": _weights}
    return tuple(makers[kind]())


def _picture(channels: int, dtype: type = np.uint8, *, height: int = 45, width: int = 67) -> np.ndarray:
    """[height, width, channels]: waves with noise."""
    rng = np.random.default_rng(channels)
    y, x = np.mgrid[0:height, 0:width]
    waves = [0.5 + 0.35 * np.sin(x / (6 + 3 * c) + c) * np.cos(y / (5 + 2 * c)) for c in range(channels)]
    noisy = np.stack(waves, 2) + rng.normal(0, 0.02, (height, width, channels))
    return (np.clip(noisy, 0, 1) * np.iinfo(dtype).max).round().astype(dtype)


def _image(mode: str, **size: int) -> Image.Image:
    pixels = _picture(len(Image.new(mode, (1, 1)).getbands()), **size)
    return Image.frombytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())


def _exif() -> bytes:
    block = Image.Exif()
    block[0x010F], block[0x0112] = "Maker", 6
    block.get_ifd(0x8769).update({0x9003: "2026:11:22 10:11:12", 0xA002: 67, 0xA003: 45})
    block.get_ifd(0x8825).update({1: "N", 2: (48.0, 12.0, 30.5)})
    return block.tobytes()


def _icc() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _jpegs() -> list[bytes]:
    colour = _image("RGB")
    return [
        *(_saved(colour, "JPEG", quality=quality, subsampling=s) for quality, s in ((60, 2), (90, 1), (97, 0))),
        _saved(colour, "JPEG", quality=85, progressive=True),
        _saved(colour, "JPEG", quality=85, progressive=True, subsampling=2, optimize=True, restart_marker_blocks=2),
        _saved(colour, "JPEG", quality=85, restart_marker_rows=1),
        _saved(colour, "JPEG", quality=85, exif=_exif(), xmp=_XMP, icc_profile=_icc(), comment=b"a comment"),
        _saved(colour, "JPEG", quality=85, keep_rgb=True),
        _saved(_image("L"), "JPEG", quality=80),
        _saved(_image("CMYK"), "JPEG", quality=80),
        _saved(_image("RGB", height=300, width=400), "JPEG", quality=92, exif=_exif()),
        _saved(colour, "MPO", save_all=True, append_images=[_image("RGB", height=20, width=30)]),
    ]


def _pngs() -> list[bytes]:
    colour = _image("RGB")
    text = PngInfo()
    text.add_text("Title", "a title", zip=True)
    text.add_itxt("XML:com.adobe.xmp", _XMP.decode(), zip=True)
    palette = colour.quantize(40)
    return [
        *(_saved(_image(mode), "PNG") for mode in ("RGB", "L", "LA", "RGBA")),
        _saved(colour, "PNG", exif=_exif(), icc_profile=_icc(), pnginfo=text, dpi=(300, 200)),
        _saved(palette, "PNG"),
        _saved(palette, "PNG", transparency=bytes(range(40))),
        _saved(_image("L").convert("1"), "PNG"),
        _saved(colour, "PNG", transparency=(9, 8, 7)),
        *(_png16(channels) for channels in (1, 2, 3, 4)),
        _interlaced_png(),
        _saved(_image("RGB", height=300, width=400), "PNG"),
        _saved(colour, "PNG", save_all=True, append_images=[_image("RGB").rotate(180)], duration=50),
    ]


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """Return a PNG chunk with its checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(pixels: bytes, width: int, height: int, depth: int, colour: int, interlaced: int = 0) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    parts = (png_chunk(b"IHDR", head), png_chunk(b"IDAT", zlib.compress(pixels)), png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _png16(channels: int) -> bytes:
    pixels = _picture(channels, np.uint16)
    height, width = pixels.shape[:2]
    rows = pixels.astype(">u2").reshape(height, -1).view(np.uint8)
    filtered = np.hstack((np.zeros((height, 1), np.uint8), rows)).tobytes()
    return _png(filtered, width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels])


def _interlaced_png() -> bytes:
    pixels = _picture(3)
    height, width = pixels.shape[:2]
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = (b"\0" + row.tobytes() for x, y, dx, dy in passes for row in pixels[y::dy, x::dx])
    return _png(b"".join(rows), width, height, 8, 2, 1)


def _tiff(pixels: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **({"metadata": None, "photometric": "rgb"} | options))
    return buffer.getvalue()


def _tiffs() -> list[bytes]:
    colour, deep, grey = _picture(3), _picture(3, np.uint16), _picture(1, np.uint16)[..., 0]
    names = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "lzma", "zstd")
    exif = Image.Exif()
    exif.load(_exif())
    exif[700] = _XMP
    return [
        *(_saved(_image("RGB"), "TIFF", compression=name) for name in names),
        *(_saved(_image(mode), "TIFF", compression="tiff_lzw") for mode in ("L", "LA", "RGBA", "CMYK")),
        _saved(_image("RGB"), "TIFF", compression="tiff_lzw", tiffinfo={317: 2}, exif=exif, icc_profile=_icc()),
        _saved(_image("RGB").quantize(40), "TIFF"),
        _saved(_image("L").convert("1"), "TIFF", compression="group4"),
        _tiff(deep),
        _tiff(deep, byteorder=">"),
        _tiff(deep, bigtiff=True),
        _tiff(deep, compression="zlib", predictor=True),
        _tiff(deep, compression="zlib", tile=(16, 32)),
        _tiff(np.moveaxis(deep, 2, 0), planarconfig="separate"),
        _tiff(grey, photometric="miniswhite"),
        _tiff(_picture(4, np.uint16), extrasamples=["unassalpha"]),
        _tiff(_picture(4, np.uint16), photometric="separated"),
        _tiff(colour, tile=(16, 16), rowsperstrip=None),
        _tiff(colour, rowsperstrip=3, byteorder=">"),
        _saved(_image("RGB"), "TIFF", save_all=True, append_images=[_image("RGB")]),
        *(_deep_by_libtiff(name) for name in ("tiff_lzw", "lzma", "zstd")),
    ]


def _deep_by_libtiff(compression: str) -> bytes:
    """Write 16-bit colour through libtiff, which Pillow offers for bytes alone."""
    from bpfre.photos.metadata import Metadata
    from bpfre.photos.tiff import TiffEncoding, encode_tiff
    from bpfre.photos.tiff_pixels import LZMA, LZW, ZSTD, Compression

    code = {"tiff_lzw": LZW, "lzma": LZMA, "zstd": ZSTD}[compression]
    encoding = TiffEncoding(Compression(code, True), None)
    return b"".join(encode_tiff(_picture(3, np.uint16), "RGB", Metadata(), encoding))


def _webps() -> list[bytes]:
    colour, alpha = _image("RGB"), _image("RGBA")
    return [
        _saved(colour, "WEBP", quality=80),
        _saved(colour, "WEBP", lossless=True),
        _saved(alpha, "WEBP", quality=80),
        _saved(alpha, "WEBP", lossless=True, exact=True),
        _saved(colour, "WEBP", quality=90, exif=_exif(), xmp=_XMP, icc_profile=_icc()),
        _saved(_image("RGB", height=300, width=400), "WEBP", quality=90),
        _saved(colour, "WEBP", save_all=True, append_images=[alpha], duration=50),
    ]


def _weights() -> list[bytes]:
    import torch
    from safetensors.torch import save

    from bpfre.network import BPFRe, preset
    from bpfre.weights.files import CONFIG_KEY, RECORD_KEY

    torch.manual_seed(0)
    state = BPFRe(preset("tiny")).state_dict()
    metadata = {CONFIG_KEY: preset("tiny").to_json(), RECORD_KEY: '{"steps": "5"}'}
    half = {name: tensor.half() for name, tensor in state.items()}
    return [save(state, metadata=metadata), save(half, metadata=metadata), save(state)]
