"""Heal spots: the tone of the skin around them, their own fine texture kept."""

from __future__ import annotations

import cv2
import numpy as np

from bpfre.blemishes.density import from_density, to_density

_FINE = 1.2  # sigma that parts pores and grain from tone, px of a 512 face crop


def heal_spots(rgb: np.ndarray, spots: np.ndarray, skin: np.ndarray, *, scale: float = 1.0) -> np.ndarray:
    """Replace the tone of spots by that of the skin around them.

    Pores and grain are the spot's own, held within what healthy skin shows: a target made so is a function of
    the input, which a network can learn, where borrowed texture would teach it to blur.

    Args:
        rgb: [H, W, 3] float sRGB in [0, 1].
        spots: [H, W] bool or labels; anything above 0 is healed.
        skin: [H, W] bool, where tone may be taken from.
        scale: size of the face relative to a 512 crop.

    Returns:
        [H, W, 3] float32; pixels more than about 3 px (times scale) from a spot are exactly those of `rgb`.
    """
    side = 2 * max(1, round(1.5 * scale)) + 1
    hole = cv2.dilate((spots > 0).astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    touched, good = hole > 0, skin & (hole == 0)
    out = np.array(rgb, np.float32)
    if not touched.any() or not good.any():
        return out
    density = to_density(rgb)
    fine = density - cv2.GaussianBlur(density, (0, 0), _FINE * scale)
    limit = 2.5 * 1.48 * np.median(np.abs(fine[good]), axis=0)
    healed = _tone(density, good.astype(np.float32), scale) + np.clip(fine, -limit, limit)
    # A feather of about a pixel joins the healed area to the skin around it without a seam.
    blend = np.minimum(1, 1.6 * cv2.GaussianBlur(hole.astype(np.float32), (0, 0), 0.8 * scale))[..., None]
    out[touched] = from_density(density * (1 - blend) + healed * blend)[touched]
    return out


def _tone(density: np.ndarray, good: np.ndarray, scale: float) -> np.ndarray:
    """Slowly varying density of the skin, from good pixels only; wider kernels fill what narrow ones cannot reach."""
    tone = np.zeros_like(density)
    known = np.zeros(good.shape, np.float32)
    for sigma in (3.0, 6.0, 12.0, 30.0):
        total = cv2.GaussianBlur(good, (0, 0), sigma * scale)
        mean = cv2.GaussianBlur(density * good[..., None], (0, 0), sigma * scale) / np.maximum(total, 1e-4)[..., None]
        trust = np.clip(total * 4, 0, 1) * (1 - known)
        tone += mean * trust[..., None]
        known += trust
    return tone / np.maximum(known, 1e-4)[..., None]
