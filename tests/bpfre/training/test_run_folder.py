from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from bpfre.errors import UsageError
from bpfre.training import DataConfig, RunConfig, RunFolder, recipe
from bpfre.training.run_folder import read_rows, write_rows

RUN = RunConfig(data=DataConfig(unpaired=("/wild",)), train=recipe("tiny"))


def test_a_new_folder_is_claimed_and_claimed_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert folder.stored_config() is None
    folder.claim(RUN)
    folder.claim(RUN)
    assert folder.stored_config() == RUN


@pytest.mark.parametrize("section", ["train", "data"])
def test_another_run_is_refused_and_the_difference_named(tmp_path: Path, section: str) -> None:
    folder = RunFolder(tmp_path)
    folder.claim(RUN)
    other = (
        dataclasses.replace(RUN, train=dataclasses.replace(RUN.train, seed=5))
        if section == "train"
        else dataclasses.replace(RUN, data=DataConfig(unpaired=("/other",)))
    )
    with pytest.raises(UsageError) as caught:
        folder.claim(other)
    assert ("seed: 0 there, 5 here" if section == "train" else "/other") in caught.value.message
    assert folder.stored_config() == RUN


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    (tmp_path / ".bpfre-0123456789abcdef.part").write_bytes(b"half")
    (tmp_path / "notes.part").write_bytes(b"the user's")
    folder.claim(RUN)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "notes.part"]


def test_the_environment_and_the_split_are_written_down(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.describe(device="cpu", processes=2, precision="no", training=["a.png"], kept=["b.png", "c.png"])
    environment = json.loads(folder.environment.read_text())
    assert environment["processes"] == 2 and set(environment["packages"]) >= {"torch", "numpy", "accelerate"}
    assert json.loads(folder.split.read_text()) == {"training": ["a.png"], "validation": ["b.png", "c.png"]}


def test_rows_are_read_and_broken_ones_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert read_rows(path) == []
    write_rows(path, [{"step": 0, "loss": 1.0}, {"step": 1, "loss": 2.0}, {"step": 2}])
    with path.open("a") as file:
        file.write('[]\n{"loss": 1}\n{"step": 1, "lo')
    assert [row["step"] for row in read_rows(path)] == [0, 1, 2]
