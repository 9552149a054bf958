"""`bpfre train` as a user meets it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest


def bpfre_train(*arguments: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "COLUMNS": "200"}
    command = [sys.executable, "-m", "bpfre_cli", "train", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


def assert_refused(run: subprocess.CompletedProcess[str], *words: str) -> None:
    assert run.returncode == 2
    assert "Traceback" not in run.stderr
    assert all(word in run.stderr for word in words), run.stderr


def test_nothing_to_train_on(tmp_path: Path) -> None:
    assert_refused(bpfre_train("--out", tmp_path / "run"), "nothing to train on", "--paired", "--unpaired")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("arguments", [("--steps", 0), ("--window", 8), ("--batch-size", "many"), ("--lr", -1)])
def test_values_out_of_range(tmp_path: Path, arguments: tuple[object, ...]) -> None:
    assert_refused(bpfre_train("--unpaired", tmp_path, *arguments), str(arguments[0]))


def test_an_unknown_preset_is_refused_before_photos_are_looked_at(tmp_path: Path) -> None:
    run = bpfre_train("--unpaired", tmp_path / "nowhere", "--preset", "huge", "--out", tmp_path / "run")
    assert_refused(run, "huge", "tiny")


def test_a_folder_without_pairs(tmp_path: Path) -> None:
    run = bpfre_train("--paired", tmp_path, "--out", tmp_path / "run", "--detector", "mtcnn")
    assert_refused(run, "does not hold pairs", "retouched")


def test_trains_on_pairs_to_a_weights_file(tmp_path: Path, write_picture) -> None:
    from bpfre.weights import load_network, read_record

    rng = np.random.default_rng(0)
    for side in ("raw", "retouched"):
        write_picture(tmp_path / "pairs" / side / "a.png", rng.integers(0, 255, (96, 96, 3), np.uint8))
    run = bpfre_train(
        *("--paired", tmp_path / "pairs", "--out", tmp_path / "run", "--detector", "mtcnn", "--device", "cpu"),
        *("--preset", "tiny", "--steps", 2, "--batch-size", 1, "--window", 32, "--workers", 0),
    )
    assert run.returncode == 0, run.stderr
    weights = tmp_path / "run" / "last.safetensors"
    assert str(weights) in run.stdout.replace("\n", "")
    assert load_network(weights).config.preset == "tiny"
    assert read_record(weights)["paired"] == "1"
