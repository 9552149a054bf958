"""Shapes of marks: how much of each pixel they cover."""

from __future__ import annotations

import cv2
import numpy as np

from bpfre.blemishes.marks import Mark

_HARMONICS = (2, 3, 5)  # of an outline
_OPTICS = 0.6  # sigma below which no camera shows a rim, px
_FAINT = 1e-3  # coverage that is none


def reach(mark: Mark) -> int:
    """Distance from a mark's centre beyond which it covers nothing, px."""
    return int(np.ceil(mark.radius * mark.aspect**0.5 * 1.6 * (1 + 0.6 * mark.edge) + mark.length / 2 + 3))


def cover(mark: Mark, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Coverage in [0, 1] at offsets x [1, W] and y [H, 1] from the mark's centre, px. -> [H, W] float32"""
    shape = _line(mark, x, y) if mark.length else _blob(mark, x, y)
    shape[shape < _FAINT] = 0
    return shape


def mottled(mark: Mark, x: np.ndarray, y: np.ndarray) -> np.ndarray | float:
    """Factor of about 1 on the amounts, uneven inside the mark."""
    if not mark.mottle or not mark.grain:
        return 1.0
    waves = sum(np.cos((kx * x + ky * y) / mark.radius + phase) for kx, ky, phase in mark.grain)
    return np.clip(1 + mark.mottle * (2 / len(mark.grain)) ** 0.5 * waves, 0.1, 2.0).astype(np.float32)


def spot(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    """Gaussian of a radius, 0 past three radii. -> [H, W] float32"""
    values = np.exp(-(x * x + y * y) / radius**2).astype(np.float32)
    values[values < _FAINT] = 0
    return values


def _blob(mark: Mark, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A wavy, maybe bent ellipse with a soft rim."""
    c, s, a = np.cos(mark.angle), np.sin(mark.angle), mark.aspect**0.5
    u, v = (c * x + s * y) / a, (c * y - s * x) * a
    if mark.bend:
        v = v - a * mark.bend * (1 - (u / mark.radius) ** 2)
    distance = np.hypot(u, v) / mark.radius
    if any(amplitude for amplitude, _ in mark.waves):
        theta = np.arctan2(v, u)
        outline = sum(w * np.cos(n * theta + p) for n, (w, p) in zip(_HARMONICS, mark.waves, strict=True))
        distance = distance / np.clip(1 + outline, 0.4, 1.6)
    t = np.clip((1 + mark.edge * 0.6 - distance) / (1.2 * mark.edge + 1e-6), 0, 1)
    return cv2.GaussianBlur((t * t * (3 - 2 * t)).astype(np.float32), (0, 0), _OPTICS)


def _line(mark: Mark, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A bent line that thins out towards its ends."""
    c, s = np.cos(mark.angle), np.sin(mark.angle)
    u, v = c * x + s * y, c * y - s * x
    half = mark.length / 2
    t = u / half
    sway = mark.waves[0][0] * mark.length
    course = mark.bend * (1 - t * t) + sway * t * (1 - t * t)
    slope = (-2 * mark.bend * t + sway * (1 - 3 * t * t)) / half
    across = (v - course) / np.hypot(1, slope)
    width = mark.radius * (1 + mark.edge)
    seen = max(width, _OPTICS)  # a thinner line is fainter, not thinner
    along = np.clip((1 - np.abs(t)) * 4, 0, 1)
    return (np.exp(-((across / seen) ** 2)) * along * (width / seen)).astype(np.float32)
