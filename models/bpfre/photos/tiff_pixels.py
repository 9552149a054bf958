"""Pixels of TIFF files: Pillow for 8 bits, imageio (tifffile) for 16, and libtiff's codecs for 16 bits too.

Readers get the file with its storage tags only, so that none can be misled by orientation, further pages or
damaged metadata.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import imageio.v3 as imageio
import numpy as np
from PIL.TiffImagePlugin import TiffImageFile

from bpfre.photos.faults import NotHandledError
from bpfre.photos.ifd import Entry, Tree, long, pack_header, pack_tree, read_header, short
from bpfre.photos.pillow import to_image, to_pixels, without_limit
from bpfre.photos.tiff_layout import (
    BITS,
    BLACK_IS_ZERO,
    CMYK,
    EXTRA_SAMPLES,
    PHOTOMETRIC,
    PLANAR,
    PREDICTOR,
    RGB,
    SAMPLE_FORMAT,
    SAMPLES,
    TILE_WIDTH,
    UNASSOCIATED_ALPHA,
    WHITE_IS_ZERO,
    WIDTH,
    Layout,
)

# both report oddities that they cope with on stderr, unless told otherwise
warnings.filterwarnings("ignore", module=r"PIL\.TiffImagePlugin")
logging.getLogger("tifffile").addHandler(logging.NullHandler())

PLAIN, LZW, DEFLATE, OLD_DEFLATE, PACKBITS, LZMA, ZSTD = 1, 5, 8, 32946, 32773, 34925, 50000
_PILLOW_NAMES = {
    PLAIN: "raw",
    LZW: "tiff_lzw",
    DEFLATE: "tiff_adobe_deflate",
    PACKBITS: "packbits",
    LZMA: "lzma",
    ZSTD: "zstd",
}
LOSSLESS = frozenset(_PILLOW_NAMES)  # what can be written
_TIFFFILE_NAMES = {PLAIN: None, DEFLATE: "zlib"}  # what tifffile handles without further packages
_TIFFFILE_READS = frozenset((PLAIN, DEFLATE, OLD_DEFLATE))
_PREDICTING = frozenset((LZW, DEFLATE, LZMA, ZSTD))
_CLASSIC_LIMIT = 2**32 - 2**20  # bytes that 32-bit offsets reach, less room for tags
_HORIZONTAL = 2  # predictor: differences between neighbours in a row


@dataclass(frozen=True)
class Compression:
    """A lossless way to store pixels."""

    code: int  # TIFF 6.0, Compression
    horizontal: bool  # differences are stored, which suits photographs

    @property
    def predictor(self) -> int:
        """The value of the Predictor tag."""
        return _HORIZONTAL if self.horizontal and self.code in _PREDICTING else 1


def decode_pixels(data: bytes, tags: dict[int, Entry], layout: Layout) -> tuple[np.ndarray, str]:
    """Decode a page to [H, W, C] uint8 or uint16 samples and their mode; black is zero.

    Args:
        data: the file.
        tags: the page's storage tags.
    """
    if layout.bits < 16:
        tree: Tree = {**tags}
        if layout.extra is not None:  # or Pillow would divide by alpha, and samples would not survive
            tree[EXTRA_SAMPLES] = short(UNASSOCIATED_ALPHA)
        return to_pixels(without_limit(TiffImageFile(BytesIO(_with_tags(data, tree)))))
    if layout.mode == "L" and layout.photometric not in (BLACK_IS_ZERO, WHITE_IS_ZERO):
        raise NotHandledError("has a palette of 16 bits", "Save it as RGB.")
    if layout.compression in _TIFFFILE_READS:
        pixels = imageio.imread(_with_tags(data, {**tags}), plugin="tifffile", index=0)
    else:
        pixels = _decode_16_by_libtiff(data, tags, layout)
    if layout.planar:
        pixels = np.moveaxis(pixels.reshape(layout.samples, layout.height, layout.width), 0, 2)
    pixels = pixels.reshape(layout.height, layout.width, layout.samples).astype(np.uint16, copy=False)
    if layout.photometric == WHITE_IS_ZERO:
        pixels = np.concatenate((~pixels[..., :1], pixels[..., 1:]), axis=2)
    return pixels, layout.mode


def encode_pixels(native: np.ndarray, mode: str, compression: Compression) -> tuple[memoryview, Tree]:
    """Encode [H, W, C] samples as a classic TIFF and say which of its tags have to be put right."""
    if native.dtype == np.uint8:
        name, predictor = _PILLOW_NAMES[compression.code], compression.predictor
        buffer = BytesIO()
        tags = {PREDICTOR: predictor} if predictor > 1 else {}
        to_image(native, mode).save(buffer, "TIFF", compression=name, tiffinfo=tags)
        return buffer.getbuffer(), {}
    if compression.code in _TIFFFILE_NAMES:
        return _encode_16(native, mode, compression), {}
    return _encode_16_by_libtiff(native, mode, compression)


def _with_tags(data: bytes, tree: Tree) -> bytes:
    """Return the file with a directory of these tags alone; pixel data stays where it is.

    BigTIFF becomes classic, which every reader understands.
    """
    offset = len(data) + len(data) % 2
    if offset >= _CLASSIC_LIMIT:
        raise NotHandledError("is larger than 4 GB", "Save it compressed.")
    order = read_header(data).order
    head = pack_header(offset, order)
    padding = b"\0" * (offset - len(data))
    return b"".join((head, memoryview(data)[len(head) :], padding, pack_tree(tree, offset, order)))


def _decode_16_by_libtiff(data: bytes, tags: dict[int, Entry], layout: Layout) -> np.ndarray:
    """Let libtiff's codecs unpack 16-bit samples as twice as many bytes, then undo the predictor.

    Pillow alone reduces 16-bit colour to 8 bits, and tifffile alone has no LZW.
    """
    if layout.planar or layout.compression not in LOSSLESS or layout.predictor not in (1, _HORIZONTAL):
        raise NotHandledError("is compressed in an unusual way", "Save it with LZW, ZIP or no compression.")
    wide = 2 * layout.samples
    tree: Tree = {**tags, **_as_bytes(layout.width * wide)}
    tree.pop(EXTRA_SAMPLES, None)
    if layout.tile_width:
        tree[TILE_WIDTH] = long(layout.tile_width * wide)
    stored, _ = to_pixels(without_limit(TiffImageFile(BytesIO(_with_tags(data, tree)))))
    shape = (layout.height, layout.width, layout.samples)
    pixels = stored.reshape(layout.height, -1).view(read_header(data).order + "u2").astype(np.uint16).reshape(shape)
    if layout.predictor == _HORIZONTAL:
        step = layout.tile_width or layout.width
        for start in range(0, layout.width, step):
            part = pixels[:, start : start + step]
            np.cumsum(part, axis=1, dtype=np.uint16, out=part)
    return pixels


def _encode_16(native: np.ndarray, mode: str, compression: Compression) -> memoryview:
    """Write through tifffile."""
    photometric = {"RGB": "rgb", "RGBA": "rgb", "CMYK": "separated"}.get(mode, "minisblack")
    channels: dict[str, Any] = {"planarconfig": "contig"} if native.shape[2] > 1 else {}
    if mode in ("LA", "RGBA"):
        channels["extrasamples"] = [UNASSOCIATED_ALPHA]
    encoded = imageio.imwrite(
        "<bytes>",
        native if native.shape[2] > 1 else native[..., 0],
        plugin="tifffile",
        extension=".tiff",
        photometric=photometric,
        compression=_TIFFFILE_NAMES[compression.code],
        predictor=compression.predictor == _HORIZONTAL,
        metadata=None,
        software=False,
        **channels,
    )
    return memoryview(encoded)


def _encode_16_by_libtiff(native: np.ndarray, mode: str, compression: Compression) -> tuple[memoryview, Tree]:
    """Write 16-bit samples as twice as many bytes through libtiff's codecs; the tags tell."""
    height, width, samples = native.shape
    stored = native.astype("<u2")
    if compression.predictor == _HORIZONTAL:
        stored[:, 1:] -= native[:, :-1]
    buffer = BytesIO()
    image = to_image(stored.view(np.uint8).reshape(height, width * samples * 2, 1), "L")
    image.save(buffer, "TIFF", compression=_PILLOW_NAMES[compression.code])
    tags: Tree = {
        WIDTH: long(width),
        BITS: short(*[16] * samples),
        PHOTOMETRIC: short({"RGB": RGB, "RGBA": RGB, "CMYK": CMYK}.get(mode, BLACK_IS_ZERO)),
        SAMPLES: short(samples),
        PLANAR: short(1),
        PREDICTOR: short(compression.predictor),
    }
    if mode in ("LA", "RGBA"):
        tags[EXTRA_SAMPLES] = short(UNASSOCIATED_ALPHA)
    return buffer.getbuffer(), tags


def _as_bytes(width: int) -> Tree:
    """Tags of a grey page of 8 bits without predictor."""
    return {
        WIDTH: long(width),
        BITS: short(8),
        PHOTOMETRIC: short(BLACK_IS_ZERO),
        SAMPLES: short(1),
        PLANAR: short(1),
        PREDICTOR: short(1),
        SAMPLE_FORMAT: short(1),
    }
