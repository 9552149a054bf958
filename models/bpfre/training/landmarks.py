"""Hand-placed landmarks (`.tem` files, 189 points) and the masks of skin and features drawn from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bpfre.errors import DataError

POINTS = 189
# Contours by point number, as in the template of the Face Research Lab sets.
_FACE = [
    109,
    *range(134, 145),
    112,
    187,
    113,
    188,
    114,
    133,
    132,
    131,
    130,
    129,
    128,
    127,
    126,
    125,
    111,
    186,
    110,
    185,
]
_EYES = ([18, 19, 20, 21, 22, 30, 29, 28], [23, 24, 25, 26, 27, 33, 32, 31])
_BROWS = ([71, 72, 73, 74, 75, 76, 84, 83], [77, 78, 79, 80, 81, 82, 86, 85])
_LIPS = [87, 88, 89, 90, 91, 92, 93, 103, 102, 101, 100, 99, 108, 107, 106, 105, 104]
_FIVE = ((0,), (1,), (55,), (87,), (93,))


def read_tem(path: Path) -> np.ndarray:
    """Read the points of a `.tem` file. -> [189, 2] float32, x and y in photo pixels.

    Raises:
        DataError: the file is not a template of 189 points.
    """
    try:
        lines = path.read_text().split("\n")
        points = np.array([[float(v) for v in line.split()] for line in lines[1 : POINTS + 1]], np.float32)
        if int(lines[0]) != POINTS or points.shape != (POINTS, 2):
            raise ValueError
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a landmark file of {POINTS} points.") from error
    return points
