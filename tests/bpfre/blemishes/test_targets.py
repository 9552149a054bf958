"""Targets from labels and by judgement, and what is noted of marks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bpfre.blemishes import KEPT, PLAIN, UNKNOWN, Mark, Place, draw_marks, heal_judged, heal_labelled, leave_open

MakeSkin = Callable[..., np.ndarray]
MakeMark = Callable[..., Mark]
Disc = Callable[..., np.ndarray]
SKIN = np.ones((192, 192), bool)
MOLE = {"haemoglobin": 0.02, "melanin": 0.75, "radius": 3.5, "edge": 0.9}


@pytest.fixture
def spotted(make_skin: MakeSkin, make_mark: MakeMark) -> np.ndarray:
    marks = [make_mark(x=50, y=50), make_mark("mole", 130, 60, **MOLE), make_mark(x=60, y=140)]
    return draw_marks(make_skin(), marks)


PLACES = [Place("pimple", 50, 50, 5), Place("mole", 130, 60, 3.5), Place("doubtful", 60, 140, 5)]


def test_labels_say_what_goes_what_stays_and_what_nobody_knows(
    spotted: np.ndarray, make_skin: MakeSkin, disc: Disc
) -> None:
    known = heal_labelled(spotted, SKIN, PLACES, scale=1.0)
    pimple, mole, doubtful = (disc(192, place.x, place.y, place.radius) for place in PLACES)
    bare = make_skin()
    left, was = ((side - bare)[pimple].mean(axis=0) for side in (known.target, spotted))
    assert np.abs(left).max() < 0.2 * np.abs(was).max()
    for stays in (mole, doubtful):
        assert np.array_equal(known.target[stays], spotted[stays])
    assert (known.notes[mole] == KEPT).all() and (known.notes[doubtful] == UNKNOWN).all()
    assert (known.notes[pimple] == PLAIN).all() and (known.notes[:, 170:] == PLAIN).all()


def test_what_looks_like_a_blemish_and_has_no_label_is_unknown(spotted: np.ndarray) -> None:
    known = heal_labelled(spotted, SKIN, PLACES[1:2], scale=1.0)
    assert np.array_equal(known.target, spotted)
    assert known.notes[50, 50] == known.notes[140, 60] == UNKNOWN and known.notes[60, 130] == KEPT
    nowhere = heal_labelled(spotted, SKIN, PLACES[1:2], scale=1.0, area=np.zeros_like(SKIN))
    assert nowhere.notes[50, 50] == nowhere.notes[140, 60] == PLAIN and nowhere.notes[60, 130] == KEPT


def test_sure_marks_are_lifted_off_doubtful_ones_are_not(spotted: np.ndarray) -> None:
    stamps = heal_labelled(spotted, SKIN, PLACES, scale=1.0).stamps
    assert [stamp.keep for stamp in stamps] == [False, True]
    red, brown = (stamp.density[len(stamp.density) // 2, len(stamp.density) // 2] for stamp in stamps)
    assert red[1] > 2.5 * red[0] and brown[0] > 0.1  # haemoglobin leaves red light alone, melanin does not


def test_marks_that_touch_are_not_lifted(spotted: np.ndarray) -> None:
    places = [*PLACES, Place("red mark", 58, 50, 4)]
    assert [stamp.keep for stamp in heal_labelled(spotted, SKIN, places, scale=1.0).stamps] == [True]


def test_a_label_moves_with_its_photo() -> None:
    moved = Place("mole", 10, 20, 3).moved(np.array([[0.0, -2, 5], [2, 0, 7]]))
    assert (moved.x, moved.y, moved.radius) == pytest.approx((-35, 27, 6))


def test_judgement_heals_what_it_takes_for_temporary_and_notes_the_mole(spotted: np.ndarray, disc: Disc) -> None:
    known = heal_judged(spotted, SKIN)
    assert known.notes[60, 130] == KEPT and np.array_equal(known.target[60, 130], spotted[60, 130])
    assert np.abs(known.target - spotted)[disc(192, 50, 50, 3)].mean() > 0.03
    assert known.notes[50, 50] == PLAIN and not known.stamps


def test_without_labels_among_labelled_ones_a_face_says_nothing_of_its_marks(spotted: np.ndarray) -> None:
    known = leave_open(spotted, SKIN)
    assert np.array_equal(known.target, spotted)
    assert all(known.notes[y, x] == UNKNOWN for x, y in ((50, 50), (130, 60), (60, 140)))
    assert (known.notes == UNKNOWN).mean() < 0.2
