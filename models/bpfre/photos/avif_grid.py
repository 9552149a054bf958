"""AVIF pictures that are larger than an AV1 frame may be: a grid of frames (ISO/IEC 23008-12, 6.6.2.3.2).

Encoders do take larger frames, but not every decoder does, and each of their pixels takes some 25 bytes meanwhile.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from bpfre.photos import exif as exif_block
from bpfre.photos.isobmff import boxes, find
from bpfre.photos.metadata import Metadata

LARGEST_FRAME, LONGEST_SIDE = 35_651_584, 16_384  # px, of the highest level of AV1
_LONGEST_TILE, _SHORTEST_TILE = 2048, 64  # px
_ESSENTIAL = 0x80
_ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"
_XMP = b"application/rdf+xml\0"

EncodeFrame = Callable[[np.ndarray, Metadata], bytes]
_Item = tuple[bytes, bytes, bool]  # type, content, whether it is shown only as a part of another


def needs_grid(native: np.ndarray) -> bool:
    """Say whether [H, W, C] samples are too large for one frame."""
    height, width = native.shape[:2]
    return height * width > LARGEST_FRAME or max(height, width) > LONGEST_SIDE


def encode_grid(native: np.ndarray, metadata: Metadata, encode: EncodeFrame, *, has_alpha: bool) -> bytes:
    """Write samples as a grid.

    Args:
        native: [H, W, C] samples, alpha last.
        metadata: of the whole picture.
        encode: writes samples without alpha as an AVIF file of one frame, with the metadata that it is given.
        has_alpha: whether the last channel is alpha.

    Raises:
        OSError: the encoder made frames that do not go together.
    """
    height, width = native.shape[:2]
    colours = native[..., :-1] if has_alpha else native
    profile = Metadata(exif=None, xmp=None, icc=metadata.icc)
    parts = [[encode(tile, profile) for tile in _tiles(colours)]]
    if has_alpha:
        nothing = Metadata(exif=None, xmp=None, icc=None)
        parts.append([encode(tile, nothing) for tile in _tiles(native[..., -1:])])
    return _assemble(parts, (height, width), metadata)


def _layout(length: int) -> tuple[int, int]:
    """Return how many tiles there are along a side, and how long each is: even, as halved chroma needs it."""
    count = -(-length // _LONGEST_TILE)
    tile = -(-length // count)
    return count, max(_SHORTEST_TILE, tile + tile % 2)


def _tiles(native: np.ndarray) -> Iterator[np.ndarray]:
    """Cut row by row into tiles of one size; those at the edges repeat the last pixels."""
    (rows, height), (columns, width) = (_layout(side) for side in native.shape[:2])
    for row in range(rows):
        for column in range(columns):
            tile = native[row * height : (row + 1) * height, column * width : (column + 1) * width]
            missing = [(0, height - tile.shape[0]), (0, width - tile.shape[1]), (0, 0)]
            yield np.pad(tile, missing, mode="edge")


def _assemble(parts: Sequence[Sequence[bytes]], size: tuple[int, int], metadata: Metadata) -> bytes:
    """Make one file of the frames of the colours and, if there is any, of the alpha."""
    items: list[_Item] = []
    shared: list[bytes] = [_full(b"ispe", struct.pack(">II", size[1], size[0]))]
    associations, references = [], []
    for part, frames in enumerate(parts):
        properties = _properties(frames)
        first = len(shared) + 1  # properties are counted from one
        shared += properties
        kinds = [kind for kind, _ in (next(boxes(p)) for p in properties)]
        numbers = [first + n | (_ESSENTIAL if kind == b"av1C" else 0) for n, kind in enumerate(kinds)]
        of_grid = [1, *(n for n, kind in zip(numbers, kinds, strict=True) if kind not in (b"ispe", b"av1C"))]
        if part:
            shared.append(_full(b"auxC", _ALPHA))
            of_grid.append(len(shared))
        grid = len(items) + 1
        items.append((b"grid", _grid(size), bool(part)))
        items += [(b"av01", _content(frame), True) for frame in frames]
        associations += [(grid, of_grid), *((grid + n, numbers) for n in range(1, len(frames) + 1))]
        references.append((b"dimg", grid, range(grid + 1, grid + 1 + len(frames))))
        if part:
            references.append((b"auxl", grid, range(1, 2)))
    for kind, block in _described(metadata):
        items.append((kind, block, False))
        references.append((b"cdsc", len(items), range(1, 2)))
    return _file(items, shared, associations, references, parts[0][0])


def _properties(frames: Sequence[bytes]) -> list[bytes]:
    """Return the property boxes that all frames have."""
    found = set()
    for frame in frames:
        span = find(frame, b"meta", b"iprp", b"ipco")
        if span is not None:
            found.add(frame[span[0] : span[1]])
    if len(found) != 1:
        raise OSError("the AVIF encoder made frames of several kinds")
    data = found.pop()
    return [_box(kind, data[start:end]) for kind, (start, end) in boxes(data)]


def _content(frame: bytes) -> bytes:
    """Return the AV1 data of a file that holds one frame and nothing else."""
    span = find(frame, b"mdat")
    if span is None:
        raise OSError("the AVIF encoder made no frame")
    return frame[span[0] : span[1]]


def _grid(size: tuple[int, int]) -> bytes:
    (rows, _), (columns, _) = (_layout(side) for side in size)
    return struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, size[1], size[0])  # 1: sizes of 32 bits


def _described(metadata: Metadata) -> Iterator[tuple[bytes, bytes]]:
    if metadata.exif:
        yield b"Exif", struct.pack(">I", 0) + exif_block.bare(metadata.exif)
    if metadata.xmp:
        yield b"mime", metadata.xmp


def _file(
    items: Sequence[_Item],
    properties: Sequence[bytes],
    associations: Sequence[tuple[int, Sequence[int]]],
    references: Sequence[tuple[bytes, int, range]],
    frame: bytes,
) -> bytes:
    kinds = next(span for kind, span in boxes(frame) if kind == b"ftyp")
    head = _box(b"ftyp", frame[kinds[0] : kinds[1]])
    entries = [
        _full(
            b"infe",
            struct.pack(">HH4s", number, 0, kind) + b"\0" + (_XMP if kind == b"mime" else b""),
            version=2,
            flags=int(hidden),
        )
        for number, (kind, _, hidden) in enumerate(items, 1)
    ]
    linked = b"".join(
        struct.pack(f">HB{len(numbers)}B", item, len(numbers), *numbers) for item, numbers in associations
    )
    refers = b"".join(
        _box(kind, struct.pack(f">HH{len(to)}H", source, len(to), *to)) for kind, source, to in references
    )
    before = [
        _full(b"hdlr", struct.pack(">I4s12x", 0, b"pict") + b"\0"),
        _full(b"pitm", struct.pack(">H", 1)),
    ]
    after = [
        _full(b"iinf", struct.pack(">H", len(items)) + b"".join(entries)),
        _full(b"iref", refers),
        _box(
            b"iprp",
            _box(b"ipco", b"".join(properties)),
            _full(b"ipma", struct.pack(">I", len(associations)) + linked),
        ),
    ]

    def meta(start: int) -> bytes:
        places = b""
        for number, (_, content, _) in enumerate(items, 1):
            places += struct.pack(">HHHII", number, 0, 1, start, len(content))
            start += len(content)
        return _full(b"meta", *before, _full(b"iloc", struct.pack(">HH", 0x4400, len(items)) + places), *after)

    contents = b"".join(content for _, content, _ in items)
    return b"".join((head, meta(len(head) + len(meta(0)) + 8), _box(b"mdat", contents)))


def _box(kind: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _full(kind: bytes, *contents: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *contents)
