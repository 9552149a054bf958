"""What the shipped weights are trained and measured with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import bpfre.weights
from bpfre.blemishes import read_labels
from bpfre.training import read_patterns
from bpfre.training.data import held_out

FOLDER = Path(bpfre.weights.__file__).parent
BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "real_skin"


def test_nobody_who_is_measured_is_labelled_for_training() -> None:
    labels = read_labels(FOLDER / "starter-labels.json")
    patterns = read_patterns(FOLDER / "starter-holdout.txt")
    assert len(labels.photos) >= 80
    assert not [photo.photo for photo in labels.photos if held_out(photo.photo, patterns)]
    measured = {photo.photo for photo in read_labels(BENCHMARK / "labels.json").photos}
    assert all(held_out(photo, patterns) for photo in measured)


def test_labels_have_marks_of_both_sorts_on_the_photo() -> None:
    photos = read_labels(FOLDER / "starter-labels.json").photos
    assert sum(len(photo.temporary) for photo in photos) > 200
    assert sum(len(photo.permanent) for photo in photos) > 150
    for photo in photos:
        for place in (*photo.marks, *photo.doubtful):
            assert 0 <= place.x < 1350 and 0 <= place.y < 1800 and 1 <= place.radius <= 20, (photo.photo, place)


@pytest.mark.skipif(shutil.which("sh") is None, reason="The recipe is a shell script, and there is no sh here.")
def test_the_recipe_trains_five_rounds_each_from_the_one_before(tmp_path: Path) -> None:
    faces, out = tmp_path / "faces", tmp_path / "out"
    for labelled in read_labels(FOLDER / "starter-labels.json").photos[:2]:
        photo = faces / labelled.photo
        photo.parent.mkdir(parents=True, exist_ok=True)
        photo.touch()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = ["sh", str(FOLDER / "starter.sh"), str(faces), str(out), "--dry-run"]
    shown = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=True).stdout
    rounds = [yaml.safe_load("data:" + part.partition("\n\n")[0]) for part in shown.split("data:")[1:]]
    assert [each["train"]["steps"] for each in rounds] == [4900, 2500, 3200, 1600, 1000]
    assert [each["train"]["apart"] for each in rounds] == [False, False, True, True, True]
    assert rounds[0]["data"]["init"] is None
    assert [Path(each["data"]["init"]) for each in rounds[1:]] == [
        out / f"round{number}" / "last.safetensors" for number in (1, 2, 3, 4)
    ]
    assert all(Path(each["data"]["labels"]).is_file() for each in rounds)
    assert not out.exists()
