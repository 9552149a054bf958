"""JPEG files as segments: what carries the picture, what carries metadata (ITU-T T.81 annex B)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from bpfre.photos import exif as exif_block
from bpfre.photos.faults import DamagedError
from bpfre.photos.metadata import Metadata

Segment: TypeAlias = tuple[int, bytes]  # marker, content after the length

START = b"\xff\xd8"
APP0, ADOBE, FRAMES = 0xE0, 0xEE, frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # the others are tables
ARITHMETIC = FRAMES & frozenset(range(0xC9, 0xD0))  # entropy coding of the frame
_APP1, _APP2, _APP11, _APP15, _COM = 0xE1, 0xE2, 0xEB, 0xEF, 0xFE
_SOS, _EOI = 0xDA, 0xD9
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ICC = b"ICC_PROFILE\0"
_ROOM = 65533  # bytes of content in one segment


def split(data: bytes | memoryview) -> tuple[list[Segment], int]:
    """Return the segments before the first scan and the offset of that scan.

    Raises:
        DamagedError: there is no scan.
    """
    segments: list[Segment] = []
    position = 2
    end = len(data)
    while position + 4 <= end:
        if data[position] != 0xFF or data[position + 1] in (0xFF, 0x00):
            position += 1  # fill bytes, or junk that decoders skip as well
            continue
        marker = data[position + 1]
        if marker == _SOS:
            return segments, position
        if marker == _EOI:
            break
        if marker in _STANDALONE:
            position += 2
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        if length < 2:
            break
        segments.append((marker, bytes(data[position + 4 : position + 2 + length])))
        position += 2 + length
    raise DamagedError


def joined(segments: Iterable[Segment]) -> list[bytes]:
    """Return the bytes of segments."""
    return [struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content for marker, content in segments]


def frame_of(segments: Sequence[Segment]) -> bytes:
    """Return the content of the frame header; empty where there is none."""
    return next((content for marker, content in segments if marker in FRAMES), b"")


def is_metadata(segment: Segment) -> bool:
    """Say whether a decoder can do without the segment; JFIF and Adobe heads tell it the colour transform."""
    marker, content = segment
    if marker == APP0:
        return not content.startswith(b"JFIF\0")
    return marker == _COM or (_APP1 <= marker <= _APP15 and marker != ADOBE)


def is_carried(segment: Segment) -> bool:
    """Say whether a metadata segment is kept as it is.

    Left out: what has a place of its own (EXIF, XMP, ICC, Adobe's head), previews, the index of further
    pictures (MPF), and content credentials (APP11), which an edited picture would break.
    """
    marker, content = segment
    if marker == APP0:
        return content.startswith(b"JFIF\0")
    if marker == _APP1:
        return not content.startswith((exif_block.PREFIX, _XMP))
    if marker == _APP2:
        return not content.startswith((_ICC, b"MPF\0"))
    return is_metadata(segment) and marker != _APP11


def metadata_of(segments: Sequence[Segment]) -> Metadata:
    """Put EXIF, XMP and colour profile together from their segments."""
    exif = _contents(segments, _APP1, exif_block.PREFIX)
    xmp = _contents(segments, _APP1, _XMP)
    icc = sorted(_contents(segments, _APP2, _ICC))  # each part begins with its number
    return Metadata(
        exif=exif_block.PREFIX + b"".join(exif) if exif else None,
        xmp=xmp[0] if xmp else None,
        icc=b"".join(part[2:] for part in icc) or None,
    )


def assembled(
    coding: Sequence[Segment], scans: memoryview, metadata: Metadata, carried: Sequence[Segment]
) -> list[bytes | memoryview]:
    """Return a whole file.

    Args:
        coding: tables and frame header, and Adobe's head where there is one.
        scans: everything from the first scan on.
        carried: further metadata segments; JFIF heads come first, as decoders expect.
    """
    heads = [segment for segment in carried if segment[0] == APP0]
    rest = [segment for segment in carried if segment[0] != APP0]
    return [START, *joined([*heads, *_metadata_segments(metadata), *rest, *coding]), scans]


def _contents(segments: Sequence[Segment], marker: int, mark: bytes) -> list[bytes]:
    return [content[len(mark) :] for kind, content in segments if kind == marker and content.startswith(mark)]


def _metadata_segments(metadata: Metadata) -> list[Segment]:
    segments: list[Segment] = []
    if metadata.exif:
        parts = _parts(exif_block.bare(metadata.exif), _ROOM - len(exif_block.PREFIX))
        segments += [(_APP1, exif_block.PREFIX + part) for part in parts]
    if metadata.xmp:
        segments.append((_APP1, _XMP + metadata.xmp))
    if metadata.icc:
        parts = _parts(metadata.icc, _ROOM - len(_ICC) - 2)
        segments += [(_APP2, _ICC + bytes((i + 1, len(parts))) + part) for i, part in enumerate(parts)]
    return segments


def _parts(content: bytes, room: int) -> list[bytes]:
    return [content[start : start + room] for start in range(0, len(content), room)]
