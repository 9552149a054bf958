"""Runs that are killed at random moments lose nothing; the benchmark does it 200 times."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_runs_lose_nothing() -> None:
    pytest.importorskip("skimage", reason="scikit-image brings the portrait")
    paths = os.pathsep.join([str(ROOT), str(ROOT / "models")])
    ended = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "kills.py"), "--kills", "3", "--photos", "3"],
        env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "3 kills" in ended.stdout
    for what in ("not as in the undisturbed run", "missing at the end", "originals changed"):
        assert re.search(rf"{what}\s+│\s+0 │", ended.stdout), ended.stdout
