"""Texture of healed skin: the spot's own as far as it can be told from the spot, the rest from skin beside it."""

from __future__ import annotations

import cv2
import numpy as np

from bpfre.blemishes.blobs import blur_inside

SIZES = (3.5, 6.0)  # radii that part small, middle and large spots, px of a 512 face crop
_DETAIL = (0.9, 1.5, 2.5)  # sigma that parts texture from what those spots add, px of a 512 face crop
_COLOUR_DETAIL = 0.6  # the same for colour, which skin's relief hardly has
_AREA = 12.0  # sigma over which the texture's own strength is measured, px of a 512 face crop
_USUAL, _ODD = 2.3, 4.0  # texture is kept up to the first and dropped from the second, in its own deviations
_RELIEF = 5.0  # sigma up to which relief is borrowed: what is slower is tone, px of a 512 face crop
_DONORS = [(distance, angle) for distance in (1.0, 1.6, 2.4) for angle in range(0, 360, 45)]  # spot diameters, degrees
_DONOR_MARGIN = 3.0  # between a spot and the skin that lends its relief, px of a 512 face crop


def size_classes(spots: np.ndarray, scale: float) -> np.ndarray:
    """Class of each spot by its area, from 1; 0 off spots. -> [H, W] uint8"""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats((spots > 0).astype(np.uint8), connectivity=8)
    radius = np.sqrt(stats[:, cv2.CC_STAT_AREA] / np.pi) / scale
    classes = np.searchsorted(SIZES, radius).astype(np.uint8) + 1
    classes[0] = 0
    return classes[pieces] if count > 1 else np.zeros(spots.shape, np.uint8)


def texture_of(
    rest: np.ndarray, lightness: np.ndarray, hole: np.ndarray, good: np.ndarray, sizes: np.ndarray, *, scale: float
) -> np.ndarray:
    """What skin shows on top of its tone, without what spots add.

    Args:
        rest: [H, W, 3] lightness and two colours less their tone, 0 beside skin.
        lightness: [H, W] as it is.
        hole: [H, W] bool, spots with their margin.
        good: [H, W] bool, skin without spots.
        sizes: [H, W] uint8, class of the spots' size.
        scale: size of the face relative to a 512 crop.

    Returns:
        [H, W, 3], meaningful inside the hole: the spot's own fine texture, held within what the skin around shows,
        and in lightness the coarser relief of skin nearby.
    """
    texture, weight = np.zeros_like(rest), good.astype(np.float32)
    level = blur_inside(lightness, weight, _RELIEF * scale)
    lenders = good & ~_grown(hole, _DONOR_MARGIN * scale)
    for axis in (1, 2):
        texture[..., axis] = _fine(rest[..., axis], good, _COLOUR_DETAIL * scale, scale)
    for size, sigma in enumerate(_DETAIL, 1):
        here = sizes == size
        if here.any():
            texture[..., 0][here] = _fine(rest[..., 0], good, sigma * scale, scale)[here]
            relief = blur_inside(lightness, weight, sigma * scale) - level
            texture[..., 0] += _borrowed(relief, hole & here, lenders, level)
    return texture


def _fine(values: np.ndarray, good: np.ndarray, sigma: float, scale: float) -> np.ndarray:
    """Values finer than sigma; those that good skin does not show are dropped."""
    fine = values - cv2.GaussianBlur(values, (0, 0), sigma)
    weight = good.astype(np.float32)
    total = np.maximum(cv2.GaussianBlur(weight, (0, 0), _AREA * scale), 1e-4)
    usual = np.sqrt(cv2.GaussianBlur(fine * fine * weight, (0, 0), _AREA * scale) / total)
    odd = np.abs(fine) / np.maximum(usual, 1e-5)
    return fine * np.clip((_ODD - odd) / (_ODD - _USUAL), 0, 1)


def _borrowed(relief: np.ndarray, hole: np.ndarray, lenders: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Relief for each hole from the place beside it that is all good skin and most like it; else none."""
    out = np.zeros_like(relief)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(hole.astype(np.uint8), connectivity=8)
    height, width = hole.shape
    for piece in range(1, count):
        rows, columns = np.nonzero(pieces == piece)
        diameter = max(stats[piece, cv2.CC_STAT_WIDTH], stats[piece, cv2.CC_STAT_HEIGHT]) + 2
        own, best = float(level[rows, columns].mean()), None
        for distance, degrees in _DONORS:
            dy, dx = (round(distance * diameter * f(np.radians(degrees))) for f in (np.sin, np.cos))
            y, x = rows + dy, columns + dx
            if y.min() < 0 or x.min() < 0 or y.max() >= height or x.max() >= width or not lenders[y, x].all():
                continue
            apart = abs(float(level[y, x].mean()) - own)
            if best is None or apart < best[0]:
                best = apart, relief[y, x]
        if best is not None:
            out[rows, columns] = best[1]
    return out


def _grown(mask: np.ndarray, radius: float) -> np.ndarray:
    side = 2 * max(1, round(radius)) + 1
    return cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))).astype(bool)
