"""What the shipped weights are trained and measured with."""

from __future__ import annotations

from pathlib import Path

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
