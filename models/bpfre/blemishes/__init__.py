"""Blemishes drawn on clean skin, and clean skin made from real skin."""

from bpfre.blemishes.drawing import draw_marks, exact_map
from bpfre.blemishes.heal import heal_spots
from bpfre.blemishes.judgement import SpotSettings, Verdict
from bpfre.blemishes.kinds import MARK_KINDS, MarkKind
from bpfre.blemishes.labels import LabelledPhoto, Labels, Place, read_labels
from bpfre.blemishes.marks import Mark
from bpfre.blemishes.placing import place_marks
from bpfre.blemishes.regions import estimate_skin, skin_from_landmarks, spot_area, spot_area_from_landmarks
from bpfre.blemishes.spots import FoundMark, find_marks, find_spots
from bpfre.blemishes.stamps import Stamp
from bpfre.blemishes.synthesis import SynthesisedPair, SynthesisSettings, mark_sides, synthesize
from bpfre.blemishes.targets import KEPT, PLAIN, UNKNOWN, KnownFace, heal_judged, heal_labelled, leave_open
from bpfre.blemishes.tone import darkness, skin_tone

__all__ = [
    "KEPT",
    "MARK_KINDS",
    "PLAIN",
    "UNKNOWN",
    "FoundMark",
    "KnownFace",
    "LabelledPhoto",
    "Labels",
    "Mark",
    "MarkKind",
    "Place",
    "SpotSettings",
    "Stamp",
    "SynthesisSettings",
    "SynthesisedPair",
    "Verdict",
    "darkness",
    "draw_marks",
    "estimate_skin",
    "exact_map",
    "find_marks",
    "find_spots",
    "heal_judged",
    "heal_labelled",
    "heal_spots",
    "leave_open",
    "mark_sides",
    "place_marks",
    "read_labels",
    "skin_from_landmarks",
    "skin_tone",
    "spot_area",
    "spot_area_from_landmarks",
    "synthesize",
]
