"""The odds of the verdict: fitting them finds what tells two sorts of marks apart, and the command runs."""

from __future__ import annotations

import json
import math
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
sys.path.insert(0, str(ROOT / "benchmarks"))

from tune_verdict import Seen, fit  # noqa: E402


def marks(rng: np.random.Generator, count: int = 400) -> list[Seen]:
    """Marks of which those go whose share is above 0.3 and, a little, the larger ones; one in eight the other way."""
    seen = []
    for _ in range(count):
        share, size, light = rng.uniform(0, 1), rng.normal(0.6, 0.3), rng.uniform(0, 1)
        goes = 10 * (share - 0.3) + 2 * (size - 0.6) > 0
        seen.append(Seen(bool(goes ^ (rng.uniform() < 0.125)), share, size, light))
    return seen


def test_fitted_odds_part_the_sorts_where_they_part() -> None:
    odds = fit(marks(np.random.default_rng(0)))

    def of(share: float, size: float, light: float) -> float:
        slope = odds["SHARE"] + odds["SHARE_ON_LIGHT"] * light
        return slope * share + odds["SIZE"] * size + odds["LIGHT"] * light + odds["BIAS"]

    for light in (0.1, 0.9):
        assert of(0.7, 0.6, light) > 0.7 > -0.7 > of(0.0, 0.6, light)
    assert odds["SIZE"] > 0.3


def test_marks_of_both_sorts_weigh_alike() -> None:
    """With nothing to tell them by, the odds are even however many there are of each."""
    rng = np.random.default_rng(1)
    seen = [Seen(number < 50, *(float(v) for v in rng.uniform(size=3))) for number in range(400)]
    odds = fit(seen)
    mean = odds["SHARE"] / 2 + odds["SIZE"] / 2 + odds["LIGHT"] / 2 + odds["SHARE_ON_LIGHT"] / 4 + odds["BIAS"]
    assert abs(mean) < math.log(1.5)


@pytest.mark.parametrize("apart", [True, False])
def test_the_command_looks_at_labelled_photos(tmp_path: Path, apart: bool) -> None:
    data = pytest.importorskip("skimage.data", reason="scikit-image brings the test portrait")
    Image.fromarray(np.ascontiguousarray(data.astronaut()[:256, 96:352, :3])).save(tmp_path / "portrait.png")
    entry = {"photo": "portrait.png", "person": "1", "marks": [["red mark", 108, 130, 2.5]], "doubtful": []}
    (tmp_path / "labels.json").write_text(json.dumps({"photos": [entry]}))
    torch.manual_seed(0)
    save_network(BPFRe(preset("tiny", completion=True, apart=apart)).eval(), tmp_path / "tiny.safetensors", {})
    command = [sys.executable, ROOT / "benchmarks" / "tune_verdict.py", tmp_path]
    given = ("--weights", tmp_path / "tiny.safetensors", "--labels", tmp_path / "labels.json")
    done = subprocess.run([str(part) for part in (*command, *given)], capture_output=True, text=True)
    if apart:
        assert done.returncode == 0, done.stdout + done.stderr
        assert "temporary" in done.stdout and sum(line.count(" 1 ") for line in done.stdout.splitlines()) == 1
    else:
        assert done.returncode == 1 and "not apart" in done.stderr and "Traceback" not in done.stderr
