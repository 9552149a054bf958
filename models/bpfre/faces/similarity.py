"""Similarity transforms in the plane: turn, scale evenly, shift; never mirror."""

from __future__ import annotations

import numpy as np


def fit_similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Fit the similarity that takes `source` to `target` with the least squared error (Umeyama, closed form).

    Every point counts equally, so the fit moves smoothly with the points: robust fits (LMEDS, RANSAC) jump
    between subsets of five landmarks and make near-identical photos come out differently.

    Args:
        source, target: [K, 2] points, K >= 2, `source` not all equal.
    Returns:
        [2, 3] float64.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    source_mean, target_mean = source.mean(0), target.mean(0)
    # In complex numbers a similarity is z -> a z + b, and the best a is a projection.
    z, w = (source - source_mean) @ (1, 1j), (target - target_mean) @ (1, 1j)
    a = np.vdot(z, w) / np.vdot(z, z).real
    linear = np.array([[a.real, -a.imag], [a.imag, a.real]])
    return np.column_stack([linear, target_mean - linear @ source_mean])


def transform(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Apply a [2, 3] affine matrix to [K, 2] points."""
    return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]


def invert(matrix: np.ndarray) -> np.ndarray:
    """Invert a [2, 3] affine matrix."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def compose(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Return the [2, 3] matrix that applies `inner` first, then `outer`."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def scale_of(matrix: np.ndarray) -> float:
    """Return how much a similarity enlarges."""
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def resize_matrix(source: tuple[int, int], target: tuple[int, int]) -> np.ndarray:
    """Return the [2, 3] map of pixel centres that resizing from `source` to `target` (width, height) is."""
    scale = np.divide(target, source)
    return np.column_stack([np.diag(scale), 0.5 * scale - 0.5])


def corners(size: int) -> np.ndarray:
    """Return the [4, 2] outer corners of a `size` x `size` crop, in crop px, clockwise from the top left."""
    low, high = -0.5, size - 0.5
    return np.array([(low, low), (high, low), (high, high), (low, high)])
