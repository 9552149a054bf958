"""Reading labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bpfre.blemishes.labels import Place, read_labels
from bpfre.errors import DataError


def document(**changes: Any) -> dict[str, Any]:
    photo = {
        "photo": "a/1.jpg",
        "person": "1",
        "marks": [["mole", 10, 20.5, 3], ["pimple", 30, 40, 4]],
        "doubtful": [["doubtful", 1, 2, 3]],
        "controls": [["brow", 5, 6, 4]],
    }
    return {"typology": {"1": 50.0}, "photos": [photo | changes]}


def read(tmp_path: Path, data: object) -> Any:
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(data))
    return read_labels(path)


def test_marks_are_parted_by_what_is_to_happen_to_them(tmp_path: Path) -> None:
    (photo,) = read(tmp_path, document()).photos
    assert photo.permanent == (Place("mole", 10, 20.5, 3),)
    assert photo.temporary == (Place("pimple", 30, 40, 4),)
    assert photo.doubtful[0].kind == "doubtful" and photo.controls[0].kind == "brow"


def test_people_are_split_into_thirds_from_light_to_dark(tmp_path: Path) -> None:
    data = document()
    data["typology"] = {"1": -20, "2": 70, "3": 40, "4": 60, "5": 20, "6": 45, "7": 65}
    tones = read(tmp_path, data).tones()
    assert tones["2"] == tones["7"] == tones["4"] == "lightest"
    assert tones["6"] == tones["3"] == "middle"
    assert tones["5"] == tones["1"] == "darkest"


@pytest.mark.parametrize(
    "data",
    [
        [],
        {},
        document(marks=[["wart", 1, 2, 3]]),
        document(marks=[["mole", 1, 2]]),
        document(marks=[["mole", 1, 2, 0]]),
        document(marks=[["mole", 1, 2, float("nan")]]),
        document(controls=[["mole", 1, 2, 3]]),
        document(person="2"),
    ],
)
def test_what_is_no_label_file_is_refused_with_a_sentence(tmp_path: Path, data: object) -> None:
    with pytest.raises(DataError, match=r"labels\.json does not hold labels"):
        read(tmp_path, data)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        read_labels(tmp_path / "none.json")
