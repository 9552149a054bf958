"""JPEG: quantisation tables, subsampling and every metadata segment of the source are kept.

The decoder gets a copy without metadata, so that a damaged EXIF block or a second picture (MPO) cannot
disturb it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TypeAlias

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from bpfre.photos import exif as exif_block
from bpfre.photos.decoded import Decoded, Encoded
from bpfre.photos.faults import DamagedError, NotHandledError
from bpfre.photos.limits import check_size
from bpfre.photos.metadata import Metadata
from bpfre.photos.pillow import to_image, to_pixels

Segment: TypeAlias = tuple[int, bytes]  # marker, content after the length
Table: TypeAlias = tuple[int, ...]  # 64 quantisation steps, row by row

_APP0, _APP1, _APP2, _APP11, _APP13, _APP14, _COM = 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xEE, 0xFE
_SOS, _EOI = 0xDA, 0xD9
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame; the others are tables
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ICC = b"ICC_PROFILE\0"
_ROOM = 65533  # bytes of content in one segment
_SUBSAMPLING = {(1, 1): 0, (2, 1): 1, (2, 2): 2}  # luma samples a chroma sample -> Pillow's code


@dataclass(frozen=True)
class JpegEncoding:
    """Encoder settings of a JPEG."""

    tables: tuple[Table, Table]  # quantisation of the first component, of the others
    subsampling: int  # 0 4:4:4, 1 4:2:2, 2 4:2:0
    progressive: bool
    rgb_stored: bool  # no YCbCr transform
    segments: tuple[Segment, ...]  # JFIF head, IPTC, comments, other application segments

    def transposed(self) -> JpegEncoding:
        """Turn the quantisation too; 4:2:2 becomes 4:4:4, as its other direction cannot be written."""
        first, others = (tuple(np.reshape(table, (8, 8)).T.ravel().tolist()) for table in self.tables)
        return replace(
            self,
            tables=(first, others),
            subsampling=0 if self.subsampling == 1 else self.subsampling,
            segments=tuple(_transposed_density(segment) for segment in self.segments),
        )


def decode_jpeg(data: bytes) -> Decoded:
    """Take a JPEG apart.

    Raises:
        DamagedError: cut off or broken.
        NotHandledError: too large, or not 8 bits a sample.
    """
    segments, scan = _split(data)
    frame = next((content for marker, content in segments if marker in _FRAMES), b"")
    if len(frame) < 6:
        raise DamagedError
    precision, height, width = struct.unpack_from(">BHH", frame)
    if precision != 8:
        raise NotHandledError(f"is a JPEG of {precision} bits a sample", "Save it as 8-bit JPEG or 16-bit TIFF.")
    check_size(width, height)
    coding = [segment for segment in segments if not _is_metadata(segment)]
    image = JpegImageFile(BytesIO(b"".join((b"\xff\xd8", *_joined(coding), memoryview(data)[scan:]))))
    native, mode = to_pixels(image)
    if mode not in ("L", "RGB", "CMYK"):
        raise NotHandledError("is a JPEG with an unusual number of channels")
    return Decoded(native, mode, _metadata(segments), _encoding(image, segments))


def encode_jpeg(native: np.ndarray, mode: str, metadata: Metadata, encoding: JpegEncoding) -> Encoded:
    """Write [H, W, C] uint8 samples the way the source was written."""
    buffer = BytesIO()
    to_image(native, mode).save(
        buffer,
        "JPEG",
        qtables=[list(table) for table in encoding.tables],
        subsampling=encoding.subsampling,
        progressive=encoding.progressive,
        keep_rgb=encoding.rgb_stored,
    )
    encoded = buffer.getbuffer()
    segments, scan = _split(encoded)
    heads = [segment for segment in encoding.segments if segment[0] == _APP0]
    rest = [segment for segment in encoding.segments if segment[0] != _APP0]
    coding = [segment for segment in segments if segment[0] != _APP0]
    ordered = [*heads, *_metadata_segments(metadata), *rest, *coding]
    return [b"\xff\xd8", *_joined(ordered), encoded[scan:]]


def _split(data: bytes | memoryview) -> tuple[list[Segment], int]:
    """Return the segments before the first scan and the offset of that scan."""
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


def _joined(segments: Iterable[Segment]) -> list[bytes]:
    return [struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content for marker, content in segments]


def _is_metadata(segment: Segment) -> bool:
    """Say whether a decoder can do without the segment; JFIF and Adobe heads tell it the colour transform."""
    marker, content = segment
    if marker == _APP0:
        return not content.startswith(b"JFIF\0")
    return marker == _COM or (_APP1 <= marker <= 0xEF and marker != _APP14)


def _is_carried(segment: Segment) -> bool:
    """Say whether a metadata segment is kept as it is.

    Left out: what has a place of its own (EXIF, XMP, ICC, Adobe's head), previews, the index of further
    pictures (MPF), and content credentials (APP11), which an edited picture would break.
    """
    marker, content = segment
    if marker == _APP0:
        return content.startswith(b"JFIF\0")
    if marker == _APP1:
        return not content.startswith((exif_block.PREFIX, _XMP))
    if marker == _APP2:
        return not content.startswith((_ICC, b"MPF\0"))
    return _is_metadata(segment) and marker != _APP11


def _metadata(segments: list[Segment]) -> Metadata:
    exif = _contents(segments, _APP1, exif_block.PREFIX)
    xmp = _contents(segments, _APP1, _XMP)
    icc = sorted(_contents(segments, _APP2, _ICC))  # each part begins with its number
    return Metadata(
        exif=exif_block.PREFIX + b"".join(exif) if exif else None,
        xmp=xmp[0] if xmp else None,
        icc=b"".join(part[2:] for part in icc) or None,
    )


def _contents(segments: list[Segment], marker: int, mark: bytes) -> list[bytes]:
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


def _encoding(image: JpegImageFile, segments: list[Segment]) -> JpegEncoding:
    components = image.layer  # (id, horizontal sampling, vertical sampling, quantisation table)
    tables = [image.quantization.get(component[3], [1] * 64) for component in components]
    rgb_stored = len(components) == 3 and _stored_as_rgb(image)
    if len(components) == 4:  # is written without the YCCK transform: every ink deserves the finer table
        tables = tables[:1]
    subsampling = 0
    if len(components) == 3 and not rgb_stored:
        (_, h, v, _), (_, h1, v1, _) = components[:2]
        same = components[1][1:3] == components[2][1:3]
        subsampling = _SUBSAMPLING.get((h // h1, v // v1), 0) if same and not (h % h1 or v % v1) else 0
    return JpegEncoding(
        tables=(_finest(tables[:1]), _finest(tables[1:] or tables)),
        subsampling=subsampling,
        progressive=bool(image.info.get("progressive")),
        rgb_stored=rgb_stored,
        segments=tuple(segment for segment in segments if _is_carried(segment)),
    )


def _finest(tables: list[list[int]]) -> Table:
    """Return the smallest steps of several tables, within what baseline JPEG can say."""
    return tuple(np.clip(np.min(tables, axis=0), 1, 255).astype(int).tolist())


def _stored_as_rgb(image: JpegImageFile) -> bool:
    """Follow libjpeg: JFIF is YCbCr, Adobe's head says, else the components' names."""
    if "jfif" in image.info:
        return False
    if "adobe_transform" in image.info:
        return image.info["adobe_transform"] == 0
    return [component[0] for component in image.layer] == list(b"RGB")


def _transposed_density(segment: Segment) -> Segment:
    marker, content = segment
    if marker != _APP0 or len(content) < 12:
        return segment
    return marker, content[:8] + content[10:12] + content[8:10] + content[12:]
