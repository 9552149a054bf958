"""Heal spots: the tone of the skin around them, their own texture kept."""

from __future__ import annotations

import cv2
import numpy as np

from bpfre.blemishes.density import from_density, to_density

_MARGIN = 2.0  # a spot reaches that much further than it is seen, px of a 512 face crop
_FEATHER = 1.0  # width of the seam, px of a 512 face crop
_SHORE = 5.0  # distance from what is no skin over which healing sets in, px of a 512 face crop
_SIZES = (3.5, 6.0)  # radii that part small, middle and large spots, px of a 512 face crop
_DETAIL = (0.9, 1.5, 2.5)  # sigma that parts texture from what those spots add, px of a 512 face crop
_COLOUR_DETAIL = 0.6  # the same for colour, which skin's relief hardly has
_TEXTURE_AREA = 12.0  # sigma over which the texture's own strength is measured, px of a 512 face crop
_TONE = (3.0, 6.0, 12.0, 30.0)  # sigmas of the averages that make the tone, px of a 512 face crop
_USUAL, _ODD = 1.8, 4.0  # texture is kept up to the first and dropped from the second, in its own deviations
# Orthonormal: lightness, and two axes of colour.
_AXES = np.array([[3**-0.5] * 3, [2**-0.5, -(2**-0.5), 0], [6**-0.5, 6**-0.5, -2 * 6**-0.5]], np.float32)


def heal_spots(rgb: np.ndarray, spots: np.ndarray, skin: np.ndarray, *, scale: float = 1.0) -> np.ndarray:
    """Replace what spots add to the tone of the skin around them.

    Pores and grain are the spot's own, held within what the skin around shows: a target made so is a function of
    the input, which a network can learn, where borrowed texture would teach it to blur. The larger a spot, the
    coarser the texture that can be told from it and is kept.

    Args:
        rgb: [H, W, 3] float sRGB in [0, 1].
        spots: [H, W] bool, or labels from 1 up; anything above 0 is healed.
        skin: [H, W] bool, where tone may be taken from.
        scale: size of the face relative to a 512 crop.

    Returns:
        [H, W, 3] float32; pixels more than about 3 px (times scale) from a spot are exactly those of `rgb`.
    """
    hole = cv2.dilate((spots > 0).astype(np.uint8), _disc(_MARGIN * scale))
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
    sizes = cv2.dilate(_size_classes(spots[at], scale), _disc(_MARGIN * scale))
    texture = _texture(axes - tone, trusted, sizes, scale)
    healed = (tone + texture) @ _AXES
    blend = _feathered(hole[at], skin[at] | (spots[at] > 0), scale)[..., None]
    inner = touched[at]
    out[at][inner] = from_density(density * (1 - blend) + healed * blend)[inner]
    return out


def _texture(rest: np.ndarray, trusted: np.ndarray, sizes: np.ndarray, scale: float) -> np.ndarray:
    """Part of what differs from the tone that is the skin's own relief and grain. -> [H, W, 3]"""
    texture = np.zeros_like(rest)
    for axis in range(3):
        for size in range(1, len(_DETAIL) + 1):
            if axis and size > 1:
                continue
            sigma = (_COLOUR_DETAIL if axis else _DETAIL[size - 1]) * scale
            fine = rest[..., axis] - cv2.GaussianBlur(rest[..., axis], (0, 0), sigma)
            total = np.maximum(cv2.GaussianBlur(trusted, (0, 0), _TEXTURE_AREA * scale), 1e-4)
            usual = np.sqrt(cv2.GaussianBlur(fine * fine * trusted, (0, 0), _TEXTURE_AREA * scale) / total)
            odd = np.abs(fine) / np.maximum(usual, 1e-5)
            kept = fine * np.clip((_ODD - odd) / (_ODD - _USUAL), 0, 1)
            texture[..., axis] = np.where((sizes == size) | bool(axis), kept, texture[..., axis])
    return texture


def _size_classes(spots: np.ndarray, scale: float) -> np.ndarray:
    """Which of `_DETAIL` each spot takes, from 1; 0 off spots. -> [H, W] uint8"""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats((spots > 0).astype(np.uint8), connectivity=8)
    radius = np.sqrt(stats[:, cv2.CC_STAT_AREA] / np.pi) / scale
    classes = np.searchsorted(_SIZES, radius).astype(np.uint8) + 1
    classes[0] = 0
    return classes[pieces] if count > 1 else np.zeros(spots.shape, np.uint8)


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
