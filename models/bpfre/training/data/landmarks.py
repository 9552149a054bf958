"""Hand-placed landmarks: `.tem` files of 189 points beside a photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bpfre.errors import DataError

POINTS = 189


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


def landmark_file(photo: Path) -> Path:
    """Return where the landmarks of a photo would be."""
    return photo.with_suffix(".tem")
