"""Score a retouched photo at the places labelled on it: blemishes gone, everything else as it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from bpfre.blemishes import estimate_skin
from bpfre.blemishes.labels import LabelledPhoto, Place
from bpfre.evaluation.contrast import around, colour_difference, high_pass_energy, local_contrast, to_lab
from bpfre.faces import Face, FaceCrop, align
from bpfre.faces.align import FACE_REGION

REMOVED_SHARE, INVISIBLE = 0.4, 1.5  # a blemish is removed at most at this share of its contrast, or below [Lab]
KEPT_SHARE = 0.8  # of its contrast that a permanent mark keeps at least
UNCHANGED = 1.0  # CIE76 that a control changes at most


@dataclass(frozen=True)
class Areas:
    """Where a photo's texture and change are measured; [H, W] bool."""

    skin: np.ndarray  # facial skin, away from marks that may be removed
    outside: np.ndarray  # the face, away from all marks
    face: np.ndarray  # the face


@dataclass(frozen=True)
class MarkScore:
    """One mark's contrast against the skin around it, Lab units."""

    kind: str
    before: float
    after: float

    @property
    def removed(self) -> bool:
        """Whether a blemish is gone."""
        return self.after <= max(REMOVED_SHARE * self.before, INVISIBLE)

    @property
    def kept(self) -> bool:
        """Whether a permanent mark is still there."""
        return self.after >= KEPT_SHARE * self.before


@dataclass(frozen=True)
class ControlScore:
    """How far one control changed."""

    kind: str
    difference: float  # CIE76, mean over its disc

    @property
    def unchanged(self) -> bool:
        """Whether nobody would see it."""
        return self.difference <= UNCHANGED


@dataclass(frozen=True)
class PhotoScore:
    """Figures of one retouched photo."""

    photo: str
    person: str
    temporary: tuple[MarkScore, ...]
    permanent: tuple[MarkScore, ...]
    controls: tuple[ControlScore, ...]
    texture: float  # high-pass energy of skin outside blemishes, after over before
    elsewhere: float  # mean absolute change of the face outside marks, grey levels of 255


@dataclass(frozen=True)
class Summary:
    """Figures of several photos; shares are over all their marks or controls, None where there are none."""

    blemishes: int
    removed: float | None
    permanent: int
    kept: float | None
    controls: int
    unchanged: float | None
    texture: float  # mean over photos
    elsewhere: float  # mean over photos


def contrast_of(lab: np.ndarray, mark: Place, *, ignore: np.ndarray | None = None) -> float:
    """Length of a mark's contrast against the ring around it, Lab units."""
    inner = 1.5 * mark.radius + 1.5
    ring = (inner, inner + 4)
    return float(np.linalg.norm(local_contrast(lab, mark.x, mark.y, disc=mark.radius, ring=ring, ignore=ignore)))


def face_area(rgb: np.ndarray, face: Face) -> np.ndarray:
    """Draw the box that holds the face itself, as the detector's landmarks turn it. -> [H, W] bool"""
    crop = align(rgb, face)
    x0, y0, x1, y1 = (int(side) for side in FACE_REGION)
    box = np.zeros(crop.pixels.shape[:2], bool)
    box[y0:y1, x0:x1] = True
    return _in_photo(box, crop, rgb.shape)


def areas_of(rgb: np.ndarray, face: Face, labelled: LabelledPhoto) -> Areas:
    """Draw where texture and change are measured. Needs no landmarks but the detector's.

    Args:
        rgb: [H, W, 3] uint8, before retouching.
        face: its face.
        labelled: its labels.
    """
    crop = align(rgb, face)
    skin, whole = _in_photo(estimate_skin(crop.pixels), crop, rgb.shape), face_area(rgb, face)
    removable = draw_places((*labelled.temporary, *labelled.doubtful), rgb.shape)
    return Areas(skin & ~removable, whole & ~removable & ~draw_places(labelled.permanent, rgb.shape), whole)


def _in_photo(mask: np.ndarray, crop: FaceCrop, shape: tuple[int, ...]) -> np.ndarray:
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(mask.astype(np.uint8), crop.matrix, (shape[1], shape[0]), flags=flags).astype(bool)


def draw_places(places: Iterable[Place], shape: tuple[int, ...]) -> np.ndarray:
    """Draw discs that surely hold each mark with its rim. -> [H, W] bool"""
    drawn = np.zeros(shape[:2], bool)
    for place in places:
        window, distance = around(drawn, place.x, place.y, reach := 1.6 * place.radius + 3)
        window |= distance <= reach
    return drawn


def score_photo(before: np.ndarray, after: np.ndarray, labelled: LabelledPhoto, areas: Areas) -> PhotoScore:
    """Compare a photo before and after retouching, both [H, W, 3] uint8."""
    labs = to_lab(before), to_lab(after)
    marks = (*labelled.marks, *labelled.doubtful)

    def score(mark: Place) -> MarkScore:
        others = draw_places((other for other in marks if other is not mark), before.shape)
        return MarkScore(mark.kind, *(contrast_of(lab, mark, ignore=others) for lab in labs))

    change = np.abs(after.astype(np.int16) - before).mean(axis=2)
    return PhotoScore(
        photo=labelled.photo,
        person=labelled.person,
        temporary=tuple(map(score, labelled.temporary)),
        permanent=tuple(map(score, labelled.permanent)),
        controls=tuple(
            ControlScore(place.kind, colour_difference(*labs, place.x, place.y, disc=place.radius))
            for place in labelled.controls
        ),
        texture=high_pass_energy(after, areas.skin) / high_pass_energy(before, areas.skin),
        elsewhere=float(change[areas.outside].mean()),
    )


def summarise(scores: Sequence[PhotoScore]) -> Summary:
    """Put the figures of photos together."""
    temporary = [mark.removed for score in scores for mark in score.temporary]
    permanent = [mark.kept for score in scores for mark in score.permanent]
    controls = [control.unchanged for score in scores for control in score.controls]
    return Summary(
        blemishes=len(temporary),
        removed=_share(temporary),
        permanent=len(permanent),
        kept=_share(permanent),
        controls=len(controls),
        unchanged=_share(controls),
        texture=float(np.mean([score.texture for score in scores])),
        elsewhere=float(np.mean([score.elsewhere for score in scores])),
    )


def shares_by_kind(scores: Sequence[PhotoScore]) -> dict[str, tuple[int, float]]:
    """Count each kind of place and the share of it that came out as it should."""
    passed: dict[str, list[bool]] = {}
    for score in scores:
        outcomes = (
            *((mark.kind, mark.removed) for mark in score.temporary),
            *((mark.kind, mark.kept) for mark in score.permanent),
            *((control.kind, control.unchanged) for control in score.controls),
        )
        for kind, good in outcomes:
            passed.setdefault(kind, []).append(good)
    return {kind: (len(values), sum(values) / len(values)) for kind, values in passed.items()}


def _share(passed: list[bool]) -> float | None:
    return sum(passed) / len(passed) if passed else None
