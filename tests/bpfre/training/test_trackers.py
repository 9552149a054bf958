from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from bpfre.training import RunFolder
from bpfre.training import trackers as module
from bpfre.training.trackers import Tracker


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_that_goes_on_drops_the_rows_it_does_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    tracker = Tracker(folder, 0)
    for step in range(5):
        tracker.step(step, {"loss": float(step)})
        tracker.validation(step + 1, {"refined": {"score": float(step)}})
    tracker.close()
    again = Tracker(folder, 3)
    again.close()
    assert [row["step"] for row in rows(folder.metrics)] == [0, 1, 2]
    assert [row["step"] for row in rows(folder.validation)] == [1, 2, 3]
    assert again.losses == [0.0, 1.0, 2.0] and len(again.validations) == 3
    assert (tracker.repeated, again.repeated, Tracker(folder, 3).repeated) == (0, 2, 0)


def test_what_is_no_number_is_null_in_the_rows_and_no_loss_to_compare_with(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    tracker = Tracker(folder, 0)
    tracker.step(0, {"loss": math.nan})
    tracker.step(1, {"loss": 1.0})
    tracker.close()
    assert rows(folder.metrics)[0] == {"step": 0, "loss": None}
    assert Tracker(folder, 2).losses == [1.0]


def test_rows_are_on_disk_at_once(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    tracker = Tracker(folder, 0)
    tracker.step(0, {"loss": 1.0})
    assert rows(folder.metrics) == [{"step": 0, "loss": 1.0}]
    tracker.close()


def test_without_tensorboard_the_rows_remain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "has_tensorboard", lambda: False)
    folder = RunFolder(tmp_path)
    tracker = Tracker(folder, 0)
    tracker.step(0, {"loss": 1.0})
    tracker.close()
    assert not folder.tensorboard.exists() and len(rows(folder.metrics)) == 1
