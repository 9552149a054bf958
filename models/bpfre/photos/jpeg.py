"""JPEG, read whole and written whole: quantisation tables, subsampling and every metadata segment are kept.

The decoder gets a copy without metadata, so that a damaged EXIF block or a second picture (MPO) cannot
disturb it. Writing here encodes every pixel anew; `jpeg_edit` changes nothing but the blocks of an edit.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TypeAlias

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from bpfre.photos.decoded import Decoded, Encoded
from bpfre.photos.faults import DamagedError, NotHandledError
from bpfre.photos.jpeg_segments import (
    APP0,
    ARITHMETIC,
    FRAMES,
    START,
    Segment,
    assembled,
    frame_of,
    is_carried,
    is_metadata,
    joined,
    metadata_of,
    split,
)
from bpfre.photos.limits import check_packing, check_size
from bpfre.photos.metadata import Metadata, orientation_of
from bpfre.photos.pillow import to_image, to_pixels

Table: TypeAlias = tuple[int, ...]  # 64 quantisation steps, row by row

_SUBSAMPLING = {(1, 1): 0, (2, 1): 1, (2, 2): 2}  # luma samples a chroma sample -> Pillow's code


@dataclass(frozen=True, eq=False)
class StoredJpeg:
    """The file itself, not turned upright."""

    coding: bytes  # a JPEG file without metadata
    carried: tuple[Segment, ...]  # JFIF head, IPTC, comments, other application segments
    orientation: int  # EXIF's word on how to turn it, 1..8


@dataclass(frozen=True, eq=False)
class JpegEncoding:
    """Encoder settings of a JPEG, and the file they come from."""

    tables: tuple[Table, Table]  # quantisation of the first component, of the others
    subsampling: int  # 0 4:4:4, 1 4:2:2, 2 4:2:0
    progressive: bool
    rgb_stored: bool  # no YCbCr transform
    segments: tuple[Segment, ...]  # as StoredJpeg.carried
    stored: StoredJpeg

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
    segments, scan = split(data)
    frame = frame_of(segments)
    if len(frame) < 6 or sum(marker in FRAMES for marker, _ in segments) > 1:  # decoders would take the last one
        raise DamagedError
    precision, height, width = struct.unpack_from(">BHH", frame)
    if precision != 8:
        raise NotHandledError(f"is a JPEG of {precision} bits a sample", "Save it as 8-bit JPEG or 16-bit TIFF.")
    check_size(width, height)
    _check_extent(segments, width, height, len(data) - scan)
    kept = [segment for segment in segments if not is_metadata(segment)]
    coding = b"".join((START, *joined(kept), memoryview(data)[scan:]))
    image = JpegImageFile(BytesIO(coding))
    native, mode = to_pixels(image)
    if mode not in ("L", "RGB", "CMYK"):
        raise NotHandledError("is a JPEG with an unusual number of channels")
    metadata = metadata_of(segments)
    carried = tuple(segment for segment in segments if is_carried(segment))
    stored = StoredJpeg(coding, carried, orientation_of(metadata))
    return Decoded(native, mode, metadata, _encoding(image, stored))


def _check_extent(segments: list[Segment], width: int, height: int, stored: int) -> None:
    """Refuse a file that is too short for its picture, which libjpeg would fill up with grey.

    Args:
        stored: bytes of all scans.
    Raises:
        DamagedError: a block of 8 x 8 samples has less than the bit that its Huffman codes need.
        NotHandledError: an arithmetic code, which needs less, stands for implausibly much.
    """
    if any(marker in ARITHMETIC for marker, _ in segments):
        check_packing(3 * width * height, stored)
    elif -(-width // 8) * -(-height // 8) > 8 * stored:
        raise DamagedError


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
    segments, scan = split(encoded)
    coding = [segment for segment in segments if segment[0] != APP0]
    return assembled(coding, encoded[scan:], metadata, encoding.segments)


def _encoding(image: JpegImageFile, stored: StoredJpeg) -> JpegEncoding:
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
        segments=stored.carried,
        stored=stored,
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
    if marker != APP0 or len(content) < 12:
        return segment
    return marker, content[:8] + content[10:12] + content[8:10] + content[12:]
