"""Numbers as pixels: maps in colours, and corrections made visible."""

from __future__ import annotations

import cv2
import numpy as np

from bpfre.photos import to_bytes

GAIN = 4  # how much differences are enlarged to be seen


def heat(values: np.ndarray) -> np.ndarray:
    """Colour values in [0, 1] by viridis, which is perceptually uniform. [H, W] -> [H, W, 3] uint8 RGB"""
    return cv2.cvtColor(cv2.applyColorMap(to_bytes(values), cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)


def difference(values: np.ndarray) -> np.ndarray:
    """Show a difference of two images as grey plus `GAIN` times itself. [H, W, 3] float -> uint8 RGB"""
    return to_bytes(0.5 + GAIN * values)


def fit(pixels: np.ndarray, side: int) -> np.ndarray:
    """Bring a square picture to a side: shrunk by averages, enlarged pixel by pixel where that comes out even."""
    size = len(pixels)
    if size == side:
        return pixels
    smooth = cv2.INTER_AREA if size > side else cv2.INTER_LINEAR
    return cv2.resize(pixels, (side, side), interpolation=smooth if side % size else cv2.INTER_NEAREST)
