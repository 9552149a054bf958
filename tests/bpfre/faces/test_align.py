from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from bpfre.errors import FaceRefusedError
from bpfre.faces import Face, align
from bpfre.faces.similarity import transform
from bpfre.faces.template import template

MakeFace = Callable[..., Face]


def with_landmarks(face: Face, landmarks: np.ndarray) -> Face:
    return replace(face, landmarks=np.asarray(landmarks, np.float32))


def dots(shape: tuple[int, int], points: np.ndarray, sigma: float, dtype: type = np.uint16) -> np.ndarray:
    """White Gaussian dots on black."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    picture = sum(np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * sigma**2)) for px, py in points)
    return np.repeat((picture * np.iinfo(dtype).max)[..., None], 3, 2).clip(0, np.iinfo(dtype).max).astype(dtype)


def centroid(picture: np.ndarray, near: np.ndarray, radius: int) -> np.ndarray:
    x0, y0 = np.round(near).astype(int) - radius
    part = np.abs(picture[y0 : y0 + 2 * radius + 1, x0 : x0 + 2 * radius + 1]).astype(np.float64)
    y, x = np.mgrid[y0 : y0 + 2 * radius + 1, x0 : x0 + 2 * radius + 1]
    return np.array([(x * part).sum(), (y * part).sum()]) / part.sum()


@pytest.mark.parametrize("degrees", [0, 25, -90, 180])
@pytest.mark.parametrize("size", [90, 340, 800])
def test_landmarks_land_on_the_template(make_face: MakeFace, size: float, degrees: float) -> None:
    face = make_face(size, (803.4, 799.1), degrees)
    crop = align(dots((1600, 1600), face.landmarks, sigma=size / 60), face)
    assert crop.pixels.shape == (512, 512, 3) and crop.pixels.dtype == np.float32
    for point in template(512):
        assert np.abs(centroid(crop.pixels[..., 0], point, 20) - point).max() < 0.15
    assert np.allclose(transform(crop.matrix, face.landmarks), template(512), atol=0.01)


@pytest.mark.parametrize("size", [64, 256, 512])
def test_crop_size_is_free(make_face: MakeFace, size: int) -> None:
    face = make_face(300, (400, 400))
    crop = align(np.full((800, 800, 3), 51, np.uint8), face, size=size)
    assert crop.pixels.shape == (size, size, 3)
    assert np.allclose(crop.pixels, 0.2, atol=1e-4)


def test_both_depths_give_the_same_crop(make_face: MakeFace) -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (700, 700, 3), dtype=np.uint8)
    face = make_face(400, (350, 350))
    eight, sixteen = align(photo, face), align(photo.astype(np.uint16) * 257, face)
    assert np.allclose(eight.pixels, sixteen.pixels, atol=1e-6)
    assert eight.pixels.min() >= 0 and eight.pixels.max() <= 1


def test_shrinking_averages_instead_of_aliasing(make_face: MakeFace) -> None:
    checkerboard = (np.indices((2400, 2400)).sum(0) % 2 * 255).astype(np.uint8)
    photo = np.repeat(checkerboard[..., None], 3, 2)
    face = make_face(1130, (1200.3, 1200.7))
    crop = align(photo, face)
    assert crop.pixels.std() < 0.02 and crop.pixels.mean() == pytest.approx(0.5, abs=0.01)
    naive = cv2.warpAffine(checkerboard, crop.matrix, (512, 512), flags=cv2.INTER_LINEAR)
    assert naive.std() / 255 > 0.1  # so the picture does tell the two apart


def test_beyond_the_frame_the_photo_is_mirrored(make_face: MakeFace) -> None:
    rng = np.random.default_rng(0)
    photo = cv2.GaussianBlur(rng.integers(0, 256, (500, 500, 3), dtype=np.uint8), (0, 0), 4)
    padded = cv2.copyMakeBorder(photo, 400, 400, 400, 400, cv2.BORDER_REFLECT_101)
    for center in ((120, 250), (250, 110), (385, 395)):
        inside = align(photo, make_face(300, center))
        wide = align(padded, make_face(300, (center[0] + 400, center[1] + 400)))
        assert np.allclose(inside.pixels, wide.pixels, atol=2e-3)


def test_only_the_surroundings_of_the_face_are_read(make_face: MakeFace) -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (1500, 2000, 3), dtype=np.uint8)
    face = make_face(100, (1000, 700))
    changed = rng.integers(0, 256, photo.shape, dtype=np.uint8)
    changed[500:900, 800:1200] = photo[500:900, 800:1200]
    assert np.array_equal(align(photo, face).pixels, align(changed, face).pixels)


@pytest.mark.parametrize("turn", [0.8, 0.45, 0.3])
def test_turned_heads_are_taken(make_face: MakeFace, turn: float) -> None:
    align(np.zeros((600, 600, 3), np.uint8), make_face(300, (300, 300), turn=turn))


def collapse(points: np.ndarray) -> np.ndarray:
    return np.repeat(points.mean(0, keepdims=True), 5, 0)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda points: points * np.nan, "finite"),
        (lambda points: points + np.array([[0, 0], [0, 0], [np.inf, 0], [0, 0], [0, 0]]), "finite"),
        (lambda points: points[:4], "five"),
        (collapse, "too small"),
        (lambda points: (points - 300) * 0.03 + 300, "too small"),
        (lambda points: points * [1, 0] + [0, 300], "on a line"),
        (lambda points: points * [0, 1] + [300, 0], "on a line"),
        (lambda points: points * [-1, 1] + [600, 0], "mirrored"),
        (lambda points: points[[1, 0, 2, 4, 3]], "mirrored"),
        (
            lambda points: points + np.array([[0, 0], [0, 0], [500, -400], [0, 0], [0, 0]]),
            "do not form a face",
        ),
    ],
)
def test_what_is_no_face_is_refused_with_the_reason(
    make_face: MakeFace, spoil: Callable[[np.ndarray], np.ndarray], reason: str
) -> None:
    face = make_face(300, (300, 300))
    with pytest.raises(FaceRefusedError, match=reason):
        align(np.zeros((600, 600, 3), np.uint8), with_landmarks(face, spoil(face.landmarks)))


def test_a_face_mostly_outside_is_refused_with_the_share(make_face: MakeFace) -> None:
    photo = np.zeros((600, 600, 3), np.uint8)
    with pytest.raises(FaceRefusedError, match=r"\d\d% of the face lies outside"):
        align(photo, make_face(300, (-60, 300)))
    with pytest.raises(FaceRefusedError, match="100% of the face lies outside"):
        align(photo, make_face(300, (5000, -9000)))
    align(photo, make_face(300, (60, 300)))  # more than half of the face is there


def test_a_face_that_fills_the_frame_is_taken(make_face: MakeFace) -> None:
    align(np.zeros((400, 340, 3), np.uint8), make_face(380, (170, 200)))


@pytest.mark.parametrize(
    "photo", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3), np.float32)]
)
def test_other_arrays_are_a_programming_error(make_face: MakeFace, photo: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8 or uint16"):
        align(photo, make_face(300, (4, 4)))
