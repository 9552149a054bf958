"""Blemishes drawn on clean skin, and clean skin made from real skin."""

from bpfre.blemishes.drawing import draw_marks, exact_map
from bpfre.blemishes.heal import heal_spots
from bpfre.blemishes.judgement import SpotSettings, Verdict
from bpfre.blemishes.kinds import MARK_KINDS, MarkKind
from bpfre.blemishes.marks import Mark
from bpfre.blemishes.placing import place_marks
from bpfre.blemishes.regions import estimate_skin, skin_from_landmarks, spot_area, spot_area_from_landmarks
from bpfre.blemishes.spots import FoundMark, find_marks, find_spots
from bpfre.blemishes.synthesis import SynthesisedPair, SynthesisSettings, mark_sides, synthesize
from bpfre.blemishes.targets import heal_face
from bpfre.blemishes.tone import skin_tone

__all__ = [
    "MARK_KINDS",
    "FoundMark",
    "Mark",
    "MarkKind",
    "SpotSettings",
    "SynthesisSettings",
    "SynthesisedPair",
    "Verdict",
    "draw_marks",
    "estimate_skin",
    "exact_map",
    "find_marks",
    "find_spots",
    "heal_face",
    "heal_spots",
    "mark_sides",
    "place_marks",
    "skin_from_landmarks",
    "skin_tone",
    "spot_area",
    "spot_area_from_landmarks",
    "synthesize",
]
