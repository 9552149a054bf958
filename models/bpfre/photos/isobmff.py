"""Boxes of ISO base media files (ISO/IEC 14496-12), the container of HEIC, AVIF and CR3."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import TypeAlias

from bpfre.photos.faults import DamagedError, NotHandledError

Span: TypeAlias = tuple[int, int]  # first byte of a box's content, first byte after it

_BRANDS = (
    ("AVIF", {b"avif", b"avis"}),
    ("HEIC", {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}),
    ("CR3", {b"crx "}),
)


def kind_of(data: bytes) -> str | None:
    """Return "AVIF", "HEIC" or "CR3" by the brands of the first box, "" for any other file of boxes, else None."""
    if data[4:8] != b"ftyp":
        return None
    end = min(struct.unpack_from(">I", data)[0], 4096, len(data))
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
    return next((kind for kind, known in _BRANDS if brands & known), "")


def boxes(data: bytes, span: Span | None = None) -> Iterator[tuple[bytes, Span]]:
    """Walk the boxes side by side in a span, or in the whole file.

    Raises:
        DamagedError: a box reaches beyond the span.
    """
    position, end = span or (0, len(data))
    while position + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, position)
        head = 8
        if size == 1 and position + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, position + 8)
            head = 16
        elif size == 0:  # to the end
            size = end - position
        if size < head or position + size > end:
            raise DamagedError
        yield kind, (position + head, position + size)
        position += size


def find(data: bytes, *path: bytes) -> Span | None:
    """Return the span of the first box at a path of kinds from the top; None where there is none."""
    span: Span | None = None
    for kind in path:
        span = next((inner for name, inner in boxes(data, span) if name == kind), None)
        if span is None:
            return None
        if kind == b"meta":  # a full box: version and flags come first
            span = span[0] + 4, span[1]
    return span


def properties(data: bytes, kind: bytes) -> list[Span]:
    """Return the spans of all item properties of a kind in a HEIC or AVIF file."""
    span = find(data, b"meta", b"iprp", b"ipco")
    return [] if span is None else [inner for name, inner in boxes(data, span) if name == kind]


def has_item(data: bytes, kind: bytes) -> bool:
    """Say whether an item of a type is declared, such as b"tmap", a gain map."""
    span = find(data, b"meta", b"iinf")
    return span is not None and kind in data[span[0] : span[1]]


def refuse_sequence(data: bytes) -> None:
    """Refuse HEIC and AVIF files that hold a film.

    Raises:
        NotHandledError: so it is.
    """
    film = None
    with suppress(DamagedError):  # cameras append what is no box; what is cut off, the decoder will tell
        film = find(data, b"moov")
    if film is not None:
        raise NotHandledError("is animated", "Only still photos are retouched.")
