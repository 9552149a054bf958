"""TIFF directories (IFDs) as bytes: the structure of TIFF files and of EXIF blocks (TIFF 6.0; BigTIFF).

Values are kept byte for byte, so that what is not understood survives too.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from bpfre.photos.faults import DamagedError

EXIF_DIRECTORY = 34665
GPS_DIRECTORY = 34853
INTEROPERABILITY_DIRECTORY = 40965
_POINTERS = (EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY_DIRECTORY)

_SHARED = 4  # bytes of values that are read for each byte of the file, at most
BYTE, SHORT, LONG, UNDEFINED = 1, 3, 4, 7
_LONG8 = 16
_WHOLE = (BYTE, SHORT, LONG, 13, _LONG8, 18)  # with offsets of directories (IFD, IFD8)
# type -> (bytes a value, bytes that are swapped together)
_KINDS = {
    1: (1, 1),
    2: (1, 1),
    3: (2, 2),
    4: (4, 4),
    5: (8, 4),
    6: (1, 1),
    7: (1, 1),
    8: (2, 2),
    9: (4, 4),
    10: (8, 4),
    11: (4, 4),
    12: (8, 8),
    13: (4, 4),
    16: (8, 8),
    17: (8, 8),
    18: (8, 8),
}


Order: TypeAlias = Literal["<", ">"]  # byte order, as struct writes it


@dataclass(frozen=True)
class Header:
    """How the block is written."""

    order: Order
    big: bool  # BigTIFF: 64-bit offsets
    first: int  # offset of the first directory

    @property
    def number(self) -> str:
        """struct code of counts and offsets."""
        return "Q" if self.big else "I"

    @property
    def room(self) -> int:
        """Bytes of a value that is stored in the entry itself."""
        return 8 if self.big else 4


@dataclass(frozen=True)
class Entry:
    """One tag."""

    kind: int  # TIFF type code
    count: int
    value: bytes  # little-endian, whatever the block's order
    position: int = 0  # offset of the entry in the block it was read from

    def numbers(self) -> list[int]:
        """Return the values of an entry of whole numbers; empty for any other type."""
        if self.kind not in _WHOLE:
            return []
        return np.frombuffer(self.value, f"<u{_KINDS[self.kind][0]}").tolist()


Tree: TypeAlias = "dict[int, Entry | Tree]"  # a directory with its sub-directories in place of their pointers


@dataclass(frozen=True)
class Directory:
    """The tags of one directory."""

    entries: dict[int, Entry]
    following: int  # offset of the next directory, 0 for none
    following_position: int  # where that offset is written


def short(*values: int) -> Entry:
    """Return an entry of 16-bit numbers."""
    return Entry(SHORT, len(values), struct.pack(f"<{len(values)}H", *values))


def long(value: int) -> Entry:
    """Return an entry of one 32-bit number."""
    return Entry(LONG, 1, struct.pack("<I", value))


def read_header(data: bytes) -> Header:
    """Read byte order and flavour.

    Raises:
        DamagedError: not a TIFF structure.
    """
    orders: dict[bytes, Order] = {b"II": "<", b"MM": ">"}
    order = orders.get(bytes(data[:2]))
    if order is None or len(data) < 8:
        raise DamagedError
    (version,) = struct.unpack_from(order + "H", data, 2)
    if version == 42:
        return Header(order, False, struct.unpack_from(order + "I", data, 4)[0])
    if version == 43 and len(data) >= 16:
        return Header(order, True, struct.unpack_from(order + "Q", data, 8)[0])
    raise DamagedError


def read_directory(data: bytes | memoryview, offset: int, header: Header) -> Directory:
    """Read the directory at an offset; entries of no known type or that point outside are left out.

    Values may lie over each other, as some programs write them, but not so much that a small file fills the memory.

    Raises:
        DamagedError: the directory itself lies outside of the block.
    """
    order, room = header.order, header.room
    try:
        (count,) = struct.unpack_from(order + ("Q" if header.big else "H"), data, offset)
        start, size = offset + (8 if header.big else 2), 4 + 2 * room
        following_position = start + size * count
        (following,) = struct.unpack_from(order + header.number, data, following_position)
    except (struct.error, OverflowError) as error:
        raise DamagedError from error
    entries: dict[int, Entry] = {}
    left = _SHARED * len(data)
    for position in range(start, following_position, size):
        tag, kind, values = struct.unpack_from(order + "HH" + header.number, data, position)
        if kind not in _KINDS or not values:
            continue
        length = values * _KINDS[kind][0]
        at = position + 4 + room
        if length > room:
            (at,) = struct.unpack_from(order + header.number, data, at)
        if at + length <= len(data) and length <= left and tag not in entries:
            left -= length
            value = _swapped(bytes(data[at : at + length]), kind, order)
            entries[tag] = Entry(kind, values, value, position)
    return Directory(entries, following, following_position)


def read_tree(data: bytes, offset: int, header: Header) -> Tree:
    """Read a directory with its EXIF, GPS and interoperability directories; a broken one is left out."""
    tree: Tree = {}
    for tag, entry in read_directory(data, offset, header).entries.items():
        if tag not in _POINTERS:
            tree[tag] = entry
        elif (pointer := entry.numbers()) and pointer[0] != offset:
            try:
                tree[tag] = _read_subtree(data, pointer[0], header, tag)
            except DamagedError:
                continue
    return tree


def _read_subtree(data: bytes, offset: int, header: Header, tag: int) -> Tree:
    if tag == EXIF_DIRECTORY:  # the only one that has a directory inside
        entries = read_directory(data, offset, header).entries
        inner = entries.pop(INTEROPERABILITY_DIRECTORY, None)
        tree: Tree = {**{tag: entry for tag, entry in entries.items() if tag not in _POINTERS}}
        if inner is not None and (pointer := inner.numbers()):
            tree[INTEROPERABILITY_DIRECTORY] = {**read_directory(data, pointer[0], header).entries}
        return tree
    return {**read_directory(data, offset, header).entries}


def pack_tree(tree: Tree, offset: int, order: Order = "<") -> bytes:
    """Write a directory and its sub-directories as one classic block that is to stand at an even offset."""
    table = bytearray(struct.pack(order + "H", len(tree)))
    after = offset + len(table) + 12 * len(tree) + 4
    values = bytearray()
    for tag in sorted(tree):
        item = tree[tag]
        place = after + len(values)
        if isinstance(item, dict):
            values += pack_tree(item, place, order)
            item = long(place)
        item = _classic(item)
        value = _swapped(item.value, item.kind, order)
        table += struct.pack(order + "HHI", tag, item.kind, item.count)
        if len(value) <= 4:
            table += value.ljust(4, b"\0")
        else:
            table += struct.pack(order + "I", place)
            values += value
        values += b"\0" * (len(values) % 2)
    table += bytes(4)  # no next directory
    return bytes(table + values)


def pack_header(offset: int, order: Order = "<") -> bytes:
    """Write a classic block's head with the offset of its first directory."""
    return (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, offset)


def _classic(entry: Entry) -> Entry:
    """Return 64-bit numbers as 32-bit ones."""
    if entry.kind != _LONG8:
        return entry
    return Entry(LONG, entry.count, struct.pack(f"<{entry.count}I", *entry.numbers()))


def _swapped(value: bytes, kind: int, order: str) -> bytes:
    width = _KINDS[kind][1]
    if order == "<" or width == 1:
        return value
    return np.frombuffer(value, f"<u{width}").byteswap().tobytes()
