"""Cut a face out of its photo, its eyes, nose and mouth where the network expects them."""

from __future__ import annotations

import math

import cv2
import numpy as np

from bpfre.errors import FaceRefusedError
from bpfre.faces.face import Face, FaceCrop
from bpfre.faces.similarity import (
    compose,
    corners,
    fit_similarity,
    invert,
    resize_matrix,
    scale_of,
    transform,
)
from bpfre.faces.template import TEMPLATE_SIZE, template

SMALLEST_EXTENT = 8.0  # photo px between the eyes or from eyes to mouth; less is mostly landmark noise
FLATTEST = 0.1  # height of the face against its extent, squared; a frontal face has 0.5, a full profile 0
WORST_FIT = 0.35  # rms distance from the template, in quarters of the crop; a head turned by 70 degrees has 0.3
LEAST_FACE_SEEN = 0.5  # share of the face itself inside the frame
LEAST_CROP_SEEN = 0.2  # share of the whole crop inside the frame; the rest is mirrored content
FACE_REGION = (110.0, 120.0, 402.0, 470.0)  # x0, y0, x1, y1 of the face in the 512 template
_SUPPORT = 3  # px of margin that cubic interpolation may read around the crop


def align(rgb: np.ndarray, face: Face, *, size: int = 512) -> FaceCrop:
    """Cut out one face by the least-squares similarity from its landmarks to the FFHQ template.

    Shrinking averages over area, so that fine skin texture does not alias; beyond the frame the photo is
    mirrored. The cost depends on the face's size, not on the photo's.

    Args:
        rgb: [H, W, 3] uint8 or uint16.
        face: landmarks in px of `rgb`.
        size: side of the crop in px.
    Raises:
        FaceRefusedError: landmarks that are no face (not finite, mirrored, on a line, unlike a face), a face
            too small, or one that lies mostly outside of the photo.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"rgb has to be [H, W, 3] uint8 or uint16, not {list(rgb.shape)} {rgb.dtype}")
    landmarks = np.asarray(face.landmarks, np.float64)
    _check_landmarks(landmarks)
    matrix = fit_similarity(landmarks, template(size))
    _check_fit(landmarks, matrix, size)
    _check_place(matrix, size, rgb.shape)
    return FaceCrop(face=face, matrix=matrix, pixels=_cut(rgb, matrix, size))


def crop_extent(face: Face) -> float:
    """Return the side of the square that a face's crop shows, px of the photo.

    Raises:
        FaceRefusedError: landmarks that are no face.
    """
    landmarks = np.asarray(face.landmarks, np.float64)
    _check_landmarks(landmarks)
    return TEMPLATE_SIZE / scale_of(fit_similarity(landmarks, template(TEMPLATE_SIZE)))


def _check_landmarks(landmarks: np.ndarray) -> None:
    if landmarks.shape != (5, 2) or not np.isfinite(landmarks).all():
        raise FaceRefusedError("The face's landmarks are not five finite points.")
    left_eye, right_eye, _, left_mouth, right_mouth = landmarks
    across = right_eye - left_eye
    down = (left_mouth + right_mouth - left_eye - right_eye) / 2
    extent = max(math.hypot(*across), math.hypot(*down))  # a head turned aside has its eyes close together
    if extent < SMALLEST_EXTENT:
        raise FaceRefusedError(
            f"The face is too small: eyes and mouth are {extent:.1f} px apart, at least"
            f" {SMALLEST_EXTENT:.0f} px are needed."
        )
    area = across[0] * down[1] - across[1] * down[0]
    flatness = area / (across @ across + down @ down)
    if flatness < -FLATTEST:
        raise FaceRefusedError("The face's landmarks are mirrored: left and right are exchanged.")
    if flatness < FLATTEST:
        raise FaceRefusedError("The face's landmarks lie nearly on a line: the head is turned too far.")


def _check_fit(landmarks: np.ndarray, matrix: np.ndarray, size: int) -> None:
    residual = transform(matrix, landmarks) - template(size)
    misfit = float(np.sqrt((residual**2).sum(1).mean())) * 4 / size
    if misfit > WORST_FIT:
        raise FaceRefusedError(
            f"The face's landmarks do not form a face (misfit {misfit:.2f}, at most {WORST_FIT:.2f})."
        )


def _check_place(matrix: np.ndarray, size: int, shape: tuple[int, ...]) -> None:
    x0, y0, x1, y1 = FACE_REGION
    region = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]) * (size / TEMPLATE_SIZE)
    for outline, least, name in (
        (region, LEAST_FACE_SEEN, "face"),
        (corners(size), LEAST_CROP_SEEN, "face's surroundings"),
    ):
        seen = _share_inside(transform(invert(matrix), outline), shape)
        if seen < least:
            raise FaceRefusedError(f"{1 - seen:.0%} of the {name} lies outside of the photo.")


def _share_inside(outline: np.ndarray, shape: tuple[int, ...]) -> float:
    """Share of a convex outline ([4, 2] photo px) that lies inside the photo."""
    height, width = shape[:2]
    frame = np.array([(-0.5, -0.5), (width - 0.5, -0.5), (width - 0.5, height - 0.5), (-0.5, height - 0.5)])
    # Around the outline's middle: float32, which OpenCV wants, is too coarse far out in a large panorama.
    middle = outline.mean(0)
    quad = (outline - middle).astype(np.float32)
    inside, _ = cv2.intersectConvexConvex(quad, (frame - middle).astype(np.float32))
    return float(inside / cv2.contourArea(quad))


def _cut(rgb: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    outline = transform(invert(matrix), corners(size))
    x0, x1 = _span(outline[:, 0], rgb.shape[1])
    y0, y1 = _span(outline[:, 1], rgb.shape[0])
    part = rgb[y0:y1, x0:x1]
    full = float(np.iinfo(rgb.dtype).max)
    if rgb.dtype == np.uint8:  # more room for the averages, so that they are not rounded to 8 bits
        part, full = part.astype(np.uint16) * np.uint16(257), 65535.0
    to_part = np.array([[1.0, 0.0, x0], [0.0, 1.0, y0]])
    scale = scale_of(matrix)
    if scale < 1:
        before = (part.shape[1], part.shape[0])
        after = (max(1, round(before[0] * scale)), max(1, round(before[1] * scale)))
        part = cv2.resize(part, after, interpolation=cv2.INTER_AREA)
        to_part = compose(to_part, invert(resize_matrix(before, after)))
    pixels = cv2.warpAffine(
        np.ascontiguousarray(part, dtype=np.float32),
        compose(matrix, to_part),
        (size, size),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.clip(pixels / np.float32(full), 0, 1)


def _span(positions: np.ndarray, length: int) -> tuple[int, int]:
    """Range of rows or columns that the crop reads, clipped; deep enough to be mirrored at the frame."""
    low = math.floor(positions.min()) - _SUPPORT
    high = math.ceil(positions.max()) + _SUPPORT
    deep, shallow = max(high, -low + 1), min(low, 2 * (length - 1) - high)
    return max(0, shallow if high >= length else low), min(length, (deep if low < 0 else high) + 1)
