"""Damaged files do no harm, and the benchmark that says so would notice if they did."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from bpfre.errors import PhotoError, UnreadablePhotoError
from bpfre.photos import write_photo

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system has no /proc")


@pytest.fixture
def fuzzing(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark's own modules."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    for name in ("seeds", "mutations", "checks", "pool"):
        module = importlib.import_module(f"fuzzing.{name}")
    return sys.modules[module.__name__.partition(".")[0]]


def test_500_damaged_files() -> None:
    """The benchmark itself, with other files than its own 20 000."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "models"), str(ROOT)])}
    ended = subprocess.run(
        [sys.executable, str(BENCHMARKS / "fuzz.py"), "--files", "500", "--seed", "1"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "500 damaged files" in ended.stdout


def test_the_files_start_sound(fuzzing: ModuleType, tmp_path: Path) -> None:
    """Undamaged, everything is written or loaded, but for what is not handled at all."""
    refused = 0
    for kind in fuzzing.seeds.KINDS:
        for number, content in enumerate(fuzzing.seeds.seeds(kind)):
            source = tmp_path / f"{number}.{kind}"
            source.write_bytes(content)
            if kind == "safetensors":
                outcome = fuzzing.checks._check_weights(source)
            else:
                outcome = fuzzing.checks._check_photo(source, tmp_path / f"{number}{kind}")
            assert outcome.state in (fuzzing.checks.DONE, fuzzing.checks.REFUSED), (kind, number, outcome)
            refused += outcome.state == fuzzing.checks.REFUSED
    assert refused == 4  # an animation of PNG and of WebP, a TIFF of two pages, weights without a configuration


def test_damage_is_repeatable_and_various(fuzzing: ModuleType) -> None:
    for number in range(50):
        assert fuzzing.checks.make(0, number) == fuzzing.checks.make(0, number)
        assert fuzzing.checks.make(0, number) != fuzzing.checks.make(1, number)
    sound = {content for kind in fuzzing.seeds.KINDS for content in fuzzing.seeds.seeds(kind)}
    damaged = {fuzzing.checks.make(0, number) for number in range(300)}
    assert len(damaged) > 280 and len(damaged & sound) < 30


def faulty(fuzzing: ModuleType, folder: Path, number: int) -> str:
    folder.mkdir()
    outcome = fuzzing.checks.check(0, number, folder)
    assert outcome.state == fuzzing.checks.FAULT
    return str(outcome.detail)


@pytest.fixture
def sound_png(fuzzing: ModuleType, monkeypatch: pytest.MonkeyPatch) -> int:
    """Make all files a sound PNG. Returns the number of one."""
    monkeypatch.setattr(fuzzing.checks, "make", lambda seed, number: fuzzing.seeds.seeds("png")[0])
    return list(fuzzing.seeds.KINDS).index("png")


def test_every_kind_of_fault_is_noticed(
    fuzzing: ModuleType, sound_png: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    checks = fuzzing.checks

    def read_badly(path: Path) -> None:
        raise ZeroDivisionError("by zero")

    def without_sentence(path: Path) -> None:
        raise UnreadablePhotoError("oops")

    def write_half(photo, rgb, target: Path) -> None:
        write_photo(photo, rgb, target)
        target.write_bytes(target.read_bytes()[:-40])

    def write_other_pixels(photo, rgb, target: Path) -> None:
        write_photo(photo, np.full_like(rgb, 7), target)

    def leave_something(photo, rgb, target: Path) -> None:
        write_photo(photo, rgb, target)
        target.with_name("left.part").write_bytes(b"")

    def refuse_and_leave(photo, rgb, target: Path) -> None:
        target.parent.mkdir()
        target.write_bytes(b"half")
        raise PhotoError("It cannot be written.")

    def write_into_the_source(photo, rgb, target: Path) -> None:
        write_photo(photo, rgb, target)
        photo.path.write_bytes(target.read_bytes())

    faults = {
        ("read_photo", read_badly): "ZeroDivisionError",
        ("read_photo", without_sentence): "no sentence",
        ("write_photo", write_half): "cannot be read",
        ("write_photo", write_other_pixels): "pixels outside of the edit changed",
        ("write_photo", leave_something): "temporary files were left",
        ("write_photo", refuse_and_leave): "left something behind",
        ("write_photo", write_into_the_source): "original was changed",
    }
    for index, ((name, fault), said) in enumerate(faults.items()):
        with monkeypatch.context() as patch:
            patch.setattr(checks, name, fault)
            assert said in faulty(fuzzing, tmp_path / str(index), sound_png)
    (tmp_path / "sound").mkdir()
    assert checks.check(0, sound_png, tmp_path / "sound").state == checks.DONE


WORKER = """
import json, os, sys, time
print("ready", flush=True)
for line in sys.stdin:
    number = int(line)
    if number == 1:
        os._exit(3)
    if number == 2:
        os.kill(os.getpid(), 11)
    if number == 3:
        time.sleep(60)
    if number == 4:
        while True:
            pass
    if number == 5:
        hoard = b"x" * (300 << 20)
        time.sleep(60)
    if number == 6:
        hoard = b"x" * (300 << 20)
        del hoard
    print(json.dumps(["done", str(number)]), flush=True)
"""


@needs_proc
def test_crashes_hangs_and_hoards_are_told_and_the_rest_goes_on(fuzzing: ModuleType) -> None:
    limits = fuzzing.pool.Limits(seconds=1.0, megabytes=200.0)
    command = [sys.executable, "-c", WORKER]
    reports = list(fuzzing.pool.run_watched(command, range(9), workers=2, limits=limits))
    states = {report.number: report.state for report in reports}
    assert states == {
        0: "done",
        1: "crash",
        2: "crash",
        3: "hang",
        4: "hang",
        5: "memory",
        6: "memory",
        7: "done",
        8: "done",
    }
    details = {report.number: report.detail for report in reports}
    assert details[1] == "exit code 3" and details[2] == "exit code -11" and details[7] == "7"
    assert all(report.megabytes > 200 for report in reports if report.number in (5, 6))


def test_a_worker_that_does_not_start_ends_the_run(fuzzing: ModuleType) -> None:
    with pytest.raises(RuntimeError, match="does not start"):
        list(fuzzing.pool.run_watched([sys.executable, "-c", ""], range(3), workers=1, limits=fuzzing.pool.Limits()))
