"""Whether a PNG holds all its rows: Pillow leaves rows black that a file does not have, without a word."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
# first column, first row, steps of both, of each pass of an interlaced picture (PNG specification, 8.2)
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PIECE = 1 << 20  # bytes unpacked at a time


def expected_bytes(width: int, height: int, depth: int, colour: int, *, interlaced: bool) -> int:
    """Return how many bytes all rows have once unpacked, with the filter's byte of each."""
    bits = _CHANNELS.get(colour, 1) * depth
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    sizes = ((-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes)
    return sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes if columns > 0 and rows > 0)


def unpacks_to(contents: Iterable[bytes | memoryview], expected: int) -> bool:
    """Say whether the contents of the IDAT chunks unpack to so many bytes or more; nothing is kept."""
    unpacker = zlib.decompressobj()
    seen = 0
    try:
        for content in contents:
            packed: bytes | memoryview = content
            while packed and seen < expected:
                seen += len(unpacker.decompress(packed, _PIECE))
                packed = unpacker.unconsumed_tail
    except zlib.error:
        return False
    return seen + len(unpacker.flush()) >= expected
