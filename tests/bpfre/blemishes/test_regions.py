from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bpfre.blemishes import (
    estimate_skin,
    regions,
    skin_from_landmarks,
    spot_area,
    spot_area_from_landmarks,
)
from bpfre.blemishes.regions import find_hair
from bpfre.faces import Face, align

CHEEKS = ((175, 315), (338, 315))
FEATURES = {
    "left eye": (193, 240),
    "right eye": (319, 240),
    "left brow": (190, 205),
    "right brow": (322, 205),
    "left nostril": (232, 322),
    "right nostril": (281, 322),
    "mouth": (257, 372),
}


def around(centre: tuple[float, float], axes: tuple[float, float], count: int) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.c_[centre[0] + axes[0] * np.cos(angle), centre[1] + axes[1] * np.sin(angle)]


@pytest.fixture
def points() -> np.ndarray:
    """189 landmarks of a schematic face in a 512 crop."""
    points = np.full((189, 2), np.nan)
    points[regions._FACE] = around((256, 285), (150, 200), len(regions._FACE))
    for contours, names, axes in (
        (regions._EYES, ("left eye", "right eye"), (36, 14)),
        (regions._BROWS, ("left brow", "right brow"), (44, 8)),
        (regions._NOSTRILS, ("left nostril", "right nostril"), (12, 7)),
    ):
        for contour, name in zip(contours, names, strict=True):
            points[contour] = around(FEATURES[name], axes, len(contour))
    points[list(regions._LIPS)] = around(FEATURES["mouth"], (60, 22), len(regions._LIPS))
    return points


def test_landmarks_leave_features_out(points: np.ndarray) -> None:
    skin = skin_from_landmarks(points, (512, 512))
    assert skin.shape == (512, 512) and skin.dtype == bool
    for name, (x, y) in FEATURES.items():
        assert not skin[y, x], name
    assert not skin[240, 193 + 36 + 3], "a margin beside the eye"
    assert not skin[372 + 22 + 3, 257], "a margin below the lips"
    for x, y in (*CHEEKS, (256, 150), (256, 280), (256, 440)):
        assert skin[y, x]


def test_landmarks_bound_the_face_with_a_margin(points: np.ndarray) -> None:
    skin = skin_from_landmarks(points, (512, 512))
    for x, y in ((20, 20), (256, 500), (95, 285), (256, 80), (256 + 150 - 6, 285), (256, 285 + 200 - 6)):
        assert not skin[y, x]
    assert skin[285, 256 + 150 - 20]


def test_landmarks_at_another_scale_give_the_same_skin(points: np.ndarray) -> None:
    small, large = skin_from_landmarks(points, (512, 512)), skin_from_landmarks(points * 2, (1024, 1024), scale=2)
    assert (small != large[::2, ::2]).mean() < 0.01


def test_skin_reaching_past_the_frame_is_cut_off(points: np.ndarray) -> None:
    skin = skin_from_landmarks(points - (200, 0), (512, 300))
    assert skin.shape == (512, 300) and skin[315, 138]


def assert_no_features(skin: np.ndarray, scale: float = 1, origin: tuple[float, float] = (0, 0)) -> None:
    rows, columns = np.nonzero(skin)
    for name, (x, y) in FEATURES.items():
        half = (10, 6) if "nostril" in name else (34, 14)
        u = (columns - origin[0] - x * scale) / (half[0] * scale)
        v = (rows - origin[1] - y * scale) / (half[1] * scale)
        assert not (np.hypot(u, v) < 1).any(), name


def test_estimate_on_plain_skin_is_the_template(make_skin: Callable) -> None:
    skin = estimate_skin(make_skin("medium", 512))
    assert_no_features(skin)
    assert all(skin[y, x] for x, y in (*CHEEKS, (257, 165)))
    assert not any(skin[y, x] for x, y in ((10, 10), (500, 256), (256, 490), (110, 285)))
    assert 0.1 < skin.mean() < 0.3


