"""How far a round patch of a picture stands out from what is around it, and how far two pictures differ there."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

Average = Callable[..., Any]


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """CIE Lab of sRGB, [H, W, 3] uint8, or float in [0, 1] -> [H, W, 3] float32; L in [0, 100]."""
    values = np.asarray(rgb, np.float32)
    if rgb.dtype == np.uint8:
        values = values / np.float32(255)
    return cv2.cvtColor(np.ascontiguousarray(np.clip(values, 0, 1)), cv2.COLOR_RGB2LAB)


def around(picture: np.ndarray, x: float, y: float, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of a picture within `reach` of a point (a view), and each of its pixels' distance from it."""
    height, width = picture.shape[:2]
    x0, x1 = max(0, math.floor(x - reach)), min(width, math.ceil(x + reach) + 1)
    y0, y1 = max(0, math.floor(y - reach)), min(height, math.ceil(y + reach) + 1)
    rows, columns = np.mgrid[y0:y1, x0:x1]
    return picture[y0:y1, x0:x1], np.hypot(columns - x, rows - y)


def local_contrast(
    lab: np.ndarray,
    x: float,
    y: float,
    *,
    disc: float,
    ring: tuple[float, float],
    ignore: np.ndarray | None = None,
    ring_average: Average = np.median,
) -> np.ndarray:
    """Mean colour of a disc minus the average of the ring around it.

    Args:
        lab: [H, W, 3] CIE Lab.
        x: centre, px; pixel (0, 0) has its centre at (0.0, 0.0).
        y: centre, px.
        disc: radius of the disc, px.
        ring: inner (excluded) and outer radius of the ring, px.
        ignore: [H, W] bool, pixels left out of the ring (other marks); not used where they take the whole ring.
        ring_average: the median leaves hairs, lips and neighbours out of account.
    Returns:
        [3] float, Lab units.
    """
    window, distance = around(lab, x, y, max(disc, ring[1]))
    in_disc = distance <= max(disc, 0.71)  # 0.71: at least the nearest pixel
    in_ring = (distance > ring[0]) & (distance <= ring[1])
    if ignore is not None:
        seen = in_ring & ~around(ignore, x, y, max(disc, ring[1]))[0]
        in_ring = seen if seen.any() else in_ring
    return np.asarray(window[in_disc].mean(axis=0) - ring_average(window[in_ring], axis=0))


def colour_difference(before: np.ndarray, after: np.ndarray, x: float, y: float, *, disc: float) -> float:
    """CIE76 difference of two pictures ([H, W, 3] Lab), mean over the pixels of a disc."""
    window, distance = around(before, x, y, disc)
    other, _ = around(after, x, y, disc)
    return float(np.linalg.norm(window - other, axis=2)[distance <= max(disc, 0.71)].mean())


def high_pass_energy(rgb: np.ndarray, where: np.ndarray, *, sigma: float = 2.0) -> float:
    """Mean square of what a Gaussian takes away from luma, over `where`: pores and grain.

    Args:
        rgb: [H, W, 3], any range.
        where: [H, W] bool, not empty.
        sigma: of the Gaussian, px.
    """
    luma = (rgb @ np.array([0.299, 0.587, 0.114])).astype(np.float32)
    return float(np.square(luma - cv2.GaussianBlur(luma, (0, 0), sigma))[where].mean())
