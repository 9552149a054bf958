"""Which blocks of a JPEG an edit touches, and by how much their coefficients change.

A block is 8 x 8 samples of one component (ITU-T T.81, A.1 and A.3.3). An edit touches it where it changes a pixel of
the area that the block covers. The change is transformed, not the pixels: a file's coefficients lie on the grid
of its quantisation, so adding the rounded change to them is what quantising the edited picture gives, without the
losses of a decoder's rounding, clipping and chroma upsampling.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from bpfre.photos.faults import NotExactError

SIDE = 8  # samples of a block, each way
_LIMIT = 1023  # largest coefficient that baseline JPEG can say
_FREQUENCY, _SAMPLE = np.mgrid[:SIDE, :SIDE]
_DCT = np.cos((2 * _SAMPLE + 1) * _FREQUENCY * np.pi / (2 * SIDE)) * np.where(_FREQUENCY, 0.5, np.sqrt(0.125))


@dataclass(frozen=True)
class Frame:
    """Size of the picture as it is stored, and how its components are sampled."""

    width: int  # px
    height: int
    samplings: tuple[tuple[int, int], ...]  # horizontal and vertical factor a component (H and V of T.81, B.2.2)

    @property
    def unit(self) -> tuple[int, int]:
        """Width and height in px of the area that one or more whole blocks of each component cover."""
        across, down = zip(*self.samplings, strict=True)
        return SIDE * max(across), SIDE * max(down)

    def spacing(self, component: int) -> tuple[int, int]:
        """Return how many px one sample stands for, horizontally and vertically."""
        (width, height), (across, down) = self.unit, self.samplings[component]
        return width // SIDE // across, height // SIDE // down

    @property
    def samples(self) -> int:
        """About as many coefficients as the file has."""
        return sum(self.width * self.height // (x * y) for x, y in map(self.spacing, range(len(self.samplings))))


def read_frame(content: bytes) -> Frame:
    """Read a frame header.

    Raises:
        NotExactError: samples of components do not lie over whole pixels.
    """
    height, width, count = struct.unpack_from(">xHHB", content)
    factors = [content[7 + 3 * index] for index in range(count)]
    frame = Frame(width, height, tuple((value >> 4, value & 15) for value in factors))
    unit_width, unit_height = frame.unit
    if any(unit_width // SIDE % across or unit_height // SIDE % down for across, down in frame.samplings):
        raise NotExactError("its chroma is sampled in an unusual ratio")
    return frame


@dataclass(frozen=True, eq=False)
class BlockChange:
    """What an edit does to some blocks of a component."""

    component: int
    rows: np.ndarray  # [N] which blocks
    columns: np.ndarray  # [N]
    change: np.ndarray  # [N, 8, 8] float, of coefficients before quantisation, vertical frequency first


def block_changes(before: np.ndarray, after: np.ndarray, frame: Frame, matrix: np.ndarray) -> Iterator[BlockChange]:
    """Transform an edit, one row of units at a time.

    Args:
        before: [H, W, C] uint8 samples as they are stored.
        after: the same, edited.
        matrix: [components, channels] from a change of the first channels to that of the first components.
    """
    width, height = frame.unit
    for top in range(0, frame.height, height):
        rows = slice(top, top + height)
        changed = differing(before[rows], after[rows])
        columns = np.flatnonzero(changed.any(axis=0))
        if not len(columns):
            continue
        left, right = columns[0] // width * width, columns[-1] // width * width + width
        area = (rows, slice(left, right))
        change = (after[area].astype(np.float32) - before[area])[..., : matrix.shape[1]] @ matrix.T.astype(np.float32)
        # beyond the picture's edge a block goes on as it ends, which needs the fewest coefficients
        missing = ((0, height - change.shape[0]), (0, right - left - change.shape[1]))
        change = np.pad(change, (*missing, (0, 0)), mode="edge")
        changed = np.pad(changed[:, left:right], missing)
        for component in range(len(matrix)):
            across, down = frame.spacing(component)
            plane = _blocks(change[..., component], across, down).mean(axis=(3, 5))
            touched = _blocks(changed, across, down).any(axis=(2, 3, 4, 5))
            i, j = np.nonzero(touched)
            yield BlockChange(
                component,
                rows=i + top // (SIDE * down),
                columns=j + left // (SIDE * across),
                change=_DCT @ plane[touched] @ _DCT.T,
            )


def differing(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return in which pixels [H, W, C] samples differ, [H, W] bool."""
    different = one != other
    result = different[..., 0].copy()
    for channel in range(1, different.shape[2]):  # several times faster than any(axis=2)
        result |= different[..., channel]
    return result


def apply(change: BlockChange, plane: np.ndarray, table: np.ndarray) -> None:
    """Add a change to a component's coefficients in place.

    Args:
        plane: [rows, columns, 8, 8] int16 coefficients.
        table: [8, 8] quantisation steps.
    """
    steps = np.rint(change.change / np.maximum(table, 1))
    blocks = plane[change.rows, change.columns]
    edited = np.clip(blocks + steps, -_LIMIT, _LIMIT).astype(np.int16)
    plane[change.rows, change.columns] = np.where(steps == 0, blocks, edited)


def reach(frame: Frame, changes: Sequence[BlockChange]) -> np.ndarray:
    """Return the [H, W] bool mask of all pixels that a change of these blocks may show in.

    It is the area of the blocks and, where a component has half as many samples as the picture has pixels, one
    pixel around it that way: decoders interpolate there between neighbouring samples (libjpeg's fancy upsampling).
    Every other pixel is decoded from the same coefficients as before.
    """
    mask = np.zeros((frame.height, frame.width), np.uint8)
    for component in range(len(frame.samplings)):
        across, down = frame.spacing(component)
        kernel = np.ones((3 if down == 2 else 1, 3 if across == 2 else 1), np.uint8)
        area = np.zeros_like(mask)
        for change in changes:
            if change.component == component:
                for row, column in zip(change.rows * SIDE * down, change.columns * SIDE * across, strict=True):
                    area[row : row + SIDE * down, column : column + SIDE * across] = 1
        mask = np.maximum(mask, cv2.dilate(area, kernel))
    return mask.astype(bool)


def _blocks(plane: np.ndarray, across: int, down: int) -> np.ndarray:
    """Return [H, W] as [block rows, block columns, 8, down, 8, across]: the pixels of each sample of each block."""
    height, width = plane.shape
    parts = plane.reshape(height // (SIDE * down), SIDE, down, width // (SIDE * across), SIDE, across)
    return parts.transpose(0, 3, 1, 2, 4, 5)
