"""Where a window looks: the similarity from a stored crop to a window, and what follows from it."""

from __future__ import annotations

import cv2
import numpy as np


def view_matrix(centre: np.ndarray, zoom: float, degrees: float, side: int, flip: bool) -> np.ndarray:
    """Similarity (mirrored where `flip`) that takes a stored crop's px to window px. -> [2, 3]

    Args:
        centre: [2] x and y in the stored crop, seen in the middle of the window.
        zoom: window px per stored px.
        degrees: turn.
        side: of the window, px.
        flip: whether left and right are exchanged.
    """
    c, s = zoom * np.cos(np.radians(degrees)), zoom * np.sin(np.radians(degrees))
    linear = np.array([[c, -s], [s, c]])
    if flip:
        linear = np.diag([-1.0, 1.0]) @ linear
    return np.c_[linear, (side - 1) / 2 - linear @ centre]


def look_through(image: np.ndarray, matrix: np.ndarray, side: int) -> np.ndarray:
    """Cut out a window; beyond the crop it is mirrored.

    Args:
        image: [S, S, 3] uint8, or [S, S] bool.
        matrix: stored px to window px.
        side: of the window, px.

    Returns:
        [side, side, 3] or [side, side] float32 in [0, 1].
    """
    source = image.astype(np.float32) if image.dtype == bool else image
    out = cv2.warpAffine(source, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return out.astype(np.float32) / 255 if out.dtype == np.uint8 else np.clip(out, 0, 1)


def template_matrix(matrix: np.ndarray, stored: int) -> np.ndarray:
    """Take window px to px of the aligned 512 crop. -> [2, 3]

    Args:
        matrix: stored px to window px.
        stored: side of the stored crop, px.
    """
    scale = 512 / stored
    inverse = cv2.invertAffineTransform(matrix) * scale
    inverse[:, 2] += 0.5 * scale - 0.5
    return inverse


def positions(matrix: np.ndarray, *, side: int, stored: int, flip: bool) -> np.ndarray:
    """Place of each window pixel in the crop, [-1, 1] from edge to edge; a mirrored face has a mirrored place.

    Args:
        matrix: stored px to window px.
        side: of the window, px.
        stored: side of the stored crop, px.
        flip: whether the matrix mirrors.

    Returns:
        [side, side, 2] float32, x and y.
    """
    inverse = cv2.invertAffineTransform(matrix)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    place = np.stack([x, y], -1) @ inverse[:, :2].T + inverse[:, 2]
    place = (place + 0.5) * (2 / stored) - 1
    if flip:
        place[..., 0] *= -1
    return place.astype(np.float32)
