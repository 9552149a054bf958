"""Turn pixels upright by their EXIF orientation (EXIF 2.32, tag 0x0112)."""

from __future__ import annotations

import numpy as np

UPRIGHT = 1


def is_transposed(orientation: int) -> bool:
    """Say whether turning upright exchanges width and height."""
    return orientation >= 5


def turn_upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return [H, W, C] pixels as they are to be seen, C-contiguous; the same array where nothing is to do."""
    if orientation in (3, 4, 6, 7):
        pixels = pixels[::-1]
    if orientation in (2, 3, 7, 8):
        pixels = pixels[:, ::-1]
    if is_transposed(orientation):
        pixels = pixels.swapaxes(0, 1)
    return np.ascontiguousarray(pixels)


def turn_back(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return a view of upright [H, W, C] pixels as they are stored: undo `turn_upright`."""
    if is_transposed(orientation):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 7, 8):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 6, 7):
        pixels = pixels[::-1]
    return pixels
