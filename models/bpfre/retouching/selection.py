"""Which of a photo's faces are retouched."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bpfre.faces import Face
from bpfre.retouching.settings import RetouchSettings


def choose_faces(faces: Sequence[Face], shape: tuple[int, ...], settings: RetouchSettings) -> dict[int, str]:
    """Return the faces that are left out, by their index, with the reason.

    Args:
        faces: of one photo.
        shape: height and width of the photo (further entries are ignored).
        settings: `min_score` first, then `faces`, then `max_faces`.
    """
    left = {
        index: f"Its score {_rounded_down(face.score):g} is below {settings.min_score:g}."
        for index, face in enumerate(faces)
        if face.score < settings.min_score
    }
    rest = [index for index in range(len(faces)) if index not in left]
    if not rest:
        return left
    if settings.faces != "all":
        best = (
            max(rest, key=lambda index: faces[index].size)
            if settings.faces == "largest"
            else min(rest, key=lambda index: _off_centre(faces[index], shape))
        )
        name = "largest face" if settings.faces == "largest" else "face nearest to the middle"
        left |= {index: f"It is not the {name}." for index in rest if index != best}
        rest = [best]
    if settings.max_faces is not None:
        by_size = sorted(rest, key=lambda index: -faces[index].size)
        reason = f"It is not among the {settings.max_faces} largest faces."
        left |= dict.fromkeys(by_size[settings.max_faces :], reason)
    return left


def _rounded_down(score: float) -> float:
    """Four digits that are never above the score: 0.99996 is below 1 and has to look so."""
    return math.floor(score * 10_000) / 10_000


def _off_centre(face: Face, shape: tuple[int, ...]) -> float:
    """Distance of the box's middle from the photo's, px."""
    x, y = (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
    return math.hypot(x - (shape[1] - 1) / 2, y - (shape[0] - 1) / 2)
