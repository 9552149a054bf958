"""Blemishes drawn on clean skin, and clean skin made from real skin."""

from bpfre.blemishes.heal import heal_spots
from bpfre.blemishes.marks import MARK_KINDS, Mark, MarkKind, draw_marks, place_marks
from bpfre.blemishes.regions import estimate_skin, skin_from_landmarks
from bpfre.blemishes.spots import SpotSettings, find_spots

__all__ = [
    "MARK_KINDS",
    "Mark",
    "MarkKind",
    "SpotSettings",
    "draw_marks",
    "estimate_skin",
    "find_spots",
    "heal_spots",
    "place_marks",
    "skin_from_landmarks",
]
