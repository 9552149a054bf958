"""The FFHQ five-point template that face networks are trained on."""

from __future__ import annotations

import numpy as np

TEMPLATE_SIZE = 512
# Left eye, right eye, nose, left and right mouth corner in px of a 512 x 512 crop.
FFHQ_512 = np.array([(192.98, 239.95), (318.90, 240.19), (256.63, 314.02), (201.26, 371.41), (313.09, 371.15)])


def template(size: int) -> np.ndarray:
    """Return the five points, [5, 2] float64, in px of a `size` x `size` crop (pixel centres at integers)."""
    return (FFHQ_512 + 0.5) * (size / TEMPLATE_SIZE) - 0.5
