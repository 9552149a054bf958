"""Find real spots on skin: blobs darker or redder than their surroundings."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True, kw_only=True)
class SpotSettings:
    """Thresholds of the spot detector; lengths are px of a 512 face crop, contrasts are CIE Lab units."""

    sigmas: tuple[float, ...] = (1.2, 1.8, 2.6, 3.6)  # blob sizes looked for
    surround: float = 1.8  # surround's sigma relative to the blob's
    contrast: float = 1.5  # a blob weaker than this is skin
    noise_factor: float = 4.0  # nor may it be weaker than this many times the skin's own variation
    crowded: float = 0.22  # share of a neighbourhood taken by spots beyond which it is stubble, freckles or hair
    mole: float = 9.0  # darkening beyond which a spot without redness is taken for a mole and kept


def find_spots(
    rgb: np.ndarray, skin: np.ndarray, *, scale: float = 1.0, settings: SpotSettings | None = None
) -> np.ndarray:
    """Find temporary spots.

    Args:
        rgb: [H, W, 3] float sRGB in [0, 1].
        skin: [H, W] bool, where to look.
        scale: size of the face relative to a 512 crop.
        settings: thresholds.

    Returns:
        [H, W] int32 labels, 0 for none, each spot's whole area under one number.
    """
    settings = settings or SpotSettings()
    lab = cv2.cvtColor(np.ascontiguousarray(rgb, np.float32), cv2.COLOR_RGB2LAB)
    weight = skin.astype(np.float32)
    # Redness counts fully, darkness less: shadows of pores and lines are dark but not red.
    signal = lab[..., 1] - 0.6 * lab[..., 0]
    found = np.zeros(skin.shape, bool)
    for sigma in settings.sigmas:
        inner = _blur_inside(signal, weight, sigma * scale)
        outer = _blur_inside(signal, weight, sigma * scale * settings.surround)
        response = np.where(skin, inner - outer, 0)
        values = response[skin]
        if len(values) == 0:
            break
        noise = 1.48 * np.median(np.abs(values - np.median(values)))
        core = response > max(settings.contrast, settings.noise_factor * noise)
        # The zero crossing of the blob filter is its rim; half height keeps neighbours apart.
        rim = response > 0.35 * cv2.dilate(np.where(core, response, 0), _disc(1.2 * sigma * scale))
        reach = cv2.dilate(core.astype(np.uint8), _disc(1.5 * sigma * scale)).astype(bool)
        found |= rim & reach & (response > 0.3 * settings.contrast)
    area = cv2.GaussianBlur(weight, (0, 0), 16 * scale)
    crowd = cv2.GaussianBlur(found.astype(np.float32), (0, 0), 16 * scale) / np.maximum(area, 0.05)
    found &= skin & (crowd < settings.crowded)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8), connectivity=8)
    for i in range(1, count):
        x, y, w, h, size = stats[i]
        if size < 4 * scale**2 or _is_line(w, h, size) or _is_mole(lab, labels, i, (x, y, w, h), scale, settings.mole):
            labels[y : y + h, x : x + w][labels[y : y + h, x : x + w] == i] = 0
    return labels


def _blur_inside(values: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian average of values where weight is set, so that hair and lips do not bleed into skin."""
    total = cv2.GaussianBlur(values * weight, (0, 0), sigma)
    return total / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3)


def _disc(radius: float) -> np.ndarray:
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _is_line(width: int, height: int, size: int) -> bool:
    """A crease or a hair: long, or filling little of its box."""
    return max(width, height) > 3.0 * min(width, height) or size < 0.3 * width * height


def _is_mole(
    lab: np.ndarray, labels: np.ndarray, label: int, box: tuple[int, int, int, int], scale: float, limit: float
) -> bool:
    """Much darker than its ring but hardly redder: melanin, which belongs to the person."""
    x, y, w, h = box
    pad = max(2, round(5 * scale))
    window = np.s_[max(0, y - pad) : y + h + pad, max(0, x - pad) : x + w + pad]
    inside = labels[window] == label
    ring = cv2.dilate(inside.astype(np.uint8), _disc(4 * scale)).astype(bool) & (labels[window] == 0)
    if not ring.any():
        return False
    inner = lab[window][inside]
    darkest = inner[inner[:, 0] <= np.percentile(inner[:, 0], 40)]
    change = darkest.mean(axis=0) - np.median(lab[window][ring], axis=0)
    return bool(change[0] < -limit and change[1] < 0.45 * -change[0])
