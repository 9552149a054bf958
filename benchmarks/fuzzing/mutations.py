"""Damage to files: blind, or behind checksums and lengths that are put right again so that decoders look deeper."""

from __future__ import annotations

import json
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from fuzzing.seeds import png_chunk

Mutation = Callable[[random.Random, bytes], bytes]

_NUMBERS = (0, 1, 2, 3, 7, 8, 15, 16, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 20_000, 65_500)
_LARGE = (0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 33, (1 << 63) - 1, (1 << 64) - 1)
_SIDES = (0, 1, 3, 44, 46, 1000, 8191, 16_383, 17_000, 30_000, 65_535, 1_000_000)  # px; 17 000 squared is just allowed


def mutate(rng: random.Random, kind: str, data: bytes, others: Sequence[bytes]) -> bytes:
    """Damage a file of one of `KINDS` in one to four ways; `others` are further files of its kind."""
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        if rng.random() < 0.1:
            data = _splice(rng, data, rng.choice(others))
        elif rng.random() < _BLINDLY[kind]:
            data = rng.choice(_BLIND)(rng, data)
        else:
            data = _KNOWING[kind](rng, data)
    return data


# Blind.


def _flip_bits(rng: random.Random, data: bytes) -> bytes:
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 40))):
        if damaged:
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _set_number(rng: random.Random, data: bytes) -> bytes:
    """Write a number that is at some limit; near the start, where headers are, more often."""
    code = rng.choice("BHIQ")
    packed = struct.pack(rng.choice("<>") + code, rng.choice(_NUMBERS + _LARGE) % (1 << 8 * struct.calcsize(code)))
    at = rng.randrange(max(1, min(len(data), rng.choice((64, 512, len(data))))))
    return data[:at] + packed + data[at + len(packed) :]


def _cut_off(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _part(rng: random.Random, data: bytes) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 2, 4, 16, 100, 1000)))


def _drop(rng: random.Random, data: bytes) -> bytes:
    start, stop = _part(rng, data)
    return data[:start] + data[stop:]


def _repeat(rng: random.Random, data: bytes) -> bytes:
    start, stop = _part(rng, data)
    return data[:stop] + data[start:stop] * rng.choice((1, 2, 50)) + data[stop:]


def _fill(rng: random.Random, data: bytes) -> bytes:
    start, stop = _part(rng, data)
    filler = rng.choice((bytes(1), b"\xff", None))
    return data[:start] + (filler * (stop - start) if filler else rng.randbytes(stop - start)) + data[stop:]


def _append(rng: random.Random, data: bytes) -> bytes:
    return data + rng.randbytes(rng.choice((1, 10, 1000)))


