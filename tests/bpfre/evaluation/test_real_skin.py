"""Scores tell a good retoucher from a bad one."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from bpfre.blemishes.labels import LabelledPhoto, Place
from bpfre.evaluation.real_skin import (
    Areas,
    PhotoScore,
    areas_of,
    contrast_of,
    draw_places,
    score_photo,
    shares_by_kind,
    summarise,
)
from bpfre.faces import Face
from bpfre.faces.template import FFHQ_512

PIMPLE, MOLE = Place("pimple", 60, 60, 5), Place("mole", 140, 60, 4)
CONTROL, BROW = Place("skin", 60, 130, 5), Place("brow", 140, 130, 5)
LABELLED = LabelledPhoto("p.jpg", "1", (PIMPLE, MOLE), (Place("doubtful", 100, 30, 4),), (CONTROL, BROW))
EVERYWHERE = Areas(*(np.ones((200, 200), bool) for _ in range(3)))


def paint(picture: np.ndarray, place: Place, colour: tuple[int, int, int]) -> None:
    cv2.circle(picture, (round(place.x), round(place.y)), round(place.radius), colour, -1)


@pytest.fixture
def skin() -> np.ndarray:
    """[200, 200, 3] uint8, grainy."""
    noise = np.random.default_rng(5).normal(0, 3, (200, 200, 1))
    return np.clip(np.array([205, 160, 140]) + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def face(skin: np.ndarray) -> np.ndarray:
    picture = skin.copy()
    paint(picture, PIMPLE, (190, 110, 100))
    paint(picture, MOLE, (120, 80, 60))
    return picture


@pytest.fixture
def score(face: np.ndarray) -> Callable[[np.ndarray], PhotoScore]:
    return lambda after: score_photo(face, after, LABELLED, EVERYWHERE)


def test_the_unedited_photo_removes_nothing_and_keeps_all(
    face: np.ndarray, score: Callable[[np.ndarray], PhotoScore]
) -> None:
    summary = summarise([score(face)])
    assert (summary.removed, summary.kept, summary.unchanged) == (0, 1, 1)
    assert (summary.texture, summary.elsewhere) == (1, 0)
    assert (summary.blemishes, summary.permanent, summary.controls) == (1, 1, 2)


def test_a_retoucher_who_takes_the_pimple_alone_is_perfect(
    face: np.ndarray, skin: np.ndarray, score: Callable[[np.ndarray], PhotoScore]
) -> None:
    after = face.copy()
    after[50:71, 50:71] = skin[50:71, 50:71]
    summary = summarise([score(after)])
    assert (summary.removed, summary.kept, summary.unchanged) == (1, 1, 1)


def test_a_retoucher_who_takes_everything_loses_the_mole(
    skin: np.ndarray, score: Callable[[np.ndarray], PhotoScore]
) -> None:
    summary = summarise([score(skin)])
    assert (summary.removed, summary.kept) == (1, 0)


def test_half_of_a_blemish_left_is_not_removed_and_a_third_is(
    face: np.ndarray, skin: np.ndarray, score: Callable[[np.ndarray], PhotoScore]
) -> None:
    for left, removed in ((0.55, 0), (0.3, 1)):
        after = np.rint(left * face + (1 - left) * skin.astype(float)).astype(np.uint8)
        assert summarise([score(after)]).removed == removed


def test_blur_costs_texture_and_changes_everything(face: np.ndarray, score: Callable[[np.ndarray], PhotoScore]) -> None:
    summary = summarise([score(cv2.GaussianBlur(face, (0, 0), 2))])
    assert summary.texture < 0.3 and summary.elsewhere > 1


def test_a_colour_shift_is_seen_at_the_controls(face: np.ndarray, score: Callable[[np.ndarray], PhotoScore]) -> None:
    after = face.copy()
    after[..., 0] -= 9
    assert summarise([score(after)]).unchanged == 0


def test_one_changed_control_of_two_is_half(face: np.ndarray, score: Callable[[np.ndarray], PhotoScore]) -> None:
    after = face.copy()
    paint(after, BROW, (60, 60, 60))
    changed = score(after)
    assert summarise([changed]).unchanged == 0.5
    assert shares_by_kind([changed])["brow"] == (1, 0.0) and shares_by_kind([changed])["skin"] == (1, 1.0)


def test_the_areas_keep_away_from_marks_and_lie_in_the_face() -> None:
    rows, columns = np.mgrid[0:512, 0:512]
    skin = np.array([205, 160, 140]) + np.random.default_rng(0).normal(0, 2, (512, 512, 1))
    face = Face(box=np.array([110, 120, 402, 470], np.float32), landmarks=FFHQ_512.astype(np.float32), score=1.0)
    mole, pimple = Place("mole", 330, 310, 4), Place("pimple", 180, 310, 5)
    labelled = LabelledPhoto("p.jpg", "1", (mole, pimple), (), ())
    areas = areas_of(skin.astype(np.uint8), face, labelled)
    for place, in_skin in ((mole, True), (pimple, False)):
        disc = np.hypot(columns - place.x, rows - place.y) <= place.radius
        assert areas.skin[disc].any() == in_skin and not areas.outside[disc].any()
    assert areas.skin.sum() > 20_000 and areas.outside.sum() > 90_000
    assert not areas.face[:100].any() and not areas.skin[:100].any()
    assert not (areas.outside & ~areas.face).any()


def test_a_drawn_place_holds_its_rim_and_no_more() -> None:
    drawn = draw_places([Place("mole", 20.5, 10, 4)], (40, 60))
    assert drawn[10, 29] and not drawn[10, 31] and drawn.sum() == pytest.approx(np.pi * 9.4**2, rel=0.05)


def test_contrast_is_that_of_the_mark(face: np.ndarray) -> None:
    from bpfre.evaluation.contrast import to_lab

    assert contrast_of(to_lab(face), MOLE) > 20 and contrast_of(to_lab(face), CONTROL) < 1
