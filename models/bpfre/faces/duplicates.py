"""One face seen in several views is one face."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bpfre.faces.face import Face

OVERLAP = 0.4  # intersection over union from which two boxes are one face
INSIDE = 0.7  # share of the smaller box inside the larger from which landmarks decide
SAME_LANDMARKS = 0.25  # mean distance of landmarks, in sizes of the smaller face


def intersection(first: Face, second: Face) -> tuple[float, float]:
    """Return the boxes' intersection over their union, and over the smaller of them."""
    low, high = np.maximum(first.box[:2], second.box[:2]), np.minimum(first.box[2:], second.box[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    areas = [float(np.prod(np.maximum(face.box[2:] - face.box[:2], 1e-6))) for face in (first, second)]
    return shared / (sum(areas) - shared), shared / min(areas)


def is_same(first: Face, second: Face) -> bool:
    """Tell whether two finds are one face: alike boxes, or one box inside another with the same landmarks."""
    over_union, over_smaller = intersection(first, second)
    if over_union > OVERLAP:
        return True
    if over_smaller < INSIDE:
        return False
    distance = float(np.linalg.norm(first.landmarks - second.landmarks, axis=1).mean())
    return distance < SAME_LANDMARKS * min(first.size, second.size)


def drop_duplicates(faces: Iterable[Face]) -> list[Face]:
    """Keep the surest find of each face; the surest come first."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: face.score, reverse=True):
        if not any(is_same(face, other) for other in kept):
            kept.append(face)
    return kept
