"""`bpfre train` as a user meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bpfre.training import RunFolder, read_config
from bpfre.weights import load_network, read_record

Write = Callable[[Path, np.ndarray], Path]
QUICK = ("--preset", "tiny", "--device", "cpu", "--detector", "mtcnn", "--workers", 0, "--phi", "none")
TWO_STEPS = (*QUICK, "--steps", 2, "--batch-size", 1)


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "COLUMNS": "200"}


def bpfre_train(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bpfre_cli", "train", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=240, check=False, cwd=cwd)


def assert_refused(run: subprocess.CompletedProcess[str], *words: str) -> None:
    assert run.returncode == 2
    assert "Traceback" not in run.stderr
    assert all(word in run.stderr for word in words), run.stderr


def write_pairs(write: Write, raw: Path, retouched: Path, *, count: int = 4, names: str = "{}.png") -> None:
    """Pairs of aligned crops: plain skin, with and without spots."""
    import cv2

    for index in range(count):
        rng = np.random.default_rng(index)
        clean = np.clip(rng.normal(150, 12, (96, 96, 3)), 0, 255).astype(np.uint8)
        spotted = clean.copy()
        for x, y in rng.integers(20, 76, (5, 2)).tolist():
            cv2.circle(spotted, (x, y), 3, (150, 70, 60), -1)
        write(raw / names.format(index), spotted)
        write(retouched / names.format(index), clean)


@pytest.fixture
def pairs(tmp_path: Path, write_picture: Write) -> Path:
    root = tmp_path / "pairs"
    write_pairs(write_picture, root / "raw", root / "retouched")
    return root


def test_nothing_to_train_on(tmp_path: Path) -> None:
    assert_refused(bpfre_train("--out", tmp_path / "run"), "nothing to train on", "--paired", "--unpaired")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--steps", 0),
        ("--window", 8),
        ("--batch-size", "many"),
        ("--lr", -1),
        ("--paired-fraction", 2),
        ("--set", "nonsense=1"),
        ("--set", "steps=many"),
        ("--phi", "vgg16"),
        ("--precision", "fp8"),
        ("--size", 100),
    ],
)
def test_values_out_of_range(pairs: Path, tmp_path: Path, arguments: tuple[object, ...]) -> None:
    run = bpfre_train("--paired", pairs, *arguments, "--out", tmp_path / "run")
    assert_refused(run)
    assert run.stderr.strip() and not (tmp_path / "run").exists()


def test_an_unknown_preset_is_refused_before_photos_are_looked_at(tmp_path: Path) -> None:
    run = bpfre_train("--unpaired", tmp_path / "nowhere", "--preset", "huge", "--out", tmp_path / "run")
    assert_refused(run, "huge", "tiny")


def test_a_folder_without_pairs(tmp_path: Path) -> None:
    run = bpfre_train("--paired", tmp_path, "--out", tmp_path / "run", "--detector", "mtcnn")
    assert_refused(run, "retouched", "ffhqr")


def test_a_second_folder_needs_a_first(tmp_path: Path) -> None:
    assert_refused(bpfre_train(tmp_path, "--unpaired", tmp_path), "--paired RAW RETOUCHED")


def test_trains_on_pairs_to_a_weights_file(pairs: Path, tmp_path: Path) -> None:
    run = bpfre_train("--paired", pairs, "--out", tmp_path / "run", *TWO_STEPS)
    assert run.returncode == 0, run.stderr
    folder = RunFolder(tmp_path / "run")
    assert str(folder.last) in run.stdout.replace("\n", "")
    assert load_network(folder.last).config.preset == "tiny"
    record = read_record(folder.last)
    assert (record["phi"], record["detector"], record["raw"]) == ("none", "mtcnn", "0") and int(record["pair"]) >= 3
    assert str(tmp_path) not in json.dumps(record)  # weights travel, paths stay


def test_a_run_can_start_from_weights(pairs: Path, tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path / "first"), RunFolder(tmp_path / "second")
    assert bpfre_train("--paired", pairs, "--out", first.root, *TWO_STEPS).returncode == 0
    still = (*TWO_STEPS, "--lr", 0, "--seed", 7)
    run = bpfre_train("--paired", pairs, "--out", second.root, *still, "--init", first.last)
    assert run.returncode == 0, run.stderr
    before, after = load_file(first.last), load_file(second.last)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert len(read_record(second.last)["init"]) == 64
    other = bpfre_train("--paired", pairs, "--out", tmp_path / "third", *TWO_STEPS, "--init", "starter")
    assert_refused(other, "another network", "--init")
    missing = bpfre_train("--paired", pairs, "--out", tmp_path / "third", *TWO_STEPS, "--init", tmp_path / "none")
    assert missing.returncode == 1 and "no weights at" in missing.stderr


def test_the_shipped_weights_can_be_taught(pairs: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "taught")
    still = ("--steps", 1, "--batch-size", 1, "--window", 64, "--lr", 0, "--phi", "none")
    run = bpfre_train("--paired", pairs, "--init", "starter", "--out", folder.root, *still)
    assert run.returncode == 0, run.stderr
    shipped, taught = load_network("starter"), load_network(folder.last)
    assert taught.config == shipped.config
    assert all(torch.equal(value, taught.state_dict()[name]) for name, value in shipped.state_dict().items())


def test_two_folders_are_a_raw_and_a_retouched_side(tmp_path: Path, write_picture: Write) -> None:
    write_pairs(write_picture, tmp_path / "before", tmp_path / "after")
    run = bpfre_train("--paired", tmp_path / "before", tmp_path / "after", "--out", tmp_path / "run", *TWO_STEPS)
    assert run.returncode == 0, run.stderr
    stored = RunFolder(tmp_path / "run").stored_config()
    assert stored is not None and stored.data.paired == (str(tmp_path / "before"), str(tmp_path / "after"))


def test_a_dry_run_shows_settings_data_and_cost_and_writes_nothing(pairs: Path, tmp_path: Path) -> None:
    run = bpfre_train("--paired", pairs, "--preset", "paper", "--dry-run", "--set", "cons_refine=7", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "cons_refine: 7.0" in run.stdout and str(pairs) in run.stdout
    assert "detector: auto" not in run.stdout and "phi is picked when the run starts" in run.stdout
    assert "M parameters" in run.stdout and "GFLOP" in run.stdout and "discriminator" in run.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["pairs"]


def test_a_runs_configuration_repeats_it(pairs: Path, tmp_path: Path) -> None:
    first = bpfre_train("--paired", pairs, "--out", tmp_path / "run", *TWO_STEPS, "--set", "blem_coarse=0.5")
    assert first.returncode == 0, first.stderr
    again = bpfre_train("--config", tmp_path / "run" / "config.yaml", "--device", "cpu", "--workers", 0)
    assert again.returncode == 0, again.stderr
    one, two = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "run-repeat")
    assert read_config(one.config) == read_config(two.config)
    assert read_record(one.last) == read_record(two.last)
    first_weights, second_weights = load_file(one.last), load_file(two.last)
    assert all(torch.equal(value, second_weights[name]) for name, value in first_weights.items())


def test_a_broken_file_is_reported_and_skipped(pairs: Path, tmp_path: Path) -> None:
    (pairs / "raw" / "1.png").write_bytes(b"no picture")
    run = bpfre_train("--paired", pairs, "--out", tmp_path / "run", *TWO_STEPS)
    assert run.returncode == 0, run.stderr
    assert "1.png" in run.stderr and "Traceback" not in run.stderr


def test_the_three_commands_as_written_in_one_folder(
    tmp_path: Path, write_picture: Write, portrait: np.ndarray
) -> None:
    """With `ffhqr/` laid out as FFHQ and FFHQR are distributed."""
    import cv2

    for index in range(4):
        rng = np.random.default_rng(index)
        clean = cv2.resize(np.clip(rng.normal(150, 12, (64, 64, 3)), 0, 255).astype(np.uint8), (512, 512))
        spotted = clean.copy()
        for x, y in rng.integers(100, 400, (9, 2)).tolist():
            cv2.circle(spotted, (x, y), 6, (150, 70, 60), -1)
        name = f"00000/{index:05d}.png"
        write_picture(tmp_path / "ffhqr" / "images1024x1024" / name, spotted)
        alpha = np.full((512, 512, 1), 255, np.uint8)
        target = tmp_path / "ffhqr" / "ffhqr" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(target), np.concatenate([clean[..., ::-1], alpha], axis=2))
    write_picture(tmp_path / "wild" / "portrait.png", portrait)
    words = [sys.executable, "-m", "bpfre_cli", "train", "--paired", "ffhqr/", "--unpaired", "wild/"]
    process = subprocess.Popen(
        words, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    folder = RunFolder(tmp_path / "run")
    deadline = time.monotonic() + 200
    steps = 0
    while steps < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
        steps = len(folder.metrics.read_text().splitlines()) if folder.metrics.is_file() else 0
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert steps >= 2, out + err
    assert process.returncode == 130 and "Stopped" in err and "Traceback" not in err
    done = int(read_record(folder.last)["steps"])  # far from the first checkpoint of the recipe
    assert done >= steps and len(folder.metrics.read_text().splitlines()) == done
    assert f"{done} of " in out and "done and saved" in out and folder.state.is_file()
    split = json.loads(folder.split.read_text())
    assert len(split["training"]) + len(split["validation"]) == 5

    write_picture(tmp_path / "photos" / "portrait.png", portrait)
    before = (tmp_path / "photos" / "portrait.png").read_bytes()
    for words, made, said in (
        (["retouch", "./photos", "--out", "./clean"], "clean/portrait.png", "1 of 1 photos"),
        (["visualize", "--attention"], "attention/portrait.png.face1.attention.png", "the last retouch in this folder"),
    ):
        command = [sys.executable, "-m", "bpfre_cli", *words]
        run = subprocess.run(command, capture_output=True, text=True, env=environment(), cwd=tmp_path, timeout=200)
        assert run.returncode == 0, run.stdout + run.stderr
        assert (tmp_path / made).stat().st_size > 1000 and said in run.stdout + run.stderr
    assert (tmp_path / "photos" / "portrait.png").read_bytes() == before
