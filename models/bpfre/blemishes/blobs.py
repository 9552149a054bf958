"""Find round dark or coloured places of any size: what stands out from the texture around it, and is no line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

_NEIGHBOURHOOD = 8.0  # sigma over which texture is averaged, px of a 512 face crop
_LOUD = 4.0  # responses count up to this many times the picture's median: a mole is not texture


@dataclass(frozen=True)
class Blob:
    """One place that stands out. Lengths in px of the picture."""

    x: int
    y: int
    sigma: float  # of the Gaussian that fits it best
    significance: float  # its smaller curvature over that of the texture around it


def blur_inside(values: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian average of [H, W] values where weight is set, so that hair and lips do not bleed into skin."""
    total = cv2.GaussianBlur(values * weight, (0, 0), sigma)
    return total / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3)


def curvatures(values: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Both principal curvatures of a surface, downward positive, by differences over `step` px.

    A round elevation has both large; a ridge (hair, crease) or the foot of a shadow only one.

    Returns:
        the smaller and the larger one, [H, W] each, in units of `values`.
    """
    height, width = values.shape
    padded = cv2.copyMakeBorder(values, step, step, step, step, cv2.BORDER_REPLICATE)

    def at(dy: int, dx: int) -> np.ndarray:
        return padded[step + dy * step : step + dy * step + height, step + dx * step : step + dx * step + width]

    xx, yy = at(0, 1) + at(0, -1) - 2 * values, at(1, 0) + at(-1, 0) - 2 * values
    xy = (at(1, 1) + at(-1, -1) - at(1, -1) - at(-1, 1)) / 4
    mean, spread = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    return -(mean + spread), -(mean - spread)


def find_blobs(
    signals: Sequence[np.ndarray],
    skin: np.ndarray,
    *,
    sigmas: Sequence[float],
    significance: float,
    floor: float,
    scale: float = 1.0,
) -> list[Blob]:
    """Find local maxima over place and size, the most significant first, none twice.

    Args:
        signals: [H, W] float each; a blob is bright in at least one of them.
        skin: [H, W] bool, where to look.
        sigmas: sizes looked for, px of a 512 face crop, ascending.
        significance: least curvature relative to the texture's.
        floor: least curvature, in units of the signals.
        scale: size of the face relative to a 512 crop.
    """
    if not skin.any():
        return []
    weight = skin.astype(np.float32)
    layers = []
    for sigma in sigmas:
        best = np.zeros(skin.shape, np.float32)
        step = max(1, round(sigma * scale))
        unit = (sigma * scale / step) ** 2
        for signal in signals:
            smaller, larger = curvatures(blur_inside(signal, weight, 0.8 * sigma * scale), step)
            smaller, larger = smaller * unit, np.maximum(larger, 0) * unit
            usual = max(float(np.median(larger[skin])), 1e-6)
            loud = np.minimum(larger, _LOUD * usual)
            level = np.sqrt(blur_inside(loud * loud, weight, max(_NEIGHBOURHOOD, 3 * sigma) * scale))
            best = np.maximum(best, np.where(smaller > floor, smaller / np.maximum(level, usual), 0))
        layers.append(np.where(skin, best, 0))
    peaks = [cv2.dilate(layer, np.ones((3, 3), np.uint8)) for layer in layers]
    found = []
    for i, layer in enumerate(layers):
        highest = np.maximum.reduce(peaks[max(0, i - 1) : i + 2])
        for y, x in zip(*np.nonzero((layer >= highest) & (layer > significance)), strict=True):
            found.append(Blob(int(x), int(y), sigmas[i] * scale, float(layer[y, x])))
    found.sort(key=lambda blob: (-blob.significance, blob.y, blob.x))
    kept: list[Blob] = []
    for blob in found:
        if all(np.hypot(blob.x - o.x, blob.y - o.y) > 1.3 * max(blob.sigma, o.sigma) for o in kept):
            kept.append(blob)
    return kept
