"""The benchmark of hard photos runs, and its exit code says whether the result is smeared."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bpfre.network import BPFRe, preset
from bpfre.weights import save_network

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def network() -> BPFRe:
    torch.manual_seed(3)
    return BPFRe(preset("tiny", zoom=(1.0, 2.0))).eval()


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """A folder with one labelled portrait."""
    data = pytest.importorskip("skimage.data", reason="scikit-image brings the test portrait")
    folder = tmp_path / "faces"
    folder.mkdir()
    Image.fromarray(np.ascontiguousarray(data.astronaut()[:256, 96:352, :3])).save(folder / "portrait.png")
    marks = [["red mark", 108, 130, 2.5]]
    entry = {"photo": "portrait.png", "person": "1", "marks": marks, "doubtful": [], "controls": [["skin", 120, 80, 3]]}
    (folder / "labels.json").write_text(json.dumps({"typology": {"1": 40}, "photos": [entry]}))
    (folder / "hold-out.txt").write_text("portrait.png\n")
    return folder


def run(faces: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    script = ROOT / "benchmarks" / "hard_samples.py"
    given = ("--labels", faces / "labels.json", "--hold-out", faces / "hold-out.txt", "--series")
    command = [sys.executable, script, faces, *given, *arguments]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


def test_a_network_that_smears_is_told_so(faces: Path, network: BPFRe, tmp_path: Path) -> None:
    save_network(network, tmp_path / "tiny.safetensors", {})
    out = tmp_path / "out"
    arguments = ("--severities", 1, "--kinds", "mask", "low resolution", "--pictures", "--out", out)
    done = run(faces, "--weights", tmp_path / "tiny.safetensors", *arguments)
    assert done.returncode == 1 and not done.stderr, done.stdout + done.stderr
    assert "NO" in done.stdout and "at 1.00" in done.stdout
    figures = json.loads((out / "figures.json").read_text())
    assert set(figures["kinds"]) == {"mask", "low resolution"}
    for steps in figures["kinds"].values():
        assert [step["label"] for step in steps] == ["0.00", "1.00"]
        for step in steps:
            assert set(step["levels"]) == {"unedited", "classical", "coarse", "refined"}
            unedited = step["levels"]["unedited"]["summary"]
            assert (unedited["texture"], unedited["elsewhere"]) == (1, 0)
    assert figures["kinds"]["mask"][0]["levels"]["refined"]["summary"]["elsewhere"] > 0.5
    with Image.open(out / "degraded.png") as plot:
        assert plot.format == "PNG" and plot.width > 300
    assert not (out / "series.png").exists()
    assert {path.parent.name for path in (out / "pictures").rglob("*.png")} == {"easy", "mask", "low resolution"}


def test_a_network_that_does_nothing_holds(faces: Path, network: BPFRe, tmp_path: Path) -> None:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    save_network(network, tmp_path / "idle.safetensors", {})
    arguments = ("--severities", 1, "--kinds", "harsh JPEG", "--out", tmp_path / "out")
    done = run(faces, "--weights", tmp_path / "idle.safetensors", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert all(step["levels"]["refined"]["summary"]["elsewhere"] == 0 for step in figures["kinds"]["harsh JPEG"])


def test_a_mistake_is_a_sentence_and_no_traceback(faces: Path, tmp_path: Path) -> None:
    for arguments, said in ((("--photos", 0), "1 or more"), (("--weights", tmp_path / "no"), "no weights at")):
        done = run(faces, *arguments, "--out", tmp_path / "out")
        assert done.returncode == 2 and said in " ".join(done.stdout.split()) and not done.stderr
    (faces / "portrait.png").unlink()
    done = run(faces, "--out", tmp_path / "out")
    assert done.returncode == 2 and "does not hold portrait.png" in " ".join(done.stdout.split())