def _splice(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Put the end of another file behind the start of this one."""
    at = rng.randrange(len(data) + 1)
    return data[:at] + other[min(len(other), at) if rng.random() < 0.5 else rng.randrange(len(other) + 1) :]


_BLIND: tuple[Mutation, ...] = (_flip_bits, _flip_bits, _set_number, _cut_off, _drop, _repeat, _fill, _append)


# Knowing the format. What is too damaged to be taken apart is damaged blindly.


def _damage(rng: random.Random, content: bytes) -> bytes:
    return rng.choice((_flip_bits, _set_number, _fill, _drop, _repeat, _cut_off))(rng, content)


def _shuffle(rng: random.Random, parts: list[Any], first: int) -> list[Any]:
    """Drop, double or move one of the parts from `first` on."""
    if len(parts) <= first:
        return parts
    at = rng.randrange(first, len(parts))
    part = parts[at]
    act = rng.choice(("drop", "double", "move"))
    if act in ("drop", "move"):
        parts = parts[:at] + parts[at + 1 :]
    if act in ("double", "move"):
        to = rng.randrange(first, len(parts) + 1)
        parts = [*parts[:to], part, *parts[to:]]
    return parts


def _png(rng: random.Random, data: bytes) -> bytes:
    chunks, at = [], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    if not chunks:
        return _flip_bits(rng, data)
    act = rng.choice(("head", "content", "content", "pixels", "order", "sum"))
    index = rng.randrange(len(chunks))
    kind, content = chunks[index]
    if act == "head" and len(chunks[0][1]) == 13:
        head = list(struct.unpack(">IIBBBBB", chunks[0][1]))
        field = rng.randrange(7)
        head[field] = rng.choice(_SIDES) if field < 2 else rng.choice((0, 1, 2, 3, 4, 6, 7, 8, 16, 255))
        chunks[0] = (b"IHDR", struct.pack(">IIBBBBB", *head))
    elif act == "order":
        chunks = _shuffle(rng, chunks, rng.choice((0, 1, 1)))
    elif act == "pixels":
        chunks = [(k, _damage_packed(rng, c) if k in (b"IDAT", b"fdAT", b"zTXt", b"iCCP") else c) for k, c in chunks]
    elif act == "content":
        chunks[index] = (kind, _damage(rng, content))
    elif act == "sum":
        return data[:8] + b"".join(png_chunk(*chunk) for chunk in chunks)[:-1] + rng.randbytes(1)
    return data[:8] + b"".join(png_chunk(*chunk) for chunk in chunks)


def _damage_packed(rng: random.Random, content: bytes) -> bytes:
    """Damage what deflate has packed."""
    for start in range(min(20, len(content))):  # before the stream there may be a keyword
        try:
            plain = zlib.decompress(content[start:])
        except zlib.error:
            continue
        return content[:start] + zlib.compress(_damage(rng, plain))
    return _damage(rng, content)


def _jpeg(rng: random.Random, data: bytes) -> bytes:
    segments, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", data, at + 2)
        segments.append((data[at + 1], data[at + 4 : at + 2 + length]))
        at += 2 + length
    if not segments:
        return _flip_bits(rng, data)
    act = rng.choice(("frame", "content", "content", "order", "scan", "marker"))
    index = rng.randrange(len(segments))
    marker, content = segments[index]
    scan = data[at:]
    if act == "frame":
        segments = [(m, _jpeg_frame(rng, c) if 0xC0 <= m <= 0xC2 else c) for m, c in segments]
    elif act == "content":
        segments[index] = (marker, _damage(rng, content))
    elif act == "order":
        segments = _shuffle(rng, segments, 0)
    elif act == "scan":
        scan = _damage(rng, scan)
    else:
        segments[index] = (rng.randrange(0xC0, 0x100), content)
    joined = (struct.pack(">BBH", 0xFF, m, (len(c) + 2) & 0xFFFF) + c for m, c in segments)
    return b"\xff\xd8" + b"".join(joined) + scan


def _jpeg_frame(rng: random.Random, content: bytes) -> bytes:
    """Change precision, a side, the number of channels, or a channel's sampling and table."""
    frame = bytearray(content)
    act = rng.randrange(4)
    if act == 0:
        at = 1 + 2 * rng.randrange(2)
        frame[at : at + 2] = struct.pack(">H", rng.choice(_SIDES) & 0xFFFF)
    elif act == 1:
        frame[1:5] = struct.pack(">HH", *rng.choices((16_000, 17_000, 17_320, 20_000, 65_500), k=2))
    elif len(frame) > 8:
        frame[rng.choice((0, *range(5, len(frame))))] = rng.choice(
            (0, 1, 2, 3, 4, 8, 12, 0x11, 0x12, 0x21, 0x22, 0x44, 0xFF)
        )
    return bytes(frame)


def _tiff(rng: random.Random, data: bytes) -> bytes:
    """Change a field of an entry in the first directory."""
    order = ">" if data[:2] == b"MM" else "<"
    big = data[2:4] in (b"+\0", b"\0+")
    try:
        (start,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
        (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, start)
    except struct.error:
        return _flip_bits(rng, data)
    size, first = (20, start + 8) if big else (12, start + 2)
    at = first + size * rng.randrange(max(1, min(count, 60)))
    field, code = rng.choice(
        ((0, "H"), (2, "H"), (4, "Q" if big else "I"), *[(12 if big else 8, "Q" if big else "I")] * 3)
    )
    if field == 0:
        value = rng.choice(
            (254, 256, 257, 258, 259, 262, 273, 274, 277, 278, 279, 284, 317, 320, 322, 330, 338, 339, 347, 530)
        )
    elif field == 2:
        value = rng.randrange(0, 20)
    else:
        value = rng.choice(_NUMBERS + _LARGE + _SIDES + (5, 6, 32946, 34887, 50000, len(data), len(data) - 1))
    packed = struct.pack(order + code, value % (1 << 8 * struct.calcsize(code)))
    return data[: at + field] + packed + data[at + field + len(packed) :]


def _webp(rng: random.Random, data: bytes) -> bytes:
    chunks, at = [], 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        chunks.append((kind, data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    if not chunks:
        return _flip_bits(rng, data)
    act = rng.choice(("content", "content", "order", "canvas", "start"))
    index = rng.randrange(len(chunks))
    kind, content = chunks[index]
    if act == "order":
        chunks = _shuffle(rng, chunks, 0)
    elif act == "canvas" and chunks[0][0] == b"VP8X":
        side = rng.choice((16_382, 16_383, 1 << 20, (1 << 24) - 1)).to_bytes(3, "little")
        chunks[0] = (b"VP8X", chunks[0][1][:4] + side + side)
    elif act == "start":  # sizes stand in the first bytes of a picture
        chunks[index] = (kind, _set_number(rng, content[:16]) + content[16:])
    else:
        chunks[index] = (kind, _damage(rng, content))
    body = b"".join(struct.pack("<4sI", k, len(c)) + c + b"\0" * (len(c) % 2) for k, c in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _safetensors(rng: random.Random, data: bytes) -> bytes:
    try:
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])
        body = data[8 + length :]
        names = [name for name in header if name != "__metadata__"]
    except (struct.error, ValueError, RecursionError, TypeError):
        return _flip_bits(rng, data)
    act = rng.choice(("tensor", "tensor", "config", "config", "body", "text", "name"))
    if act == "body":
        body = _damage(rng, body)
    elif act == "config":
        _change_config(rng, header)
    elif act in ("tensor", "name") and names:
        entry = header.pop(rng.choice(names)) if act == "name" else header[rng.choice(names)]
        if isinstance(entry, dict):
            _change_entry(rng, entry)
    text = json.dumps(header).encode()
    if act == "text":
        text = _damage(rng, text)
    return struct.pack("<Q", len(text)) + text + body


def _change_entry(rng: random.Random, entry: dict[str, Any]) -> None:
    field = rng.choice(("dtype", "shape", "data_offsets"))
    numbers = [rng.choice(_NUMBERS + _LARGE + (-1,)) for _ in range(rng.randrange(0, 5))]
    entry[field] = rng.choice(("F64", "I8", "BOOL", "BF16", "F8_E4M3", "", 5, None)) if field == "dtype" else numbers


def _change_config(rng: random.Random, header: dict[str, Any]) -> None:
    metadata = header.get("__metadata__")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("bpfre.config"), str):
        header["__metadata__"] = rng.choice((None, 5, [], {"bpfre.config": "{}"}, {"bpfre.config": 5}))
        return
    try:
        config = json.loads(metadata["bpfre.config"])
        field = rng.choice(list(config))
    except (ValueError, TypeError, IndexError):
        return
    large = rng.choice((0, -1, 1 << 20, 1 << 40, 1e300, float("nan"), float("inf")))
    config[field] = rng.choice((large, [large] * rng.choice((0, 2, 3, 1000)), "starter", None, True, {}, "x" * 1000))
    metadata["bpfre.config"] = json.dumps(config)


_BLINDLY = {"jpeg": 0.5, "png": 0.15, "tiff": 0.5, "webp": 0.4, "safetensors": 0.4}  # checksums stop most of it
_KNOWING: dict[str, Mutation] = {"jpeg": _jpeg, "png": _png, "tiff": _tiff, "webp": _webp, "safetensors": _safetensors}
