"""Real marks lifted off one face and put onto another."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from bpfre.blemishes import Mark, Stamp, draw_marks
from bpfre.blemishes.density import to_density
from bpfre.blemishes.stamps import PlacedStamp, draw_stamps, lift_stamp, place_stamps

MakeSkin = Callable[..., np.ndarray]
MakeMark = Callable[..., Mark]
SKIN = np.ones((192, 192), bool)


@pytest.fixture
def stamp(make_skin: MakeSkin, make_mark: MakeMark) -> Stamp:
    bare = make_skin("light", 192)
    marked = draw_marks(bare, [make_mark(x=96, y=96)])
    lifted = lift_stamp(marked, bare, 96, 96, 16, scale=1.0, keep=False, tone=45.0)
    assert lifted is not None
    return lifted


def put(stamp: Stamp, x: float, y: float, strength: float = 1.0) -> PlacedStamp:
    reach = len(stamp.density) // 2
    return PlacedStamp(stamp, np.array([[1.0, 0, x - reach], [0, 1.0, y - reach]]), strength)


def test_a_stamp_put_back_is_the_mark_again(stamp: Stamp, make_skin: MakeSkin, make_mark: MakeMark) -> None:
    bare = make_skin("light", 192)
    marked = draw_marks(bare, [make_mark(x=96, y=96)])
    assert np.abs(draw_stamps(bare, [put(stamp, 96, 96)]) - marked).max() < 2e-3
    assert np.abs(marked - bare).max() > 0.05


def test_on_dark_skin_it_adds_the_same_density(stamp: Stamp, make_skin: MakeSkin) -> None:
    dark = make_skin("dark", 192, seed=3)
    added = to_density(draw_stamps(dark, [put(stamp, 60, 70, 0.5)])) - to_density(dark)
    middle = len(stamp.density) // 2
    assert added[70, 60] == pytest.approx(0.5 * stamp.density[middle, middle], abs=0.02)


def test_what_no_stamp_reaches_is_exactly_as_it_was(stamp: Stamp, make_skin: MakeSkin) -> None:
    bare = make_skin("medium", 192)
    out = draw_stamps(bare, [put(stamp, 2, 190)])  # over the corner
    far = np.ones((192, 192), bool)
    far[190 - 18 :, : 2 + 18] = False
    assert np.array_equal(out[far], bare[far]) and (out != bare).any()


def test_marks_beside_the_edge_are_not_lifted(make_skin: MakeSkin) -> None:
    bare = make_skin()
    assert lift_stamp(bare, bare, 5, 96, 9, scale=1.0, keep=True, tone=0.0) is None


def test_places_lie_on_skin_at_the_density_asked_for(stamp: Stamp) -> None:
    skin = np.zeros((400, 500), bool)
    skin[100:300, 50:450] = True  # 80 000 px
    rng = np.random.default_rng(1)
    counts = []
    for _ in range(40):
        placed = place_stamps(skin, rng, [stamp], density=25, scale=1.0, tone=45.0)
        counts.append(len(placed))
        for one in placed:
            x, y = one.matrix @ (*np.full(2, len(stamp.density) // 2), 1)
            assert skin[round(y), round(x)]
    assert np.mean(counts) == pytest.approx(20, abs=2.5)


def test_a_larger_face_gets_larger_stamps(stamp: Stamp) -> None:
    rng = np.random.default_rng(0)
    sizes = [
        np.sqrt(abs(np.linalg.det(one.matrix[:, :2])))
        for one in place_stamps(SKIN, rng, [stamp], density=20_000, scale=2.0, tone=45.0)
    ]
    assert 1.4 < min(sizes) < 1.7 and 2.3 < max(sizes) < 2.7


def test_stamps_come_mostly_from_skin_of_a_like_tone(stamp: Stamp) -> None:
    dark = Stamp(stamp.density, 1.0, False, -40.0)
    placed = place_stamps(SKIN, np.random.default_rng(0), [stamp, dark], density=2000, scale=1.0, tone=-30.0)
    assert len(placed) > 400 and sum(one.stamp is dark for one in placed) > 0.9 * len(placed)


@pytest.mark.parametrize(("keep", "tone", "most"), [(False, -35.0, 1.0), (False, 45.0, 0.0), (True, -35.0, 0.0)])
def test_blemishes_of_light_skin_turn_brown_on_dark_skin(stamp: Stamp, keep: bool, tone: float, most: float) -> None:
    lifted = Stamp(stamp.density, 1.0, keep, 45.0)
    placed = place_stamps(SKIN, np.random.default_rng(0), [lifted], density=300, scale=1.0, tone=tone)
    browns = np.array([one.brown for one in placed])
    assert browns.min() >= 0 and browns.max() == pytest.approx(most, abs=0.05)
    assert browns.mean() == pytest.approx(most / 2, abs=0.05)


def test_a_brown_stamp_is_as_dark_and_less_red(stamp: Stamp, make_skin: MakeSkin) -> None:
    bare = make_skin("dark", 192)
    red, brown = (
        draw_stamps(bare, [dataclasses.replace(put(stamp, 96, 96), brown=share)])[90:103, 90:103].mean(axis=(0, 1))
        for share in (0.0, 1.0)
    )
    assert brown[1] > red[1] and brown[0] < red[0]
    grey = cv2.cvtColor(np.array([[red, brown]], np.float32), cv2.COLOR_RGB2GRAY)[0]
    assert grey[0] == pytest.approx(grey[1], abs=0.01)


def test_texture_under_a_stamp_is_kept(stamp: Stamp, make_skin: MakeSkin) -> None:
    bare = make_skin("light", 192, seed=5)
    out = draw_stamps(bare, [put(stamp, 96, 96)])
    under = np.s_[90:103, 90:103]
    fine = [to_density(p)[under] - cv2.GaussianBlur(to_density(p), (0, 0), 1.0)[under] for p in (bare, out)]
    assert np.corrcoef(fine[0].ravel(), fine[1].ravel())[0, 1] > 0.9
