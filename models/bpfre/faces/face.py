"""What a detected face and its aligned crop are. Coordinates: pixel (0, 0) has its centre at (0.0, 0.0)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Face:
    """One face in a photo."""

    box: np.ndarray  # [4] float32: x0, y0, x1, y1 in photo px; may reach past the frame
    landmarks: np.ndarray  # [5, 2] float32 photo px: eyes, nose, mouth corners; image left first
    score: float  # the detector's confidence, 0..1

    @property
    def size(self) -> float:
        """Longer side of the box in photo px."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))


@dataclass(frozen=True, eq=False)
class FaceCrop:
    """One face at the network's working size, with the way back into the photo."""

    face: Face
    matrix: np.ndarray  # [2, 3] float64 similarity: photo px -> crop px
    pixels: np.ndarray  # [S, S, 3] float32 in [0, 1], RGB
