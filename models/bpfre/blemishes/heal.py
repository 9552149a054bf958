"""Heal spots: the tone of the skin around them, their own texture where it can be told from them."""

from __future__ import annotations

import cv2
import numpy as np

from bpfre.blemishes.density import from_density, to_density
from bpfre.blemishes.texture import size_classes, texture_of

_MARGIN = 2.0  # a spot reaches that much further than it is seen, px of a 512 face crop
_FEATHER = 1.0  # width of the seam, px of a 512 face crop
_SHORE = 5.0  # distance from what is no skin over which healing sets in, px of a 512 face crop
_TONE = (3.0, 6.0, 12.0, 30.0)  # sigmas of the averages that make the tone, px of a 512 face crop
# Orthonormal: lightness, and two axes of colour.
_AXES = np.array([[3**-0.5] * 3, [2**-0.5, -(2**-0.5), 0], [6**-0.5, 6**-0.5, -2 * 6**-0.5]], np.float32)


def heal_spots(rgb: np.ndarray, spots: np.ndarray, skin: np.ndarray, *, scale: float = 1.0) -> np.ndarray:
    """Replace what spots add to the tone of the skin around them.

    Pores and grain are the spot's own, held within what the skin around shows: a target made so is a function of
    the input, which a network can learn. The larger a spot, the coarser the texture that can be told from it and is
    kept; relief coarser than that comes from skin beside it, as from a healing brush.

    Args:
        rgb: [H, W, 3] float sRGB in [0, 1].
        spots: [H, W] bool, or labels from 1 up; anything above 0 is healed.
        skin: [H, W] bool, where tone may be taken from.
        scale: size of the face relative to a 512 crop.

    Returns:
        [H, W, 3] float32; pixels more than about 3 px (times scale) from a spot are exactly those of `rgb`.
    """
    hole = cv2.dilate((spots > 0).astype(np.uint8), _disc(_MARGIN * scale))
    hole[~skin & (spots == 0)] = 0
    touched, good = hole > 0, skin & (hole == 0)
    out = np.array(rgb, np.float32)
    if not touched.any() or not good.any():
        return out
    rows, columns = np.nonzero(touched)
    pad = int(np.ceil(40 * scale))
    at = np.s_[
        max(0, rows.min() - pad) : rows.max() + pad + 1,
        max(0, columns.min() - pad) : columns.max() + pad + 1,
    ]
    density = to_density(rgb[at])
    axes = density @ _AXES.T
    trusted = good[at].astype(np.float32)
    if not trusted.any():
        return out
    tone = _tone(axes, trusted, scale)
    sizes = cv2.dilate(size_classes(spots[at], scale), _disc(_MARGIN * scale))
    rest = (axes - tone) * (skin[at] | (hole[at] > 0))[..., None]  # what lies beside skin is not seen through a blur
    texture = texture_of(rest, axes[..., 0], touched[at], good[at], sizes, scale=scale)
    healed = (tone + texture) @ _AXES
    blend = _feathered(hole[at], skin[at] | (spots[at] > 0), scale)[..., None]
    inner = touched[at]
    out[at][inner] = from_density(density * (1 - blend) + healed * blend)[inner]
    return out


def _tone(values: np.ndarray, good: np.ndarray, scale: float) -> np.ndarray:
    """Slowly varying part of [H, W, 3] values, from good pixels only."""
    tone = _filled(values, good, scale)
    # What the first pass misses where light falls off is a smooth error: a second one finds it.
    return tone + _filled(values - tone, good, scale)


def _filled(values: np.ndarray, good: np.ndarray, scale: float) -> np.ndarray:
    """Average of good pixels around each pixel; wider kernels fill what narrow ones cannot reach."""
    filled = np.zeros_like(values)
    known = np.zeros(good.shape, np.float32)
    for sigma in _TONE:
        total = cv2.GaussianBlur(good, (0, 0), sigma * scale)
        mean = cv2.GaussianBlur(values * good[..., None], (0, 0), sigma * scale) / np.maximum(total, 1e-4)[..., None]
        trust = np.clip(total * 4, 0, 1) * (1 - known)
        filled += mean * trust[..., None]
        known += trust
    return filled / np.maximum(known, 1e-4)[..., None]


def _feathered(hole: np.ndarray, known: np.ndarray, scale: float) -> np.ndarray:
    """Share of the healed picture: 1 over spots, falling to 0 over the margin and towards what is no skin."""
    inside = cv2.distanceTransform(hole, cv2.DIST_L2, 5) / (_FEATHER * scale + 1)
    # Beside hair or a nostril the tone is known from one side alone.
    inside = np.minimum(inside, cv2.distanceTransform(known.astype(np.uint8), cv2.DIST_L2, 5) / (_SHORE * scale))
    t = np.clip(inside, 0, 1)
    return t * t * (3 - 2 * t)


def _disc(radius: float) -> np.ndarray:
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