def test_estimate_leaves_out_what_is_not_coloured_like_the_cheeks(make_skin: Callable) -> None:
    crop = make_skin("light", 512)
    crop[100:150] = (0.15, 0.1, 0.08)  # a fringe
    crop[400:420, 200:320] = (0.2, 0.3, 0.8)
    skin = estimate_skin(crop)
    assert not skin[100:150].any() and not skin[400:420, 200:320].any()
    assert skin[165, 257] and skin[315, 175]


@pytest.mark.parametrize(("scale", "origin"), [(0.5, (0.0, 0.0)), (1.25, (0.0, 0.0)), (1.0, (40.0, 24.0))])
def test_estimate_follows_scale_and_origin(make_skin: Callable, scale: float, origin: tuple[float, float]) -> None:
    skin = estimate_skin(make_skin("dark", 640), scale=scale, origin=origin)
    assert_no_features(skin, scale, origin)
    for x, y in CHEEKS:
        assert skin[round(y * scale + origin[1]), round(x * scale + origin[0])]


def test_estimate_without_cheeks_in_sight_finds_nothing(make_skin: Callable) -> None:
    assert not estimate_skin(make_skin(side=64), origin=(-2000.0, -2000.0)).any()


def test_estimate_on_a_portrait_leaves_eyes_and_mouth_out() -> None:
    data = pytest.importorskip("skimage.data", reason="scikit-image brings the test portrait")
    portrait = np.ascontiguousarray(data.astronaut()[..., :3])
    landmarks = [[204.1, 100.1], [246.8, 102.7], [224.5, 128.8], [201.5, 139.0], [244.8, 141.5]]
    box = np.array([178.6, 58.8, 267.8, 171.4], np.float32)
    face = Face(box=box, landmarks=np.array(landmarks, np.float32), score=1.0)
    skin = estimate_skin(align(portrait, face).pixels)
    assert_no_features(skin)
    assert all(skin[y, x] for x, y in CHEEKS)
    assert not skin[:60].any() and not skin[:, :60].any() and not skin[:, 452:].any()


def test_spots_are_sought_away_from_features(points: np.ndarray) -> None:
    area = spot_area_from_landmarks(points, (512, 512))
    for name, (x, y) in FEATURES.items():
        assert not area[y, x], name
    for x in (193, 319):
        assert not area[222, x], "between brow and eye"
        assert not area[240 + 14 + 11, x], "lower lid"
    assert not area[372 + 22 + 6, 257] and not area[322, 232 + 12 + 6]
    for x, y in (*CHEEKS, (256, 150), (256, 280), (256, 440)):
        assert area[y, x]
    small = spot_area_from_landmarks(points / 2, (256, 256), scale=0.5)
    assert (small != area[::2, ::2]).mean() < 0.015


def test_without_landmarks_the_rim_of_skin_is_left_out() -> None:
    skin = np.zeros((100, 100), bool)
    skin[20:80, 20:80] = True
    area = spot_area(skin)
    assert area[28:72, 28:72].all() and area.sum() == 46 * 46
    assert spot_area(skin, scale=2.0).sum() == 32 * 32


@pytest.mark.parametrize("tone", ["light", "medium", "dark"])
def test_hair_is_found_and_a_mole_is_not(make_skin: Callable, tone: str) -> None:
    rgb = make_skin(tone, 256)
    rgb[:, :60] = (0.06, 0.05, 0.045)
    rgb[150:155, 150:155] = (0.1, 0.06, 0.05)
    hair = find_hair(rgb, np.ones((256, 256), bool))
    assert hair[:, :55].all() and not hair[:, 75:].any()
    assert not find_hair(rgb, np.zeros((256, 256), bool)).any()


def test_estimate_keeps_marks_on_the_cheeks(make_skin: Callable, disc: Callable) -> None:
    crop = make_skin("light", 512)
    crop[disc(512, 175, 330, 9)] = (0.75, 0.25, 0.25)
    assert estimate_skin(crop)[330, 175]
    crop[disc(512, 175, 330, 30)] = (0.75, 0.25, 0.25)
    assert not estimate_skin(crop)[330, 175]
