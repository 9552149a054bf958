"""The command as a whole: instant help, and no traceback ever."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bpfre.errors import DetectorError, UsageError
from bpfre_cli.console import _printable, training_progress

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "torchvision", "numpy", "cv2", "PIL", "tifffile")


COMMANDS = ("retouch", "train", "visualize", "synthesize", "weights")


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


def test_training_progress_names_what_is_left_out_and_what_came_out(capsys: pytest.CaptureFixture[str]) -> None:
    with training_progress(Path("run"), 10) as progress:
        progress.photo(Path("a.jpg"), None)
        progress.photo(Path("b.jpg"), "No face.")
        progress.step(1, {"loss": 0.5})
        progress.done(Path("run/weights.safetensors"))
    captured = capsys.readouterr()
    assert captured.out == "Training in run.\nThe weights are in run/weights.safetensors.\n"
    assert captured.err == "b.jpg: No face.\n"


def test_every_module_imports_without_the_packages_that_no_longer_build() -> None:
    """basicsr and gfpgan import a part of torchvision that is gone, and basicsr cannot be built any more."""
    code = """
import importlib, pkgutil, sys
sys.modules.update(basicsr=None, gfpgan=None)
import bpfre, bpfre_cli
names = [module.name for package in (bpfre, bpfre_cli)
         for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 100
    assert not any(name.startswith(("basicsr", "gfpgan")) for name in importlib.metadata.requires("bpfre") or ())
