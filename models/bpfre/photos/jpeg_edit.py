"""Edit a JPEG without encoding it anew: only blocks that the edit touches get other coefficients.

The picture stays as it is stored, so its orientation tag keeps its value: turning the pixels would move every
block. Before a result is handed out it is decoded and compared with the source.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from bpfre.photos.decoded import Encoded
from bpfre.photos.faults import NotExactError
from bpfre.photos.jpeg import JpegEncoding
from bpfre.photos.jpeg_blocks import apply, block_changes, differing, reach, read_frame
from bpfre.photos.jpeg_dct import recode
from bpfre.photos.jpeg_segments import ADOBE, APP0, START, Segment, assembled, frame_of, is_metadata, joined, split
from bpfre.photos.metadata import Metadata, stored_metadata
from bpfre.photos.orientation import turn_back
from bpfre.photos.pillow import to_pixels

# R, G, B to Y, Cb, Cr (JFIF 1.02)
_YCC = np.array([[0.299, 0.587, 0.114], [-0.168735892, -0.331264108, 0.5], [0.5, -0.418687589, -0.081312411]])
_ROWS = 512  # rows compared at a time


def edit_jpeg(before: np.ndarray, after: np.ndarray, mode: str, metadata: Metadata, encoding: JpegEncoding) -> Encoded:
    """Write an edit into the source's own coefficients.

    Coefficients of blocks in which no pixel was edited are the source's. So every pixel outside of
    `jpeg_blocks.reach` decodes bit-identically.

    Args:
        before: [H, W, C] uint8 samples of the source, upright; of CMYK, K is not edited.
        after: the same, edited.
        metadata: for upright pixels.
    Raises:
        NotExactError: the file is of a kind that this cannot be done for, or jpeglib is not installed.
    """
    stored = encoding.stored
    segments, _ = split(stored.coding)
    frame = read_frame(frame_of(segments))
    adobe = [segment for segment in segments if segment[0] == ADOBE]
    before, after = (turn_back(pixels, stored.orientation) for pixels in (before, after))
    changes = list(block_changes(before, after, frame, _matrix(mode, encoding, adobe)))

    def edit(planes: Sequence[np.ndarray], tables: Sequence[np.ndarray]) -> None:
        for change in changes:
            apply(change, planes[change.component], tables[change.component])

    recoded = recode(stored.coding, edit, samples=frame.samples, progressive=encoding.progressive)
    written, scan = split(recoded)
    scans = memoryview(recoded)[scan:]
    tables = [segment for segment in written if not is_metadata(segment) and segment[0] not in (APP0, ADOBE)]
    heads = [segment for segment in stored.carried if segment[0] == APP0]
    _check(b"".join((START, *joined([*heads, *adobe, *tables]), scans)), before, reach(frame, changes))
    return assembled([*adobe, *tables], scans, stored_metadata(metadata, stored.orientation), stored.carried)


def _matrix(mode: str, encoding: JpegEncoding, adobe: list[Segment]) -> np.ndarray:
    """Return how a change of samples changes components, [components, channels]; libjpeg's rules."""
    if mode == "L":
        return np.eye(1)
    if mode == "RGB":
        return np.eye(3) if encoding.rgb_stored else _YCC
    transformed = any(content[:5] == b"Adobe" and content[11:12] != b"\0" for _, content in adobe[-1:])
    return _YCC if transformed else -np.eye(3)  # ink is stored inverted; the transform takes it for RGB


def _check(coding: bytes, before: np.ndarray, mask: np.ndarray) -> None:
    """Make sure that a file decodes to the source's samples everywhere but in the mask.

    It may not where the source's own scans are incomplete, since decoders then smooth what they do not know.
    """
    samples, _ = to_pixels(JpegImageFile(BytesIO(coding)))
    for top in range(0, len(mask), _ROWS):
        rows = slice(top, top + _ROWS)
        if (differing(samples[rows], before[rows]) & ~mask[rows]).any():
            raise NotExactError("its decoded pixels depend on more than its coefficients")
