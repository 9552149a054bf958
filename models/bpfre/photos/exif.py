"""EXIF blocks, patched in place: nothing moves, so that maker notes keep working."""

from __future__ import annotations

import struct

from bpfre.photos.faults import DamagedError
from bpfre.photos.ifd import EXIF_DIRECTORY, SHORT, Directory, Header, read_directory, read_header

PREFIX = b"Exif\0\0"
ORIENTATION = 0x0112
# pairs of horizontal and vertical facts: width and height, resolution, width and height of the EXIF directory
_PAIRS = ((0x0100, 0x0101), (0x011A, 0x011B), (0xA002, 0xA003), (0xA20E, 0xA20F))


def exif_orientation(exif: bytes) -> int | None:
    """Return the orientation tag (1..8) of an EXIF block; None where it is missing or senseless."""
    try:
        _, _, first = _open(exif)
    except DamagedError:
        return None
    entry = first.entries.get(ORIENTATION)
    value = entry.numbers()[:1] if entry else []
    return value[0] if value and 1 <= value[0] <= 8 else None


def turned_exif(exif: bytes, orientation: int, *, transposed: bool) -> bytes:
    """Return the block as it is right for turned and edited pixels, of the same length.

    Orientation becomes the one given where the block tells any, horizontal and vertical facts change places
    where the picture was transposed, and the thumbnail is unlinked, since it shows the picture from before. A
    block that cannot be understood stays as it is.
    """
    try:
        tiff, header, first = _open(exif)
    except DamagedError:
        return exif
    block = bytearray(tiff)
    if entry := first.entries.get(ORIENTATION):
        struct.pack_into(header.order + "HHIHH", block, entry.position, ORIENTATION, SHORT, 1, orientation, 0)
    if transposed:
        for directory in (first, _exif_directory(tiff, header, first)):
            _exchange(block, directory)
    struct.pack_into(header.order + "I", block, first.following_position, 0)
    return PREFIX + bytes(block)


def bare(exif: bytes) -> bytes:
    """Return the TIFF structure inside an EXIF block."""
    return exif.removeprefix(PREFIX)


def _open(exif: bytes) -> tuple[bytes, Header, Directory]:
    tiff = bare(exif)
    header = read_header(tiff)
    if header.big:
        raise DamagedError
    return tiff, header, read_directory(tiff, header.first, header)


def _exif_directory(tiff: bytes, header: Header, first: Directory) -> Directory:
    pointer = first.entries.get(EXIF_DIRECTORY)
    try:
        return read_directory(tiff, pointer.numbers()[0], header) if pointer else Directory({}, 0, 0)
    except (DamagedError, IndexError):
        return Directory({}, 0, 0)


def _exchange(block: bytearray, directory: Directory) -> None:
    """Exchange type, count and value (10 bytes after the tag) of each pair that is complete."""
    for one, other in _PAIRS:
        if one in directory.entries and other in directory.entries:
            a, b = (directory.entries[tag].position + 2 for tag in (one, other))
            block[a : a + 10], block[b : b + 10] = block[b : b + 10], block[a : a + 10]
