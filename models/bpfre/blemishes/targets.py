"""A clean target from a face as it is: its temporary spots found and healed."""

from __future__ import annotations

import numpy as np

from bpfre.blemishes.heal import heal_spots
from bpfre.blemishes.judgement import SpotSettings
from bpfre.blemishes.regions import spot_area
from bpfre.blemishes.spots import find_spots


def heal_face(
    rgb: np.ndarray,
    skin: np.ndarray,
    *,
    scale: float = 1.0,
    area: np.ndarray | None = None,
    settings: SpotSettings | None = None,
) -> np.ndarray:
    """Heal the temporary spots of a face.

    Args:
        rgb: [H, W, 3] float sRGB in [0, 1].
        skin: [H, W] bool, where tone may be taken from.
        scale: size of the face relative to a 512 crop.
        area: [H, W] bool, where spots are sought; `spot_area_from_landmarks` draws it exactly, by default it is
            `skin` without its rim.
        settings: what counts as a spot.

    Returns:
        [H, W, 3] float32 in [0, 1]; pixels that no spot is near are exactly those of `rgb`.
    """
    sought = spot_area(skin, scale=scale) if area is None else area
    return heal_spots(rgb, find_spots(rgb, sought, scale=scale, settings=settings), skin, scale=scale)
