"""The labels of real skin are sound, and the benchmark runs on them."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bpfre.blemishes.labels import CONTROLS, TONES, LabelledPhoto, Labels, read_labels
from bpfre.evaluation.contrast import to_lab
from bpfre.evaluation.real_skin import contrast_of, draw_places
from bpfre.photos import read_photo
from bpfre.training.data import held_out, read_patterns

ROOT = Path(__file__).parents[2]
FACES = ROOT / ".." / "shared" / "faces"
HOLD_OUT = read_patterns(ROOT / "models" / "bpfre" / "weights" / "starter-holdout.txt")
VISIBLE = 2.5  # least contrast of a scored mark, Lab; at 1.5 it counts as removed

needs_faces = pytest.mark.skipif(not FACES.is_dir(), reason="the labelled photographs are not beside the project")


@pytest.fixture(scope="module")
def labels() -> Labels:
    return read_labels(ROOT / "benchmarks" / "real_skin" / "labels.json")


@pytest.fixture(scope="module")
def tuning() -> Labels:
    return read_labels(ROOT / "benchmarks" / "real_skin" / "tuning.json")


def test_everyone_measured_is_kept_out_of_training(labels: Labels) -> None:
    assert [p.photo for p in labels.photos if not held_out(Path(p.photo), HOLD_OUT)] == []


def test_methods_are_tuned_on_other_people_whom_no_training_sees(labels: Labels, tuning: Labels) -> None:
    assert not {p.person for p in labels.photos} & {p.person for p in tuning.photos}
    assert all(held_out(Path(p.photo), HOLD_OUT) for p in tuning.photos)


def test_there_are_enough_people_marks_and_controls(labels: Labels) -> None:
    people = {p.person for p in labels.photos if p.photo.startswith("london/")}
    assert len(people) >= 18 and set(labels.typology) == people
    for person in people:
        assert {Path(p.photo).parent.name for p in labels.photos if p.person == person} == {"neutral", "smiling"}
    assert sum(len(p.marks) for p in labels.photos) >= 200
    assert sum(len(p.permanent) for p in labels.photos) >= 50
    assert sum(len(p.temporary) for p in labels.photos) >= 100
    controls = Counter(control.kind for p in labels.photos for control in p.controls)
    assert sum(controls.values()) >= 300 and set(controls) <= set(CONTROLS)
    assert min(controls[kind] for kind in ("skin", "brow", "nostril", "lip edge", "eyelash", "stubble")) >= 40


def test_every_third_of_skin_tones_has_marks_of_both_sorts(labels: Labels) -> None:
    tones = labels.tones()
    for tone in TONES:
        of_tone = [p for p in labels.photos if tones[p.person] == tone]
        assert len({p.person for p in of_tone}) >= 6
        assert sum(len(p.temporary) for p in of_tone) >= 20 and sum(len(p.permanent) for p in of_tone) >= 20


def test_a_photo_comes_once_and_a_place_once(labels: Labels) -> None:
    assert len({p.photo for p in labels.photos}) == len(labels.photos)
    for p in labels.photos:
        centres = [(place.x, place.y) for place in (*p.marks, *p.doubtful, *p.controls)]
        assert len(set(centres)) == len(centres)


def test_controls_lie_away_from_marks_that_may_go(labels: Labels) -> None:
    for p in labels.photos:
        for control in p.controls:
            for mark in (*p.temporary, *p.doubtful):
                apart = math.hypot(control.x - mark.x, control.y - mark.y)
                assert apart > mark.radius + control.radius, (p.photo, control, mark)


@needs_faces
def test_every_place_lies_in_its_photo_and_every_scored_mark_is_visible(labels: Labels) -> None:
    for p in labels.photos:
        assert faint_or_outside(p) == [], p.photo


def faint_or_outside(p: LabelledPhoto) -> list[object]:
    lab = to_lab(np.asarray(read_photo(FACES / p.photo).rgb))
    height, width = lab.shape[:2]
    places = (*p.marks, *p.doubtful, *p.controls)
    wrong: list[object] = [s for s in places if not (20 < s.x < width - 20 and 20 < s.y < height - 20)]
    for mark in p.marks:
        others = draw_places((m for m in (*p.marks, *p.doubtful) if m is not mark), lab.shape)
        if contrast_of(lab, mark, ignore=others) < VISIBLE:
            wrong.append(mark)
    return wrong


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    script = ROOT / "benchmarks" / "real_skin.py"
    return subprocess.run([sys.executable, str(script), *map(str, arguments)], capture_output=True, text=True)


@needs_faces
def test_the_benchmark_measures_a_photo(tmp_path: Path) -> None:
    figures = tmp_path / "out" / "figures.json"
    done = run(FACES, "--only", "london/smiling/044_08.jpg", "--second-pass", "--json", figures)
    assert done.returncode == 0, done.stderr
    assert "044_08" in done.stdout and "classical" in done.stdout and "second pass" in done.stdout
    data = json.loads(figures.read_text())
    unedited = data["overall"]["unedited"]
    assert (unedited["removed"], unedited["kept"], unedited["unchanged"], unedited["elsewhere"]) == (0, 1, 1, 0)
    assert data["overall"]["refined"]["elsewhere"] > 0
    assert set(data["overall"]) == {"unedited", "classical", "coarse", "refined"}


def test_a_folder_without_the_photos_is_a_sentence_and_no_traceback(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 2 and "does not hold" in " ".join(done.stdout.split()) and not done.stderr
