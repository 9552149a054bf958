from __future__ import annotations

import numpy as np
import pytest

from bpfre.faces import Face
from bpfre.faces.views import CLOSE_UP, CLOSE_UP_FACE, OVERVIEW, TILE, View, close_up, plan_views

SHAPES = [
    (1350, 1350),
    (410, 335),
    (3000, 2000),
    (4000, 6000),
    (5504, 8256),
    (2000, 20000),
    (64, 3000),
    (30, 40),
]


def face_at(x: float, y: float, size: float) -> Face:
    box = np.array([x, y, x + size, y + size], np.float32)
    return Face(box=box, landmarks=np.zeros((5, 2), np.float32), score=1.0)


def size_in(view: View, x: float, y: float, size: float) -> float:
    """Size in view px of a face of the photo, or 0 where the view does not show the whole of it."""
    x0, y0, x1, y1 = view.part
    inside = x0 <= x and y0 <= y and x + size <= x1 and y + size <= y1
    return size * min(view.scale) if inside else 0


@pytest.mark.parametrize("reach", [20.0, 26.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_face_is_whole_and_large_enough_in_some_view(shape: tuple[int, int], reach: float) -> None:
    views = plan_views(shape, min_face=40, reach=reach)
    rng = np.random.default_rng(0)
    height, width = shape
    for _ in range(400):
        largest = min(shape) * 0.98
        size = min(largest, float(np.exp(rng.uniform(np.log(40), np.log(max(41, largest))))))
        x, y = rng.uniform(0, width - size), rng.uniform(0, height - size)
        seen = [size_in(view, x, y, size) for view in views]
        least = min(reach, size) * 0.98  # photos are never enlarged
        assert any(least <= apparent <= OVERVIEW for apparent in seen), (size, x, y, seen)


@pytest.mark.parametrize("shape", SHAPES)
def test_views_stay_in_the_photo_never_enlarge_and_are_bounded(shape: tuple[int, int]) -> None:
    for view in plan_views(shape, min_face=40, reach=26):
        x0, y0, x1, y1 = view.part
        assert 0 <= x0 < x1 <= shape[1] and 0 <= y0 < y1 <= shape[0]
        assert view.size[0] <= max(1, x1 - x0) and view.size[1] <= max(1, y1 - y0)
        assert max(view.size) <= view.side <= TILE + 64
        assert min(view.place) >= 0


def test_small_photos_need_one_view_and_large_minimum_faces_spare_tiles() -> None:
    assert len(plan_views((500, 400), min_face=40, reach=26)) == 1
    few, many = (len(plan_views((4000, 6000), min_face=size, reach=26)) for size in (400, 40))
    assert few == 1 < many


def test_an_empty_photo_has_no_views() -> None:
    assert plan_views((0, 100), min_face=40, reach=26) == []


@pytest.mark.parametrize("shape", [(301, 517), (1999, 1301), (1, 1), (1, 900), (700, 2)])
def test_what_a_view_shows_is_mapped_back_to_its_place(shape: tuple[int, int]) -> None:
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.stack([x * 255 / max(shape), y * 255 / max(shape), 0 * x], 2).round().astype(np.uint8)
    for view in plan_views(shape, min_face=40, reach=26):
        square = view.render(image)
        assert square.shape == (view.side, view.side, 3)
        left, top = view.place
        points = np.array(
            [(left + view.size[0] * u, top + view.size[1] * v) for u in (0.2, 0.5, 0.8) for v in (0.3, 0.7)]
        ).astype(int)
        places = view.to_photo(points)
        colours = square[points[:, 1], points[:, 0], :2].astype(float) * max(shape) / 255
        assert np.abs(places - colours).max() < 0.75 * max(1, 1 / min(view.scale)) + max(shape) / 255


@pytest.mark.parametrize("place", [(400.0, 300.0), (-40.0, 10.0), (930.0, 650.0)])
@pytest.mark.parametrize("size", [12.0, 120.0, 600.0])
def test_a_close_up_shows_the_face_at_a_fixed_size(place: tuple[float, float], size: float) -> None:
    view = close_up(face_at(*place, size), (700, 1000))
    if place[0] + size < 0:
        assert view is None
        return
    assert view is not None and view.side == CLOSE_UP
    assert size * view.scale[0] == pytest.approx(CLOSE_UP * CLOSE_UP_FACE, rel=0.15)
    assert min(view.place) >= 0 and max(np.add(view.place, view.size)) <= CLOSE_UP


def test_a_close_up_far_outside_is_none() -> None:
    assert close_up(face_at(5000, 5000, 100), (700, 1000)) is None
