"""From photos to one aligned face: both sides cut alike, skin found, raw faces healed into a clean target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from bpfre.blemishes import (
    KnownFace,
    Place,
    estimate_skin,
    heal_judged,
    heal_labelled,
    leave_open,
    skin_from_landmarks,
    spot_area_from_landmarks,
)
from bpfre.errors import DataError
from bpfre.faces import Face, align
from bpfre.photos import read_photo, rgb8, to_bytes
from bpfre.training.data.faces import TrainingFace
from bpfre.training.data.landmarks import landmark_file, read_tem
from bpfre.training.data.samples import Sample

SHARP = 0.5  # longer side of the face's box as a share of the stored crop's: smaller faces show no spots to learn from
SHARP_ALIGNED = 0.8  # side of an aligned photo as a share of the stored crop's, from which its face is that large
Healing = Literal["no", "judged", "labelled"]  # who says which marks of raw faces are temporary

_FAST_SKIN = 400  # px: crops from this side on have their skin estimated at half their size where that is enough


@dataclass(frozen=True, eq=False)
class Sides:
    """The decoded photos of one face."""

    pixels: list[np.ndarray]  # [H, W, 3] uint8, raw side first; the sides of a pair have one size
    reduction: float  # size of the first one relative to its file


def read_sides(sample: Sample) -> Sides:
    """Read the photos of a face.

    Of a pair in two sizes the larger side is reduced to the smaller one, never the other way: a softer side would
    make an edit of every pore.

    Raises:
        PhotoError: a photo cannot be read.
        DataError: the sides of a pair differ in shape, by more than a pixel after reduction.
    """
    sides = [rgb8(read_photo(path)) for path in sample.photos]
    sizes = [(side.shape[1], side.shape[0]) for side in sides]
    (width, height), (large_width, large_height) = min(sizes), max(sizes)
    if abs(large_height * width / large_width - height) > 1 or abs(large_width * height / large_height - width) > 1:
        raise DataError(f"{sample.raw} and {sample.retouched} differ in shape.", "Export both sides at one size.")
    pixels = [
        side if size == (width, height) else cv2.resize(side, (width, height), interpolation=cv2.INTER_AREA)
        for side, size in zip(sides, sizes, strict=True)
    ]
    return Sides(pixels, width / sizes[0][0])


def cut_face(sample: Sample, sides: Sides, face: Face, *, side: int, heal: Healing) -> TrainingFace:
    """Align the face of a sample; both sides of a pair by the face of the raw one.

    Args:
        sample: the face's photos.
        sides: those photos.
        face: where it is, px of the file of `sample.photo`.
        side: of the crop, px.
        heal: how a sharp raw face gets its target.

    Raises:
        FaceRefusedError: the face cannot be aligned.
        DataError: the landmark file beside a photo is not one.
    """
    here = scale_face(face, sides.reduction)
    crops = [align(pixels, here, size=side) for pixels in sides.pixels]
    sharp = bool(here.size >= SHARP * side)
    return _finish(sample, sides, [crop.pixels for crop in crops], crops[0].matrix, sharp=sharp, heal=heal)


def take_aligned(sample: Sample, sides: Sides, *, side: int, sharp: bool, heal: Healing) -> TrainingFace:
    """Bring photos that are aligned crops already to the stored size.

    Args:
        sample: the face's photos.
        sides: those photos.
        side: of the crop, px.
        sharp: whether the photos are large enough to show skin in detail.
        heal: how a sharp raw face gets its target.

    Raises:
        DataError: a photo is not square, or the landmark file beside it is not one.
    """
    height, width = sides.pixels[0].shape[:2]
    if height != width:
        raise DataError(f"{sample.photo} is not square as the other photos of its folder are.")
    pixels = [resize_square(p, side).astype(np.float32) / 255 for p in sides.pixels]
    scale = side / width
    matrix = np.array([[scale, 0, 0.5 * scale - 0.5], [0, scale, 0.5 * scale - 0.5]])
    return _finish(sample, sides, pixels, matrix, sharp=sharp, heal=heal)


def scale_face(face: Face, scale: float) -> Face:
    """Return a face as it is in a photo resized by `scale`."""
    shift = 0.5 * scale - 0.5  # pixel centres are at whole numbers
    return Face(box=face.box * scale + shift, landmarks=face.landmarks * scale + shift, score=face.score)


def resize_square(pixels: np.ndarray, side: int) -> np.ndarray:
    """Bring a square picture, [S, S, 3] uint8, to another side; shrinking averages over area."""
    how = cv2.INTER_AREA if len(pixels) > side else cv2.INTER_CUBIC
    return cv2.resize(pixels, (side, side), interpolation=how)


def _finish(
    sample: Sample, sides: Sides, pixels: list[np.ndarray], matrix: np.ndarray, *, sharp: bool, heal: Healing
) -> TrainingFace:
    """Find the skin, by landmarks where there are some, and heal what is to be healed."""
    raw, target = pixels[0], pixels[-1]
    side, scale = len(raw), len(raw) / 512
    healed = sample.kind == "raw" and heal != "no" and sharp
    points = _landmarks(sample, sides, matrix)
    if points is not None:
        skin = skin_from_landmarks(points, (side, side), scale=scale)
    elif side >= _FAST_SKIN and not healed:
        # Loaded anew for every window: healing alone needs the rim of skin to the pixel.
        half = cv2.resize(target, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        small = estimate_skin(half, scale=len(half) / 512).astype(np.uint8)
        skin = cv2.resize(small, (side, side), interpolation=cv2.INTER_NEAREST).astype(bool)
    else:
        skin = estimate_skin(target, scale=scale)
    stored = to_bytes(raw)
    if not healed:
        clean = stored if target is raw else to_bytes(target)
        return TrainingFace(stored, clean, skin, kind=sample.kind, sharp=sharp)
    area = None if points is None else spot_area_from_landmarks(points, (side, side), scale=scale)
    known = _heal(raw, skin, sample, sides, matrix, area, heal)
    clean = to_bytes(known.target)
    clean = stored if np.array_equal(clean, stored) else clean
    return TrainingFace(stored, clean, skin, kind="raw", sharp=True, notes=known.notes, stamps=known.stamps)


def _heal(
    raw: np.ndarray,
    skin: np.ndarray,
    sample: Sample,
    sides: Sides,
    matrix: np.ndarray,
    area: np.ndarray | None,
    heal: Healing,
) -> KnownFace:
    """Make the target of a raw face. Where others are labelled, one without labels does not vote."""
    scale = len(raw) / 512
    if sample.labels:
        photo, shift = sides.reduction, 0.5 * sides.reduction - 0.5
        into_crop = matrix @ np.array([[photo, 0, shift], [0, photo, shift], [0, 0, 1]])
        places: list[Place] = [place.moved(into_crop) for place in (*sample.labels.marks, *sample.labels.doubtful)]
        return heal_labelled(raw, skin, places, scale=scale, area=area)
    return (leave_open if heal == "labelled" else heal_judged)(raw, skin, scale=scale, area=area)


def _landmarks(sample: Sample, sides: Sides, matrix: np.ndarray) -> np.ndarray | None:
    """Landmarks beside the photo, None where there are none. -> [189, 2] px of the crop"""
    landmarks = landmark_file(sample.photo)
    if not landmarks.is_file():
        return None
    points = (read_tem(landmarks) + 0.5) * sides.reduction - 0.5
    return points @ matrix[:, :2].T + matrix[:, 2]
