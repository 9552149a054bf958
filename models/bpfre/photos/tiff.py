"""TIFF: compression and every descriptive tag of the source are kept, EXIF and GPS directories included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpfre.photos import exif as exif_block
from bpfre.photos.decoded import Decoded, Encoded
from bpfre.photos.faults import DamagedError, NotHandledError
from bpfre.photos.ifd import (
    BYTE,
    UNDEFINED,
    Entry,
    Header,
    Tree,
    pack_header,
    pack_tree,
    read_directory,
    read_header,
    read_tree,
    short,
)
from bpfre.photos.metadata import Metadata
from bpfre.photos.tiff_layout import EXTRA_SAMPLES, OLD_SUBFILE, STORAGE_TAGS, SUBFILE, read_layout
from bpfre.photos.tiff_pixels import DEFLATE, LOSSLESS, OLD_DEFLATE, Compression, decode_pixels, encode_pixels

_XMP, _ICC, _LAYERS = 700, 34675, 37724
_NOT_CARRIED = STORAGE_TAGS | {_XMP, _ICC, _LAYERS}  # Photoshop's layers would show the picture from before
_RESOLUTION = (282, 283, 296)
_REDUCED_OR_MASK = 0b101  # NewSubfileType: a smaller copy, a transparency mask
_OLD_REDUCED = 2
_MOST_PAGES = 100  # smaller copies and masks included


@dataclass(frozen=True)
class TiffEncoding:
    """Encoder settings of a TIFF."""

    compression: Compression
    extra: int | None  # meaning of the channel after the colours (ExtraSamples)

    def transposed(self) -> TiffEncoding:
        """Return the same settings: the resolution is among the EXIF tags."""
        return self


def decode_tiff(data: bytes) -> Decoded:
    """Take a TIFF or BigTIFF apart.

    Raises:
        DamagedError: cut off or broken.
        NotHandledError: several pages, too large, or samples of an unusual kind.
    """
    header = read_header(data)
    _check_single(data, header)
    entries = read_directory(data, header.first, header).entries
    layout = read_layout(entries, len(data))
    native, mode = decode_pixels(data, {tag: entries[tag] for tag in STORAGE_TAGS & entries.keys()}, layout)
    tree = read_tree(data, header.first, header)
    described: Tree = {tag: item for tag, item in tree.items() if tag not in _NOT_CARRIED}
    metadata = Metadata(
        exif=exif_block.PREFIX + pack_header(8) + pack_tree(described, 8) if described else None,
        xmp=entries[_XMP].value if _XMP in entries else None,
        icc=entries[_ICC].value if _ICC in entries else None,
    )
    return Decoded(native, mode, metadata, _encoding(layout.compression, layout.predictor, layout.extra))


def encode_tiff(native: np.ndarray, mode: str, metadata: Metadata, encoding: TiffEncoding) -> Encoded:
    """Write [H, W, C] uint8 or uint16 samples with the source's tags."""
    encoded, corrections = encode_pixels(native, mode, encoding.compression)
    header = read_header(encoded[:16].tobytes())
    tree: Tree = {**read_directory(encoded, header.first, header).entries, **corrections}
    for tag in _RESOLUTION if metadata.exif else ():
        tree.pop(tag, None)
    tree.update(_described(metadata))
    if encoding.extra is not None and EXTRA_SAMPLES in tree:
        tree[EXTRA_SAMPLES] = short(encoding.extra)
    offset = len(encoded) + len(encoded) % 2
    padding = b"\0" * (offset - len(encoded))
    order = header.order
    return [pack_header(offset, order), encoded[8:], padding, pack_tree(tree, offset, order)]


def _check_single(data: bytes, header: Header) -> None:
    """Refuse several full pages; smaller copies and masks are left out."""
    offset, seen, pages = header.first, set[int](), 0
    while offset and offset not in seen:
        seen.add(offset)
        try:
            directory = read_directory(data, offset, header)
        except DamagedError:
            if pages:
                break  # what comes after a sound page is not needed
            raise
        pages += not _is_side_page(directory.entries)
        if pages > 1 or len(seen) > _MOST_PAGES:
            raise NotHandledError("has several pages", "Save each page as a file of its own.")
        offset = directory.following


def _is_side_page(entries: dict[int, Entry]) -> bool:
    kind = entries[SUBFILE].numbers()[:1] if SUBFILE in entries else []
    old = entries[OLD_SUBFILE].numbers()[:1] if OLD_SUBFILE in entries else []
    return bool(kind and kind[0] & _REDUCED_OR_MASK) or old == [_OLD_REDUCED]


def _encoding(code: int, predictor: int, extra: int | None) -> TiffEncoding:
    """Keep a lossless compression that can be written; all others become deflate with differences."""
    code = DEFLATE if code == OLD_DEFLATE else code
    kept = Compression(code, predictor > 1) if code in LOSSLESS else Compression(DEFLATE, True)
    return TiffEncoding(kept, extra)


def _described(metadata: Metadata) -> Tree:
    tree: Tree = {}
    if metadata.exif:
        tiff = exif_block.bare(metadata.exif)
        header = read_header(tiff)
        tree.update(read_tree(tiff, header.first, header))
    if metadata.xmp:
        tree[_XMP] = Entry(BYTE, len(metadata.xmp), metadata.xmp)
    if metadata.icc:
        tree[_ICC] = Entry(UNDEFINED, len(metadata.icc), metadata.icc)
    return tree
