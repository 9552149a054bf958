"""What a network that finds faces in squares has to offer; `search` makes a detector for photos of it."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bpfre.faces.face import Face


class Finder(Protocol):
    """A face network and the figures that it was measured to need."""

    name: str
    reach: float  # longer side in px of the smallest face that it notices
    notice: float  # score from which a find in a first look deserves a second
    accept: float  # score from which a close second look is a face

    def find(self, squares: np.ndarray, *, smallest: float, least: float) -> list[list[Face]]:
        """Find faces in squares of one size.

        Args:
            squares: [N, S, S, 3] uint8 RGB.
            smallest: longer side in px of the smallest face wanted; smaller ones may be returned too.
            least: lowest score wanted.
        Returns:
            For each square its faces, in px of the square, duplicates removed.
        """
