from __future__ import annotations

import numpy as np
import pytest

from bpfre.errors import UsageError
from bpfre.faces import Face
from bpfre.retouching import RetouchSettings
from bpfre.retouching.selection import choose_faces

SHAPE = (400, 600, 3)


def face(x: float, y: float, side: float, score: float = 0.99) -> Face:
    box = np.array([x - side / 2, y - side / 2, x + side / 2, y + side / 2], np.float32)
    return Face(box=box, landmarks=np.zeros((5, 2), np.float32), score=score)


FACES = [face(100, 100, 120), face(310, 210, 80), face(500, 300, 90, score=0.6)]  # large, middle, unsure


def chosen(**settings: object) -> list[int]:
    left = choose_faces(FACES, SHAPE, RetouchSettings(**settings))  # type: ignore[arg-type]
    assert all(reason.endswith(".") for reason in left.values())
    return [index for index in range(len(FACES)) if index not in left]


def test_all_by_default() -> None:
    assert chosen() == [0, 1, 2]


def test_the_largest_or_the_one_in_the_middle() -> None:
    assert chosen(faces="largest") == [0]
    assert chosen(faces="center") == [1]


def test_at_most_so_many_the_largest() -> None:
    assert chosen(max_faces=2) == [0, 2]
    assert chosen(max_faces=9) == [0, 1, 2]


def test_unsure_ones_are_left_out_first() -> None:
    assert chosen(min_score=0.7, max_faces=2) == [0, 1]
    assert chosen(min_score=1.0) == []


def test_no_face_is_no_choice() -> None:
    assert choose_faces([], SHAPE, RetouchSettings(faces="largest")) == {}


@pytest.mark.parametrize("wrong", [{"faces": "left"}, {"max_faces": 0}, {"min_score": 1.5}])
def test_values_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        RetouchSettings(**wrong)  # type: ignore[arg-type]


def test_a_score_never_reads_as_what_it_is_below() -> None:
    [reason] = choose_faces([face(0, 0, 90, score=0.99996)], SHAPE, RetouchSettings(min_score=1.0)).values()
    assert reason == "Its score 0.9999 is below 1."
