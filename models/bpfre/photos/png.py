"""PNG: pixels by Pillow (8 bit) and OpenCV (16 bit), every other chunk carried over by hand.

Pillow alone reduces 16-bit colour to 8 bits. Decoders get a copy without metadata: OpenCV may turn by EXIF,
and both stumble over damaged blocks.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TypeAlias

import cv2
import numpy as np
from PIL.PngImagePlugin import PngImageFile

from bpfre.photos import exif as exif_block
from bpfre.photos.decoded import Decoded, Encoded
from bpfre.photos.faults import DamagedError, NotHandledError
from bpfre.photos.limits import MAX_TEXT, check_packing, check_size
from bpfre.photos.metadata import Metadata
from bpfre.photos.pillow import to_image, to_pixels
from bpfre.photos.png_extent import expected_bytes, unpacks_to

Chunk: TypeAlias = tuple[bytes, bytes]  # type, content

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEAD = len(_SIGNATURE) + 25  # signature and IHDR
_CARRIED = frozenset(
    (b"cHRM", b"gAMA", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"tIME")
)
_XMP = b"XML:com.adobe.xmp"
_OLD_EXIF = b"Raw profile type exif"  # ImageMagick's place for EXIF before PNG had one
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6  # colour types
_MODES = {_GREY: "L", _RGB: "RGB", _GREY_ALPHA: "LA", _RGBA: "RGBA"}
_CHANNELS = {_GREY: 1, _RGB: 3, _PALETTE: 4, _GREY_ALPHA: 2, _RGBA: 4}  # once unpacked
_COMPRESSION = 4  # zlib level; higher ones take three times as long for photos and gain nothing


@dataclass(frozen=True)
class PngEncoding:
    """What a PNG carries besides pixels, EXIF, XMP and colour profile."""

    chunks: tuple[Chunk, ...]  # resolution, gamma, text

    def transposed(self) -> PngEncoding:
        """Exchange horizontal and vertical resolution."""
        return replace(self, chunks=tuple(_transposed_resolution(chunk) for chunk in self.chunks))


def decode_png(data: bytes) -> Decoded:
    """Take a PNG apart.

    Raises:
        DamagedError: cut off or broken.
        NotHandledError: too large, or animated.
    """
    pieces = _split(data)
    wanted: tuple[bytes, ...] = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
    chunks = [(kind, bytes(piece[8:-4])) for kind, piece in pieces if kind != b"IDAT"]
    if chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13 or any(kind == b"IHDR" for kind, _ in chunks[1:]):
        raise DamagedError
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    check_size(width, height)
    check_packing(_CHANNELS.get(colour, 1) * width * height * max(1, depth // 8), len(data))
    if any(kind == b"acTL" and content[:4] > b"\0\0\0\1" for kind, content in chunks):
        raise NotHandledError("is animated", "Only still photos are retouched.")
    if colour == _PALETTE:
        wanted += (b"tRNS",)
    coding = b"".join((_SIGNATURE, *(piece for kind, piece in pieces if kind in wanted)))
    native, mode = _decode_16(coding, colour) if depth == 16 else to_pixels(PngImageFile(BytesIO(coding)))
    if interlaced or colour == _PALETTE or not native[-1].any():  # rows that are missing are black
        expected = expected_bytes(width, height, depth, colour, interlaced=bool(interlaced))
        if not unpacks_to((piece[8:-4] for kind, piece in pieces if kind == b"IDAT"), expected):
            raise DamagedError
    key = next((content for kind, content in chunks if kind == b"tRNS"), None)
    if key is not None and mode in ("L", "RGB"):
        native, mode = _with_alpha(native, key, depth), mode + "A"
    metadata, carried = _metadata(chunks)
    return Decoded(native, mode, metadata, PngEncoding(carried))


def encode_png(native: np.ndarray, mode: str, metadata: Metadata, encoding: PngEncoding) -> Encoded:
    """Write [H, W, C] uint8 or uint16 samples with the source's metadata."""
    encoded = _encode_16(native, mode) if native.dtype == np.uint16 else _encode_8(native, mode)
    extra = _metadata_chunks(metadata, encoding.chunks)
    return [encoded[:_HEAD], *(_chunk(kind, content) for kind, content in extra), encoded[_HEAD:]]


def _split(data: bytes) -> list[tuple[bytes, memoryview]]:
    """Return kind and bytes, from length to checksum, of all chunks to IEND; checksums have to be right."""
    view = memoryview(data)
    pieces: list[tuple[bytes, memoryview]] = []
    position = len(_SIGNATURE)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        piece = view[position : position + 12 + length]
        if len(piece) < 12 + length or zlib.crc32(piece[4:-4]) != struct.unpack(">I", piece[-4:])[0]:
            raise DamagedError
        pieces.append((kind, piece))
        if kind == b"IEND":
            return pieces
        position += len(piece)
    raise DamagedError


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _decode_16(data: bytes, colour: int) -> tuple[np.ndarray, str]:
    if colour == _GREY_ALPHA:
        pixels, _ = to_pixels(PngImageFile(BytesIO(_relabelled(data, 8, _RGBA))))
        return pixels.view(">u2").astype(np.uint16), "LA"
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None:
        raise DamagedError
    if colour == _GREY:
        return decoded[..., None], "L"
    order = cv2.COLOR_BGR2RGB if colour == _RGB else cv2.COLOR_BGRA2RGBA
    return cv2.cvtColor(decoded, order, dst=decoded), _MODES[colour]


