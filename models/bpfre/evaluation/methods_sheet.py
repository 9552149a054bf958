"""A sheet of what several methods make of one picture, side by side."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from bpfre.evaluation.canvas import Panel, compose
from bpfre.evaluation.sheets import CHANGE_LEGEND, change_panel

_SIDE = 512  # px of a panel
_SHARE = 0.6  # of the picture's shorter side that is shown: the face, where the picture was cut to the head


def methods_sheet(heading: str, before: np.ndarray, results: Mapping[str, np.ndarray]) -> np.ndarray:
    """Lay out the middle of a picture and of each method's result, and below what the method changed.

    Args:
        heading: one line: which picture.
        before: [H, W, 3] uint8.
        results: name of the method -> the same size.

    Returns:
        [H, W, 3] uint8 RGB.
    """
    blank = np.full((_SIDE, _SIDE, 3), 255, np.uint8)
    pictures = [Panel("Unedited", _middle(before), "The photo as the methods get it.")]
    changes = [Panel("", blank)]
    for name, after in results.items():
        change = (_middle(after).astype(np.float32) - _middle(before)) / 255
        pictures.append(Panel(name, _middle(after), "The result."))
        changes.append(change_panel(f"{name}: change", change, _SIDE, "Result minus unedited."))
    return compose(heading, (), (pictures, changes), (CHANGE_LEGEND,))


def _middle(rgb: np.ndarray) -> np.ndarray:
    """Cut out the middle, pixel by pixel where it is enlarged. -> [_SIDE, _SIDE, 3]"""
    height, width = rgb.shape[:2]
    half = max(1, round(_SHARE * min(height, width) / 2))
    y, x = height // 2, width // 2
    part = rgb[max(0, y - half) : y + half, max(0, x - half) : x + half]
    how = cv2.INTER_AREA if len(part) > _SIDE else cv2.INTER_NEAREST
    return cv2.resize(part, (_SIDE, _SIDE), interpolation=how)
