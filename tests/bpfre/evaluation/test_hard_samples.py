"""Scores of hard photos count what can be seen, and tell doing less from smearing."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from bpfre.blemishes.labels import LabelledPhoto, Place
from bpfre.evaluation.degradations import Degraded
from bpfre.evaluation.hard_samples import (
    Bounds,
    HardPhoto,
    Sample,
    cut_to_head,
    level_of,
    make_hard,
    score_hard,
    take_along,
)
from bpfre.faces import Face
from bpfre.faces.template import FFHQ_512

SHIFT = np.array([300, 200])  # of the face in its photo
PIMPLE, MOLE, CONTROL = Place("pimple", 180, 310, 5), Place("mole", 330, 310, 4), Place("skin", 256, 180, 5)
FAINT = Place("red mark", 250, 440, 4)


def shifted(place: Place) -> Place:
    return dataclasses.replace(place, x=place.x + SHIFT[0], y=place.y + SHIFT[1])


LABELLED = LabelledPhoto("p.jpg", "1", (*map(shifted, (PIMPLE, MOLE, FAINT)),), (), (shifted(CONTROL),))


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """[900, 1100, 3] uint8: grainy skin with a pimple, a mole and a faint mark."""
    rng = np.random.default_rng(2)
    picture = np.array([205.0, 160, 140]) + np.zeros((900, 1100, 1))
    for place, colour in ((PIMPLE, (190, 110, 100)), (MOLE, (120, 80, 60)), (FAINT, (206, 157, 138))):
        there = shifted(place)
        cv2.circle(picture, (round(there.x), round(there.y)), round(place.radius), colour, -1)
    return np.clip(picture + rng.normal(0, 3, (900, 1100, 1)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def sample(photo: np.ndarray) -> Sample:
    box = np.array([110, 120, 402, 470], np.float32) + np.tile(SHIFT, 2).astype(np.float32)
    return cut_to_head(photo, Face(box, (FFHQ_512 + SHIFT).astype(np.float32), 1.0), LABELLED)


@pytest.fixture
def easy(sample: Sample) -> HardPhoto:
    return make_hard(sample, "harsh JPEG", 0.0)


def test_a_photo_is_cut_to_the_head_and_its_labels_go_along(photo: np.ndarray, sample: Sample) -> None:
    height, width = sample.rgb.shape[:2]
    assert 650 < width < 800 and 650 < height < 800
    for before, after in zip(LABELLED.marks, sample.labelled.marks, strict=True):
        assert (sample.rgb[round(after.y), round(after.x)] == photo[round(before.y), round(before.x)]).all()
    x, y = sample.to_template @ (sample.labelled.marks[0].x, sample.labelled.marks[0].y, 1)
    assert (x, y) == pytest.approx((PIMPLE.x, PIMPLE.y), abs=0.1)


def test_what_is_too_faint_is_not_scored(easy: HardPhoto) -> None:
    assert [mark.kind for mark in easy.labelled.marks] == ["pimple", "mole"]
    assert len(easy.labelled.controls) == 1


def test_what_is_hidden_is_not_scored_and_no_texture_is_measured_there(sample: Sample) -> None:
    pimple = sample.labelled.marks[0]
    cover = np.zeros(sample.rgb.shape[:2], bool)
    cover[:, : round(pimple.x)] = True
    hard = take_along(sample, Degraded(sample.rgb, cover))
    assert [mark.kind for mark in hard.labelled.marks] == ["mole"]
    assert hard.areas.skin.any() and not hard.areas.skin[:, : round(pimple.x) + 5].any()
    assert (hard.areas.outside & cover).any()


def test_places_and_areas_shrink_with_the_photo(sample: Sample) -> None:
    hard = make_hard(sample, "low resolution", 0.5)
    factor = hard.rgb.shape[1] / sample.rgb.shape[1]
    mole = next(mark for mark in hard.labelled.marks if mark.kind == "mole")
    assert mole.radius == pytest.approx(MOLE.radius * factor, rel=0.02)
    assert hard.rgb[round(mole.y), round(mole.x), 0] < 160
    assert hard.areas.face.shape == hard.rgb.shape[:2]
    assert hard.areas.face.sum() == pytest.approx(sample.areas.face.sum() * factor**2, rel=0.03)


def test_doing_nothing_is_within_the_bounds(easy: HardPhoto) -> None:
    level = level_of(0.0, [score_hard(easy, easy.rgb, found=False)])
    assert level.violations(Bounds()) == []
    assert (level.found, level.summary.removed, level.summary.kept, level.summary.texture) == (0, 0, 1, 1)
    assert level.covered is None


def test_taking_the_pimple_alone_is_within_the_bounds(easy: HardPhoto) -> None:
    pimple, after = easy.labelled.marks[0], easy.rgb.copy()
    x, y = round(pimple.x), round(pimple.y)
    after[y - 7 : y + 8, x - 7 : x + 8] = after[y + 30 : y + 45, x - 7 : x + 8]
    level = level_of(0.0, [score_hard(easy, after, found=True)])
    assert level.summary.removed == 1 and level.violations(Bounds()) == []


def test_smearing_is_not(easy: HardPhoto) -> None:
    level = level_of(0.0, [score_hard(easy, cv2.GaussianBlur(easy.rgb, (0, 0), 1.5), found=True)])
    said = " ".join(level.violations(Bounds()))
    assert "texture" in said and "elsewhere" in said


def test_a_shift_of_colour_is_not(easy: HardPhoto) -> None:
    level = level_of(0.0, [score_hard(easy, easy.rgb + np.uint8(2), found=True)])
    assert level.violations(Bounds()) == ["elsewhere 2.000", "a photo's elsewhere 2.000"]


def test_one_smeared_photo_of_many_is_not(easy: HardPhoto) -> None:
    good = score_hard(easy, easy.rgb, found=True)
    bad = score_hard(easy, cv2.GaussianBlur(easy.rgb, (0, 0), 0.8), found=True)
    level = level_of(0.0, [*[good] * 19, bad])
    assert level.summary.texture > 0.95
    assert level.violations(Bounds())[0].startswith("a photo's texture")


def test_retouching_the_thing_before_the_face_is_not(sample: Sample) -> None:
    hard = make_hard(sample, "mask", 2 / 3)
    after = hard.rgb.copy()
    after[hard.cover] = np.clip(after[hard.cover].astype(int) - 3, 0, 255)
    level = level_of(0.0, [score_hard(hard, after, found=True)])
    assert level.covered == pytest.approx(3, abs=0.1) and "covered 3.0" in " ".join(level.violations(Bounds()))


def test_a_figure_that_is_no_number_holds_nowhere(easy: HardPhoto) -> None:
    level = level_of(0.0, [score_hard(easy, easy.rgb, found=True)])
    broken = dataclasses.replace(level, summary=dataclasses.replace(level.summary, texture=float("nan")))
    assert broken.violations(Bounds()) == ["texture nan"]
