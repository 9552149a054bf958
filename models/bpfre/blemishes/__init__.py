"""Blemishes drawn on clean skin, and clean skin made from real skin."""

from bpfre.blemishes.drawing import draw_marks, exact_map
from bpfre.blemishes.heal import heal_spots
from bpfre.blemishes.kinds import MARK_KINDS, MarkKind
from bpfre.blemishes.marks import Mark
from bpfre.blemishes.placing import place_marks
from bpfre.blemishes.regions import estimate_skin, skin_from_landmarks
from bpfre.blemishes.spots import SpotSettings, find_spots
from bpfre.blemishes.tone import skin_tone

__all__ = [
    "MARK_KINDS",
    "Mark",
    "MarkKind",
    "SpotSettings",
    "draw_marks",
    "estimate_skin",
    "exact_map",
    "find_spots",
    "heal_spots",
    "place_marks",
    "skin_from_landmarks",
    "skin_tone",
]
