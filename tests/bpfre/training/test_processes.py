"""Several processes and processes that are killed: the real command, in processes of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bpfre.training import RunFolder
from bpfre.weights import read_record

TINY = ("--preset", "tiny", "--device", "cpu", "--detector", "mtcnn", "--workers", 0, "--set", "validation=0.25")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of eight pairs of aligned crops, with its own split."""
    import cv2

    root = tmp_path_factory.mktemp("pairs")
    rows = ["raw,retouched,split"]
    for index in range(8):
        rng = np.random.default_rng(index)
        clean = np.clip(rng.normal(150, 12, (80, 80, 3)), 0, 255).astype(np.uint8)
        spotted = clean.copy()
        for x, y in rng.integers(15, 65, (5, 2)).tolist():
            cv2.circle(spotted, (x, y), 3, (70, 60, 140), -1)
        for side, picture in (("raw", spotted), ("retouched", clean)):
            (root / side).mkdir(exist_ok=True)
            assert cv2.imwrite(str(root / side / f"{index}.png"), picture)
        rows.append(f"raw/{index}.png,retouched/{index}.png,{'validation' if index > 5 else 'train'}")
    (root / "pairs.csv").write_text("\n".join(rows) + "\n")
    return root / "pairs.csv"


def command(*launcher: str, arguments: tuple[object, ...]) -> tuple[list[str], dict[str, str]]:
    environment = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")}
    environment |= {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
        "COLUMNS": "200",
    }
    return [*(launcher or (sys.executable,)), "-m", "bpfre_cli", "train", *map(str, arguments)], environment


def run(*launcher: str, arguments: tuple[object, ...]) -> subprocess.CompletedProcess[str]:
    words, environment = command(*launcher, arguments=arguments)
    return subprocess.run(words, capture_output=True, text=True, env=environment, timeout=240, check=False)


def rows(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in RunFolder(folder).metrics.read_text().splitlines()]


def test_two_processes_learn_what_one_with_the_doubled_batch_learns(pairs: Path, tmp_path: Path) -> None:
    shared = ("--paired", pairs, *TINY, "--steps", 5, "--set", "adv_synt=0.1", "--set", "adv_start=0")
    shared += ("--phi", "none", "--cache", tmp_path / "faces")
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", "29517")
    one = run(arguments=(*shared, "--batch-size", 4, "--out", tmp_path / "one"))
    assert one.returncode == 0, one.stderr
    two = run(*torchrun, arguments=(*shared, "--batch-size", 2, "--out", tmp_path / "two"))
    assert two.returncode == 0, two.stderr
    assert json.loads(RunFolder(tmp_path / "two").environment.read_text())["processes"] == 2
    assert two.stdout.count("The weights are in") == 1  # one process speaks
    alone, together = rows(tmp_path / "one"), rows(tmp_path / "two")
    assert [row["step"] for row in alone] == [row["step"] for row in together] == list(range(5))
    for a, b in zip(alone, together, strict=True):
        for name in ("blem_coarse", "blem_refine", "cons_coarse", "cons_refine", "adv_disc", "adv_synt", "gradient"):
            assert a[name] == pytest.approx(b[name], rel=2e-3, abs=1e-6), (a["step"], name)
    first, second = (load_file(RunFolder(tmp_path / name).last) for name in ("one", "two"))
    for name, value in first.items():
        torch.testing.assert_close(value.float(), second[name].float(), rtol=2e-2, atol=2e-3)


def test_accelerate_launch_starts_the_same_command(pairs: Path, tmp_path: Path) -> None:
    launcher = (sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "1")
    launcher += ("--mixed_precision", "no", "--num_machines", "1", "--dynamo_backend", "no")
    arguments = ("--paired", pairs, *TINY, "--steps", 2, "--phi", "none", "--out", tmp_path / "run")
    done = run(*launcher, arguments=arguments)
    assert done.returncode == 0, done.stderr
    assert len(rows(tmp_path / "run")) == 2


def test_a_run_killed_while_it_writes_goes_on_as_if_it_had_not_been(pairs: Path, tmp_path: Path) -> None:
    shared = ("--paired", pairs, *TINY, "--steps", 8, "--set", "checkpoint_every=1", "--phi", "none")
    shared += ("--set", "validate_every=4", "--cache", tmp_path / "faces")
    unbroken = run(arguments=(*shared, "--out", tmp_path / "unbroken"))
    assert unbroken.returncode == 0, unbroken.stderr
    out = tmp_path / "killed"
    kills = 0
    for wanted in (1, 3, 5):  # temporary files of checkpoints to be seen before the kill
        words, environment = command(arguments=(*shared, "--out", out))
        process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seen: set[str] = set()
        while process.poll() is None and len(seen) < wanted:
            seen |= {path.name for path in out.glob(".bpfre-*.part")}
            time.sleep(0.0005)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills == 3
    finished = run(arguments=(*shared, "--out", out))
    assert finished.returncode == 0, finished.stderr
    for name in ("state.safetensors", "last.safetensors", "best.safetensors"):
        a, b = load_file(out / name), load_file(tmp_path / "unbroken" / name)
        assert a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a), name
    plain = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in rows(tmp_path / n)] for n in ("killed", "unbroken")
    ]
    assert plain[0] == plain[1]
    assert not list(out.glob(".bpfre-*.part"))


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
def test_ctrl_c_ends_all_processes_after_the_same_step(pairs: Path, tmp_path: Path) -> None:
    """The terminal tells the launcher and every process; the launcher tells the processes once more."""
    shared = ("--paired", pairs, *TINY, "--batch-size", 1, "--steps", 100_000, "--phi", "none")
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", "29518")
    words, environment = command(*torchrun, arguments=(*shared, "--out", tmp_path / "run"))
    process = subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    folder = RunFolder(tmp_path / "run")
    deadline = time.monotonic() + 200
    while process.poll() is None and time.monotonic() < deadline:
        if folder.metrics.is_file() and len(rows(folder.root)) >= 2:
            break
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=100)
    assert process.returncode != 0 and "done and saved" in out, out + err
    done = len(rows(folder.root))
    assert done >= 2 and read_record(folder.last)["steps"] == str(done)
