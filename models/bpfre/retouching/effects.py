"""Which part of a correction is meant: tell its effects apart, and take away marks that it keeps."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import cv2
import numpy as np

from bpfre.blemishes import estimate_skin, heal_spots, spot_area
from bpfre.blemishes.spots import find_all_marks
from bpfre.faces.template import TEMPLATE_SIZE, template

EFFECTS = ("spots", "redness", "under-eye", "shine")
Marks = Literal["keep", "remove"]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_SPOT = 7.0  # radius of the largest spot; wider corrections are of redness, shadow or shine, px of a 512 crop
_BELOW_EYE = (0.2, 0.27, 0.15)  # of the skin under an eye: distance from it and half axes, in distances of the eyes
_SOFT = 4.0  # sigma of the seams between effects, px of a 512 crop


def split_effects(correction: np.ndarray) -> dict[str, np.ndarray]:
    """Tell the effects in a correction apart; they add up to it.

    What is too narrow for a disc of 7 px is a spot (a top-hat transform of each sign and channel). Of the rest, what
    darkens takes shine away, what lightens lies under an eye or else takes redness and uneven tone away.

    Args:
        correction: [S, S, 3] float32, of an aligned crop.
    """
    scale = len(correction) / TEMPLATE_SIZE
    side = 2 * round(_SPOT * scale) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    lighter, darker = np.maximum(correction, 0), np.maximum(-correction, 0)
    broad = cv2.morphologyEx(lighter, cv2.MORPH_OPEN, disc) - cv2.morphologyEx(darker, cv2.MORPH_OPEN, disc)
    darkens = cv2.GaussianBlur((broad @ _LUMA < 0).astype(np.float32), (0, 0), _SOFT * scale)[..., None]
    under = _under_eyes(len(correction))[..., None]
    return {
        "spots": correction - broad,
        "redness": broad * (1 - darkens) * (1 - under),
        "under-eye": broad * (1 - darkens) * under,
        "shine": broad * darkens,
    }


def chosen_part(
    pixels: np.ndarray, correction: np.ndarray, *, effects: Collection[str] = EFFECTS, marks: Marks = "keep"
) -> np.ndarray:
    """Return what the user wants of a correction.

    Args:
        pixels: [S, S, 3] float32 in [0, 1], the aligned crop.
        correction: [S, S, 3] float32.
        effects: which to apply.
        marks: "remove" takes moles, freckles and whatever else still stands out from the skin away too.
    """
    if set(effects) != set(EFFECTS):
        parts = split_effects(correction)
        correction = np.zeros_like(correction)
        for name in effects:
            correction += parts[name]
    if marks == "remove":
        correction = _without_marks(pixels + correction) - pixels
    return correction


def _without_marks(pixels: np.ndarray) -> np.ndarray:
    """Heal everything that stands out from the skin of an aligned crop."""
    scale = len(pixels) / TEMPLATE_SIZE
    pixels = np.clip(pixels, 0, 1)
    skin = estimate_skin(pixels, scale=scale, wide=True)
    marks = find_all_marks(pixels, spot_area(skin, scale=scale, wide=True), scale=scale)
    return heal_spots(pixels, marks, skin, scale=scale)


def _under_eyes(size: int) -> np.ndarray:
    """Share of each pixel that lies under an eye. -> [size, size] float32"""
    left, right = template(size)[:2]
    apart = float(np.hypot(*(right - left)))
    below, across, down = (apart * part for part in _BELOW_EYE)
    area = np.zeros((size, size), np.float32)
    for x, y in (left, right):
        cv2.ellipse(area, (round(x), round(y + below)), (round(across), round(down)), 0, 0, 360, 1, -1)
    return cv2.GaussianBlur(area, (0, 0), _SOFT * size / TEMPLATE_SIZE)