def _encode_8(native: np.ndarray, mode: str) -> memoryview:
    buffer = BytesIO()
    to_image(native, mode).save(buffer, "PNG", compress_level=_COMPRESSION)
    return buffer.getbuffer()


def _encode_16(native: np.ndarray, mode: str) -> memoryview:
    if mode == "LA":
        return memoryview(_relabelled(_encode_8(native.astype(">u2").view(np.uint8), "RGBA"), 16, _GREY_ALPHA))
    order = {"RGB": cv2.COLOR_RGB2BGR, "RGBA": cv2.COLOR_RGBA2BGRA}.get(mode)
    pixels = native if order is None else cv2.cvtColor(native, order)
    done, encoded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, _COMPRESSION])
    if not done:
        raise OSError("the PNG encoder failed")
    return encoded.data


def _relabelled(data: bytes | memoryview, depth: int, colour: int) -> bytes:
    """Change depth and colour type in the header alone.

    16-bit grey with alpha and 8-bit RGBA have four bytes a pixel and hence the same compressed data; neither
    library handles the former.
    """
    header = bytearray(data[len(_SIGNATURE) + 8 : _HEAD - 4])
    header[8:10] = bytes((depth, colour))
    return _SIGNATURE + _chunk(b"IHDR", bytes(header)) + data[_HEAD:]


def _with_alpha(native: np.ndarray, key: bytes, depth: int) -> np.ndarray:
    """Append the alpha that a transparent colour (tRNS) stands for."""
    full = np.iinfo(native.dtype).max
    transparent = np.frombuffer(key[: 2 * native.shape[2]], ">u2").astype(np.int64)
    if depth < 8:
        transparent = transparent * 255 // (2**depth - 1)
    alpha = np.where((native == transparent).all(axis=2, keepdims=True), 0, full)
    return np.concatenate((native, alpha.astype(native.dtype)), axis=2)


def _metadata(chunks: list[Chunk]) -> tuple[Metadata, tuple[Chunk, ...]]:
    """Sort the chunks into EXIF, XMP, profile and what is carried over as it is."""
    exif: bytes | None = None
    old_exif: bytes | None = None
    xmp: bytes | None = None
    icc: bytes | None = None
    carried: list[Chunk] = []
    for kind, content in chunks:
        keyword, _, value = content.partition(b"\0")
        if kind == b"eXIf":
            exif = exif_block.PREFIX + exif_block.bare(content)
        elif kind == b"iCCP":
            icc = _inflated(value[1:])
        elif kind == b"iTXt" and keyword == _XMP:
            xmp = _international_text(value)
        elif kind in (b"tEXt", b"zTXt") and keyword == _OLD_EXIF:
            old_exif = _old_exif(_inflated(value[1:]) if kind == b"zTXt" else value)
        elif kind in _CARRIED:
            carried.append((kind, content))
    return Metadata(exif or old_exif, xmp, icc), tuple(carried)


def _metadata_chunks(metadata: Metadata, carried: tuple[Chunk, ...]) -> list[Chunk]:
    chunks: list[Chunk] = []
    if metadata.icc:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)))
    chunks += carried
    if metadata.exif:
        chunks.append((b"eXIf", exif_block.bare(metadata.exif)))
    if metadata.xmp:
        chunks.append((b"iTXt", _XMP + b"\0\0\0\0\0" + metadata.xmp))
    return chunks


def _inflated(data: bytes) -> bytes | None:
    """Unpack a metadata block; None where it is damaged or absurdly large."""
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, MAX_TEXT)
    except zlib.error:
        return None
    return text if unpacker.eof else None


def _international_text(value: bytes) -> bytes | None:
    """Return the text of an iTXt chunk; it follows flag, method, language and translated keyword."""
    if len(value) < 2:
        return None
    text = value[2:].split(b"\0", 2)[-1]
    return _inflated(text) if value[0] else text


def _old_exif(text: bytes | None) -> bytes | None:
    """Decode a profile in hexadecimal after three lines: empty, its name, its length."""
    try:
        raw = bytes.fromhex(b"".join((text or b"").split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return None
    return exif_block.PREFIX + exif_block.bare(raw) if raw else None


def _transposed_resolution(chunk: Chunk) -> Chunk:
    kind, content = chunk
    return (kind, content[4:8] + content[:4] + content[8:]) if kind == b"pHYs" else chunk
