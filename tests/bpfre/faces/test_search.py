"""The search around a network, proven with a stand-in that sees red squares."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bpfre.faces import Face
from bpfre.faces.search import BATCH_PIXELS, FaceSearch


class RedSquares:
    """Finds red squares between `reach` and 700 px that are whole in their picture."""

    name = "red squares"
    reach = 24.0
    notice = 0.3
    accept = 0.8

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []

    def find(self, squares: np.ndarray, *, smallest: float, least: float) -> list[list[Face]]:
        self.asked.append(squares.shape)
        return [self._find_one(square) for square in squares]

    def _find_one(self, square: np.ndarray) -> list[Face]:
        red = ((square[..., 0] > 200) & (square[..., 1] < 60)).astype(np.uint8)
        faces = []
        for x, y, width, height, _ in cv2.connectedComponentsWithStats(red)[2][1:]:
            if self.reach * 0.9 <= max(width, height) <= 700 and 0.9 < width / height < 1.1:
                box = np.array([x - 0.5, y - 0.5, x + width - 0.5, y + height - 0.5], np.float32)
                spots = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)])
                landmarks = (box[:2] + spots * (width, height)).astype(np.float32)
                faces.append(Face(box=box, landmarks=landmarks, score=0.9))
        return faces


def scene(shape: tuple[int, int], squares: list[tuple[int, int, int]]) -> np.ndarray:
    image = np.full((*shape, 3), 90, np.uint8)
    for x, y, size in squares:
        image[y : y + size, x : x + size] = (255, 0, 0)
    return image


def check(faces: list[Face], squares: list[tuple[int, int, int]]) -> None:
    expected = sorted(squares, key=lambda square: -square[2])
    assert len(faces) == len(expected)
    for face, (x, y, size) in zip(faces, expected, strict=True):
        slack = 0.02 * size + 0.6
        assert np.abs(face.box - np.array([x, y, x + size, y + size]) + 0.5).max() < slack
        assert np.abs(face.landmarks[2] - [x + 0.5 * size - 0.5, y + 0.6 * size - 0.5]).max() < slack


SCENES = {
    "portrait": ((1350, 1350), [(300, 350, 650)]),
    "nearly full frame": ((3000, 2400), [(60, 200, 2280)]),
    "small photo": ((60, 80), [(10, 8, 44)]),
    "group": ((2000, 3000), [(100 + 230 * i, 150 + 140 * i, 100 + i) for i in range(12)]),
    "far away": ((4000, 6000), [(5900, 3900, 44), (2900, 1900, 50), (50, 3000, 300), (2500, 60, 1400)]),
}


@pytest.mark.parametrize("name", SCENES)
def test_finds_every_size_once_in_its_place_the_largest_first(name: str) -> None:
    shape, squares = SCENES[name]
    check(FaceSearch(RedSquares()).detect([scene(shape, squares)])[0], squares)


def test_together_photos_give_what_they_give_alone() -> None:
    images = [scene(*scene_) for scene_ in SCENES.values()]
    together = FaceSearch(RedSquares()).detect(images)
    for image, faces in zip(images, together, strict=True):
        alone = FaceSearch(RedSquares()).detect([image])[0]
        assert len(alone) == len(faces)
        for first, second in zip(alone, faces, strict=True):
            assert np.array_equal(first.box, second.box) and np.array_equal(first.landmarks, second.landmarks)


def test_photos_share_forwards_of_bounded_size() -> None:
    finder = RedSquares()
    FaceSearch(finder).detect([scene((500, 400), [(100, 100, 200)]) for _ in range(9)])
    assert len(finder.asked) == 2  # one look at nine photos, one at nine close-ups
    assert finder.asked[0][0] == finder.asked[1][0] == 9
    finder.asked.clear()
    FaceSearch(finder).detect([scene((4000, 6000), [])])
    assert max(np.prod(shape[:3]) for shape in finder.asked) <= BATCH_PIXELS


def test_what_a_closer_look_does_not_confirm_is_dropped() -> None:
    class Fickle(RedSquares):
        def find(self, squares: np.ndarray, *, smallest: float, least: float) -> list[list[Face]]:
            return (
                super().find(squares, smallest=smallest, least=least) if least == self.notice else [[]] * len(squares)
            )

    assert FaceSearch(Fickle()).detect([scene((600, 600), [(100, 100, 300)])]) == [[]]


@pytest.mark.parametrize("shape", [(0, 0), (0, 9), (1, 1), (1, 5000), (5000, 1), (3, 2)])
def test_odd_photos_have_no_faces(shape: tuple[int, int]) -> None:
    assert FaceSearch(RedSquares()).detect([np.full((*shape, 3), 200, np.uint8)]) == [[]]


def test_no_photos_no_faces() -> None:
    assert FaceSearch(RedSquares()).detect([]) == []


@pytest.mark.parametrize("image", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.uint16)])
def test_other_arrays_are_a_programming_error(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        FaceSearch(RedSquares()).detect([image])


def test_the_smallest_face_has_to_have_a_size() -> None:
    with pytest.raises(ValueError, match="min_face"):
        FaceSearch(RedSquares(), min_face=0)
