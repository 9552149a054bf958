"""EXIF and XMP of camera RAW files: what describes the photo, without what describes the sensor's data.

TIFF-like files (DNG, NEF, CR2, ARW, PEF, ORF, RW2 and more) hold it in their directories, CR3 in boxes, RAF in its
preview. Maker notes are left out: they are only readable at their place in the RAW file.
"""

from __future__ import annotations

import struct
from contextlib import suppress

from bpfre.photos import exif as exif_block
from bpfre.photos.faults import DamagedError
from bpfre.photos.ifd import (
    EXIF_DIRECTORY,
    GPS_DIRECTORY,
    INTEROPERABILITY_DIRECTORY,
    Tree,
    pack_header,
    pack_tree,
    read_header,
    read_tree,
)
from bpfre.photos.isobmff import boxes, find, kind_of
from bpfre.photos.jpeg_segments import metadata_of, split
from bpfre.photos.metadata import Metadata

# description, maker, model, orientation, resolution (3), software, time, artist, copyright
_KEPT = {270, 271, 272, exif_block.ORIENTATION, 282, 283, 296, 305, 306, 315, 33432, EXIF_DIRECTORY, GPS_DIRECTORY}
_XMP = 700
_NOT_KEPT = {37500, 0xA002, 0xA003, INTEROPERABILITY_DIRECTORY}  # of the EXIF directory: maker note, size in px
_RAF_PREVIEW = 84  # offset of the preview's place in a RAF file: offset and length, big-endian
_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")  # kind of the box that holds a CR3's directories


def raw_metadata(data: bytes) -> Metadata:
    """Return EXIF and XMP of a RAW file, as far as they are found; the colour profile is the developer's."""
    try:
        if data.startswith(b"FUJIFILM"):
            offset, length = struct.unpack_from(">II", data, _RAF_PREVIEW)
            segments, _ = split(data[offset : offset + length])
            inner = metadata_of(segments)
            tree = _tree_of(exif_block.bare(inner.exif)) if inner.exif else {}
            return Metadata(_packed(tree), inner.xmp, None)
        tree = _canon_tree(data) if kind_of(data) else _tree_of(data)
    except (DamagedError, struct.error):
        return Metadata()
    xmp = tree.get(_XMP)
    return Metadata(_packed(tree), None if xmp is None or isinstance(xmp, dict) else xmp.value, None)


def _tree_of(data: bytes) -> Tree:
    """Read the directories; makers who gave TIFF a version number of their own (ORF, RW2) are read alike."""
    if data[:4] not in (b"II*\0", b"MM\0*"):
        data = (b"II*\0" if data[:2] == b"II" else b"MM\0*") + data[4:]
    header = read_header(data)
    return read_tree(data, header.first, header)


def _canon_tree(data: bytes) -> Tree:
    """Gather the directories of a CR3, each a TIFF block of its own."""
    movie = find(data, b"moov")
    tree: Tree = {}
    for kind, (start, end) in boxes(data, movie) if movie else ():
        if kind != b"uuid" or data[start : start + 16] != _CANON:
            continue
        for name, (first, last) in boxes(data, (start + 16, end)):
            with suppress(DamagedError):
                if name == b"CMT1":
                    tree.update(_tree_of(data[first:last]))
                elif name == b"CMT2":
                    tree[EXIF_DIRECTORY] = _tree_of(data[first:last])
                elif name == b"CMT4":
                    tree[GPS_DIRECTORY] = _tree_of(data[first:last])
    return tree


def _packed(tree: Tree) -> bytes | None:
    kept: Tree = {tag: item for tag, item in tree.items() if tag in _KEPT}
    inner = kept.get(EXIF_DIRECTORY)
    if isinstance(inner, dict):
        kept[EXIF_DIRECTORY] = {tag: item for tag, item in inner.items() if tag not in _NOT_KEPT}
    return exif_block.PREFIX + pack_header(8) + pack_tree(kept, 8) if kept else None
