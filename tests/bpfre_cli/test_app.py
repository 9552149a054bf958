"""The command as a whole: instant help, and no traceback ever."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bpfre.errors import DetectorError, UsageError
from bpfre.retouching.effects import EFFECTS
from bpfre_cli.console import _printable, grid, training_progress

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "torchvision", "numpy", "cv2", "PIL", "tifffile")


COMMANDS = ("retouch", "train", "visualize", "evaluate", "synthesize", "weights")


@pytest.mark.parametrize("args", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)])
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    code = (
        "import sys; from bpfre_cli.app import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        f"found = [name for name in {HEAVY} if name in sys.modules]\n"
        "assert not found, found"
    )
    paths = os.pathsep.join([str(ROOT), str(ROOT / "models")])
    ended = subprocess.run(
        [sys.executable, "-c", code, *args],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert "bpfre" in ended.stdout or "Usage" in ended.stdout


def test_module_can_be_run() -> None:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "models")])
    ended = subprocess.run(
        [sys.executable, "-m", "bpfre_cli", "--help"],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0
    assert all(command in ended.stdout for command in ("retouch", "train", "visualize"))


def test_no_arguments_show_the_help(cli) -> None:
    ended = cli()
    assert "retouch" in ended.out + ended.err and "Traceback" not in ended.err


def test_help_names_every_effect_in_a_narrow_terminal(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = cli("retouch", "--help").out
    assert [name for name in EFFECTS if name not in said] == []


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("This is wrong.", "Do that."), 2, "This is wrong.\nDo that.\n"),
        (DetectorError("No detector.", "Get one."), 1, "No detector.\nGet one.\n"),
        (MemoryError(), 1, "There is not enough memory."),
        (ZeroDivisionError("by zero"), 1, "ZeroDivisionError: by zero"),
        (KeyboardInterrupt(), 130, "Stopped. Every file written is whole."),
    ],
)
def test_every_error_is_a_sentence(
    cli, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str, tmp_path: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("bpfre.retouching.plan_jobs", fail)
    ended = cli("retouch", tmp_path, "--out", tmp_path / "out")
    assert ended.code == code
    assert said in ended.err and "Traceback" not in ended.err and ended.out == ""
    if isinstance(error, ZeroDivisionError):
        assert "issue page" in ended.err
        monkeypatch.setenv("BPFRE_DEBUG", "1")
        assert "Traceback" in cli("retouch", tmp_path, "--out", tmp_path / "out").err


def test_names_cannot_steer_the_terminal() -> None:
    assert _printable("a\x1b[31m\udcff[bold]ü\n") == "a\\x1b[31m\\udcff[bold]ü\n"


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
def test_no_figure_of_a_table_is_cut(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    head = ["method", "PSNR dB ↑", "SSIM ↑", "HaarPSI ↑", "error on edits ↓", "error elsewhere ↓", "edit reproduced ↑"]
    figures = ["50.08\n± 1.42", "0.9988\n± 0.0002", "0.9965\n± 0.0009", "7.42\n± 1.19", "0.012\n± 0.005"]
    names = ["unedited", "starter, coarse", "results/of-another-program/far/away"]
    grid("Figures", head, [[name, *figures, f"{row}.273\n± {row}.214"] for row, name in enumerate(names)])
    shown = capsys.readouterr().out
    words = [
        word for line in (*head, *figures, "0.273\n± 0.214", "1.273", "± 2.214", *names[:2]) for word in line.split()
    ]
    assert [word for word in words if word not in shown] == [] and "…" not in shown
    assert names[2] in "".join(shown.split()) or names[2][:24] in shown
    if columns >= 80:
        assert max(map(len, shown.splitlines())) <= columns


def test_training_progress_names_what_is_left_out_and_what_came_out(capsys: pytest.CaptureFixture[str]) -> None:
    with training_progress(Path("run"), 10) as progress:
        progress.photo(Path("a.jpg"), None)
        progress.photo(Path("b.jpg"), "No face.")
        progress.step(1, {"loss": 0.5})
        progress.done(Path("run/weights.safetensors"))
    captured = capsys.readouterr()
    assert captured.out == "Training in run.\nThe weights are in run/weights.safetensors.\n"
    assert captured.err == "b.jpg: No face.\n"


def test_every_module_imports_without_what_newer_packages_lack() -> None:
    """Neither a part of torchvision that is gone, nor the packages that import it."""
    code = """
import importlib, pkgutil, sys
sys.modules.update({name: None for name in ("basicsr", "gfpgan", "torchvision.transforms.functional_tensor")})
import bpfre, bpfre_cli
names = [module.name for package in (bpfre, bpfre_cli)
         for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
import facexlib.detection  # what is left that imports torchvision
print(len(names))
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "models")])}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 100


def needed_by(package: str, *, extras: bool = False) -> Iterator[str]:
    """Name what an installed package asks for, without its extras or with them; nothing of one that is not here."""
    with suppress(importlib.metadata.PackageNotFoundError):
        for line in importlib.metadata.requires(package) or ():
            if extras or "extra ==" not in line:
                yield re.split(r"[^\w.-]", line, maxsplit=1)[0].lower()


def test_no_dependency_is_one_that_no_longer_builds() -> None:
    waiting, found = list(needed_by("bpfre", extras=True)), set[str]()
    while waiting:
        package = waiting.pop()
        if package not in found:
            found.add(package)
            waiting += needed_by(package)
    assert found >= {"torch", "facexlib", "numpy", "sympy"}  # the last is asked for by torch
    assert not found & {"basicsr", "gfpgan", "realesrgan"}  # the first of them, and two that ask for it
