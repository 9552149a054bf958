"""Both detectors on pictures of people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from bpfre.faces import Face, FaceDetector, align, paste
from bpfre.faces.template import FFHQ_512

ReadRgb = Callable[[Path], np.ndarray]


def resized(image: np.ndarray, scale: float) -> np.ndarray:
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=how)


def hand_landmarks(photo: Path) -> np.ndarray:
    """Pupils and mouth corners, [4, 2] px, from the landmark file beside a London photo."""
    lines = photo.with_suffix(".tem").read_text(encoding="ascii").splitlines()
    points = np.array([[float(value) for value in line.split()] for line in lines[1 : int(lines[0]) + 1]])
    return points[[0, 1, 87, 93]]


def test_finds_the_astronaut_with_landmarks_in_order(detector: FaceDetector, portrait: np.ndarray) -> None:
    (face,) = detector.detect([portrait])[0]
    assert 80 < face.size < 160 and face.score > 0.9
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
    assert left_eye[0] < nose[0] < right_eye[0] and left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    assert face.box.dtype == face.landmarks.dtype == np.float32


def test_alone_and_in_a_batch_are_the_same(detector: FaceDetector, portrait: np.ndarray) -> None:
    images = [
        portrait,
        resized(portrait, 0.7),
        np.zeros((80, 300, 3), np.uint8),
        np.ascontiguousarray(portrait[:, ::-1]),
    ]
    together = detector.detect(images)
    assert [len(faces) for faces in together] == [1, 1, 0, 1]
    for image, faces in zip(images, together, strict=True):
        for first, second in zip(detector.detect([image])[0], faces, strict=True):
            assert np.allclose(first.landmarks, second.landmarks, atol=0.05)


@pytest.mark.parametrize("scale", [0.36, 0.6, 2.0, 5.0])
def test_landmarks_follow_the_photo_s_size(detector: FaceDetector, portrait: np.ndarray, scale: float) -> None:
    reference = detector.detect([portrait])[0][0]
    (face,) = detector.detect([resized(portrait, scale)])[0]
    moved = (face.landmarks + 0.5) / scale - 0.5 - reference.landmarks
    assert np.linalg.norm(moved, axis=1).mean() < 0.025 * reference.size


def test_a_face_that_fills_the_frame_is_found(detector: FaceDetector, portrait: np.ndarray) -> None:
    x0, y0, x1, y1 = detector.detect([portrait])[0][0].box.astype(int)
    for scale in (3.0, 12.0):
        close = resized(portrait[y0:y1, x0:x1], scale)
        faces = detector.detect([close])[0]
        assert len(faces) == 1 and faces[0].size > 0.7 * max(close.shape)


def test_a_group_of_small_faces_in_a_large_photo_is_found(detector: FaceDetector, portrait: np.ndarray) -> None:
    face = detector.detect([portrait])[0][0]
    x0, y0, x1, y1 = face.box.astype(int)
    head = resized(portrait[max(0, y0 - 50) : y1 + 40, x0 - 40 : x1 + 40], 100 / face.size)
    montage = np.full((2000, 3000, 3), 128, np.uint8)
    places = [(150 + 700 * column + 60 * row, 120 + 620 * row) for row in range(3) for column in range(4)]
    for x, y in places:
        montage[y : y + head.shape[0], x : x + head.shape[1]] = head
    faces = detector.detect([montage])[0]
    assert len(faces) == 12
    centers = np.array([(face.box[:2] + face.box[2:]) / 2 for face in faces])
    expected = np.array(places) + np.array(head.shape[1::-1]) / 2
    assert max(np.linalg.norm(centers - place, axis=1).min() for place in expected) < 25


@pytest.mark.parametrize("degrees", [20, -35, 90, 180])
def test_turned_photos_do_not_break_it(detector: FaceDetector, portrait: np.ndarray, degrees: float) -> None:
    upright = detector.detect([portrait])[0][0]
    matrix = cv2.getRotationMatrix2D((256, 256), degrees, 0.8)
    faces = detector.detect([cv2.warpAffine(portrait, matrix, (512, 512), borderValue=(128, 128, 128))])[0]
    if abs(degrees) < 45:
        expected = upright.landmarks @ matrix[:, :2].T + matrix[:, 2]
        assert np.linalg.norm(faces[0].landmarks - expected, axis=1).mean() < 0.08 * upright.size


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (2, 3), (11, 11), (12, 500), (37, 20)])
def test_tiny_and_narrow_photos_do_not_break_it(detector: FaceDetector, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert detector.detect([noise, np.zeros_like(noise)]) == [[], []]


def test_pictures_without_people_have_no_faces(detector: FaceDetector) -> None:
    data = pytest.importorskip("skimage.data", reason="scikit-image brings the test pictures")
    rng = np.random.default_rng(0)
    images = [
        data.coffee(),
        data.chelsea(),
        data.rocket(),
        rng.integers(0, 256, (700, 900, 3), dtype=np.uint8),
    ]
    assert detector.detect(images) == [[]] * len(images)


def test_a_crop_shows_the_face_upright_and_pastes_back(detector: FaceDetector, portrait: np.ndarray) -> None:
    matrix = cv2.getRotationMatrix2D((256, 256), 25, 1)
    photo = cv2.warpAffine(portrait, matrix, (512, 512), borderMode=cv2.BORDER_REFLECT_101)
    crop = align(photo, detector.detect([photo])[0][0])
    (again,) = detector.detect([(crop.pixels * 255).round().astype(np.uint8)])[0]
    eyes = again.landmarks[1] - again.landmarks[0]
    assert abs(np.degrees(np.arctan2(eyes[1], eyes[0]))) < 4
    assert np.abs(again.landmarks.mean(0) - FFHQ_512.mean(0)).max() < 8
    edited = photo.copy()
    paste(edited, crop, np.zeros_like(crop.pixels))
    assert np.array_equal(edited, photo)


def test_every_london_photo_has_its_face_where_people_see_it(
    detector: FaceDetector, photo_folder: Path, read_rgb: ReadRgb
) -> None:
    photos = sorted((photo_folder / "london").glob("*/*.jpg"))[::19]
    found = detector.detect([read_rgb(photo) for photo in photos])
    assert [len(faces) for faces in found] == [1] * len(photos)
    errors = []
    for photo, (face,) in zip(photos, found, strict=True):
        if photo.with_suffix(".tem").is_file():
            by_hand = hand_landmarks(photo)
            distance = np.linalg.norm(face.landmarks[[0, 1, 3, 4]] - by_hand, axis=1).mean()
            errors.append(distance / np.linalg.norm(by_hand[1] - by_hand[0]))
    assert len(errors) >= 5
    assert np.mean(errors) < 0.05  # of the distance between the eyes


def test_photos_of_other_cameras_and_poses(detector: FaceDetector, photo_folder: Path, read_rgb: ReadRgb) -> None:
    photos = [*(photo_folder / "zoom").glob("*.jpg"), *(photo_folder / "lisa").glob("*.jpg")]
    for photo in photos:
        rgb = read_rgb(photo)
        faces: list[Face] = detector.detect([rgb])[0]
        assert len(faces) == 1, photo.name
        align(rgb, faces[0])
