"""Score the retouching of photos that were made hard, and judge how it fails: by doing less, or by smearing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from bpfre.blemishes.labels import LabelledPhoto, Place
from bpfre.evaluation.contrast import around, to_lab
from bpfre.evaluation.degradations import Degraded, degrade
from bpfre.evaluation.real_skin import (
    Areas,
    PhotoScore,
    Summary,
    areas_of,
    contrast_of,
    draw_places,
    score_photo,
    summarise,
)
from bpfre.faces import Face, align, crop_extent

VISIBLE = 2.5  # least contrast of a mark that can still be seen, Lab; what was labelled had it on the sharp photo
HEAD = 1.4  # side of the square that is cut out of a photo, relative to the side of the face's crop
COVER_MARGIN = 5  # px beside a thing before the face where no texture is measured


@dataclass(frozen=True, eq=False)
class Sample:
    """A photo, cut to the head, with what is known of it."""

    rgb: np.ndarray  # [H, W, 3] uint8
    labelled: LabelledPhoto
    areas: Areas
    to_template: np.ndarray  # [2, 3], px of the photo -> px of the 512 template


@dataclass(frozen=True, eq=False)
class HardPhoto:
    """A photo made hard, with the marks and controls that can still be seen on it."""

    rgb: np.ndarray  # [H, W, 3] uint8
    cover: np.ndarray  # [H, W] bool: where something lies before the face
    labelled: LabelledPhoto
    areas: Areas


@dataclass(frozen=True)
class HardScore:
    """Figures of one retouched hard photo."""

    photo: PhotoScore
    covered: float | None  # mean absolute change of what lies before the face, grey levels; None where nothing does
    found: bool  # whether a face was found


@dataclass(frozen=True)
class Bounds:
    """What retouching may do to skin and face outside of marks, however hard the photo is."""

    texture: tuple[float, float] = (0.9, 1.1)  # mean over photos: grain is at most 5 % weaker or stronger
    elsewhere: float = 0.5  # mean over photos, grey levels: half of the least step of an 8-bit photo
    worst_texture: tuple[float, float] = (0.8, 1.2)  # of any photo
    worst_elsewhere: float = 1.0  # of any photo, grey levels


@dataclass(frozen=True)
class Level:
    """Figures of all photos at one severity."""

    severity: float
    found: float  # share of photos in which a face was found
    summary: Summary
    lowest_texture: float
    highest_texture: float
    worst_elsewhere: float
    covered: float | None  # mean over photos, grey levels

    def violations(self, bounds: Bounds) -> list[str]:
        """Say what lies outside of the bounds; empty where all is within."""
        low, high = bounds.texture
        least, most = bounds.worst_texture
        figures = (
            ("texture", self.summary.texture, low, high),
            ("elsewhere", self.summary.elsewhere, 0.0, bounds.elsewhere),
            ("covered", self.covered or 0.0, 0.0, bounds.elsewhere),
            ("a photo's texture", self.lowest_texture, least, most),
            ("a photo's texture", self.highest_texture, least, most),
            ("a photo's elsewhere", self.worst_elsewhere, 0.0, bounds.worst_elsewhere),
        )
        # "not within" rather than "below or above": what is not a number holds nowhere.
        return [f"{name} {value:.3f}" for name, value, low, high in figures if not low <= value <= high]


def cut_to_head(rgb: np.ndarray, face: Face, labelled: LabelledPhoto) -> Sample:
    """Cut a photo ([H, W, 3] uint8) to the head, so that what is not measured costs nothing."""
    middle, half = (face.box[:2] + face.box[2:]) / 2, HEAD * crop_extent(face) / 2
    low = np.clip(np.floor(middle - half), 0, None).astype(int)
    high = np.clip(np.ceil(middle + half), low + 1, (rgb.shape[1], rgb.shape[0])).astype(int)
    part = np.ascontiguousarray(rgb[low[1] : high[1], low[0] : high[0]])
    moved = np.array([[1.0, 0.0, -low[0]], [0.0, 1.0, -low[1]]])
    there = Face(face.box - np.tile(low, 2).astype(np.float32), face.landmarks - low.astype(np.float32), face.score)
    labels = _moved(labelled, moved)
    return Sample(part, labels, areas_of(part, there, labels), align(part, there).matrix)


def make_hard(sample: Sample, kind: str, severity: float, *, seed: int = 0) -> HardPhoto:
    """Degrade a photo (see `degrade`) and take its areas and places along."""
    degraded = degrade(kind, sample.rgb, sample.to_template, severity, seed=seed)
    return take_along(sample, degraded)


def take_along(sample: Sample, degraded: Degraded) -> HardPhoto:
    """Move areas and places onto the degraded picture, and leave out what is hidden or too faint there.

    Faint and hidden marks are neither removed nor kept by anyone; their discs stay out of the areas all the same.
    """
    labelled = _moved(sample.labelled, degraded.matrix)
    shape = degraded.rgb.shape
    skin, outside, face = (
        cv2.warpAffine(area.astype(np.uint8), degraded.matrix, (shape[1], shape[0]), flags=cv2.INTER_NEAREST) > 0
        for area in (sample.areas.skin, sample.areas.outside, sample.areas.face)
    )
    removable = draw_places((*labelled.temporary, *labelled.doubtful), shape)
    marks = removable | draw_places(labelled.permanent, shape)
    near = cv2.dilate(degraded.cover.astype(np.uint8), np.ones((2 * COVER_MARGIN + 1,) * 2, np.uint8)) > 0
    bare = skin & ~removable & ~near
    outside &= ~marks
    # Where no skin was made out, as on a face in deep shade, the texture is that of the face.
    areas = Areas(bare if bare.any() else outside & ~near, outside, face)
    return HardPhoto(degraded.rgb, degraded.cover, visible(labelled, degraded), areas)


def visible(labelled: LabelledPhoto, degraded: Degraded) -> LabelledPhoto:
    """Keep the marks and controls that can be seen on a degraded picture; places are in its px."""
    lab = to_lab(degraded.rgb)
    height, width = degraded.cover.shape
    everything = (*labelled.marks, *labelled.doubtful)

    def uncovered(place: Place) -> bool:
        cover, distance = around(degraded.cover, place.x, place.y, place.radius + 1)
        inside = 0 <= place.x <= width - 1 and 0 <= place.y <= height - 1
        return inside and not cover[distance <= place.radius + 1].any()

    def stands_out(mark: Place) -> bool:
        others = draw_places((other for other in everything if other is not mark), degraded.rgb.shape)
        return contrast_of(lab, mark, ignore=others) >= VISIBLE

    return dataclasses.replace(
        labelled,
        marks=tuple(mark for mark in labelled.marks if uncovered(mark) and stands_out(mark)),
        controls=tuple(filter(uncovered, labelled.controls)),
    )


def score_hard(hard: HardPhoto, after: np.ndarray, *, found: bool) -> HardScore:
    """Compare a hard photo with what a retoucher made of it ([H, W, 3] uint8)."""
    cover = hard.cover & hard.areas.face
    change = np.abs(after.astype(np.int16) - hard.rgb).mean(axis=2)
    covered = float(change[cover].mean()) if cover.any() else None
    return HardScore(score_photo(hard.rgb, after, hard.labelled, hard.areas), covered, found)


def level_of(severity: float, scores: Sequence[HardScore]) -> Level:
    """Put the figures of the photos of one severity together."""
    covered = [score.covered for score in scores if score.covered is not None]
    textures = [score.photo.texture for score in scores]
    return Level(
        severity=severity,
        found=float(np.mean([score.found for score in scores])),
        summary=summarise([score.photo for score in scores]),
        lowest_texture=min(textures),
        highest_texture=max(textures),
        worst_elsewhere=max(score.photo.elsewhere for score in scores),
        covered=float(np.mean(covered)) if covered else None,
    )


def _moved(labelled: LabelledPhoto, matrix: np.ndarray) -> LabelledPhoto:
    def there(places: Sequence[Place]) -> tuple[Place, ...]:
        return tuple(place.moved(matrix) for place in places)

    return dataclasses.replace(
        labelled,
        marks=there(labelled.marks),
        doubtful=there(labelled.doubtful),
        controls=there(labelled.controls),
    )
