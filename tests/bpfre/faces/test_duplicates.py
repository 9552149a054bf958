from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bpfre.faces import Face
from bpfre.faces.duplicates import drop_duplicates, intersection

MakeFace = Callable[..., Face]


def test_the_surest_of_alike_boxes_stays(make_face: MakeFace) -> None:
    sure, unsure = make_face(100, (200, 200)), replace(make_face(110, (206, 196)), score=0.8)
    assert drop_duplicates([unsure, sure]) == [sure]


def test_a_box_cut_off_by_a_tile_is_the_same_face(make_face: MakeFace) -> None:
    whole = make_face(100, (200, 200))
    cut = replace(whole, box=whole.box * [1, 1, 1, 0] + [0, 0, 0, 185], score=0.7)
    assert intersection(whole, cut)[0] < 0.4
    assert drop_duplicates([cut, whole]) == [whole]


def test_a_small_face_before_a_large_one_is_another_face(make_face: MakeFace) -> None:
    large, small = make_face(300, (200, 200)), make_face(60, (250, 290))
    assert intersection(large, small)[1] == pytest.approx(1)
    assert len(drop_duplicates([large, small])) == 2


def test_neighbours_stay(make_face: MakeFace) -> None:
    assert len(drop_duplicates(make_face(100, (x, 100)) for x in (100, 170, 240))) == 3


def test_boxes_without_area_do_not_break_it(make_face: MakeFace) -> None:
    empty = replace(make_face(100, (100, 100)), box=np.zeros(4, np.float32))
    assert len(drop_duplicates([empty, make_face(100, (100, 100))])) == 2
