"""What disks and folders do to a run: each has its sentence, and the other photos are done."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bpfre.faces import FaceDetector
from bpfre.photos import atomic
from bpfre.retouching import Job, Journal, PhotoResult, RetouchSettings, plan_jobs, retouch_photos


@pytest.fixture
def folder(tmp_path: Path, portrait: np.ndarray) -> Path:
    """Two photos."""
    made = tmp_path / "in"
    made.mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(portrait).save(made / name)
    return made


@pytest.fixture
def run(brighter, detector: FaceDetector) -> Callable[..., dict[str, PhotoResult]]:
    def run(jobs: list[Job], out: Path, **more: object) -> dict[str, PhotoResult]:
        settings = RetouchSettings(device="cpu", **more)
        journal = Journal(out, settings.deciding())
        results = retouch_photos(jobs, settings, network=brighter, detector=detector, journal=journal)
        return {result.source.name: result for result in results}

    return run


def photos_in(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and ".bpfre" not in p.parts}


def test_a_photo_that_vanishes_before_its_turn(folder: Path, tmp_path: Path, run) -> None:
    jobs = plan_jobs([folder], tmp_path / "out")
    (folder / "a.png").unlink()
    results = run(jobs, tmp_path / "out")
    assert results["a.png"].status == "failed" and "there is no such file" in results["a.png"].reason
    assert results["b.png"].status == "retouched" and photos_in(tmp_path / "out") == {"b.png"}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "write-protected"),
        (errno.EACCES, "permission denied"),
        (errno.EIO, "input/output error"),
    ],
)
def test_a_disk_that_refuses_costs_a_photo_and_the_next_run_does_it(
    folder: Path, tmp_path: Path, run, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        replace = os.replace

        def refuse(source: str | Path, destination: str | Path) -> None:
            if Path(destination).name == "a.png":
                raise OSError(code, os.strerror(code))
            replace(source, destination)

        patch.setattr(atomic.os, "replace", refuse)
        results = run(plan_jobs([folder], out), out)
    assert results["a.png"].status == "failed" and words in results["a.png"].reason
    assert results["b.png"].status == "retouched" and photos_in(out) == {"b.png"}
    again = run(plan_jobs([folder], out), out)
    assert [again[name].status for name in ("a.png", "b.png")] == ["retouched", "skipped"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to(folder: Path, tmp_path: Path, run) -> None:
    out = tmp_path / "out"
    out.mkdir(mode=0o555)
    results = run(plan_jobs([folder], out), out)
    assert all(result.status == "failed" and "permission denied" in result.reason for result in results.values())


def test_a_folder_that_may_not_be_made(folder: Path, tmp_path: Path, run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As above, for those whom the system would let write."""
    out, mkdir = tmp_path / "out", Path.mkdir

    def refuse(self: Path, *rest: object, **named: object) -> None:
        if self.is_relative_to(out):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        mkdir(self, *rest, **named)

    monkeypatch.setattr(Path, "mkdir", refuse)
    results = run(plan_jobs([folder], out), out)
    assert all(result.status == "failed" for result in results.values()) and not out.exists()
    assert all("permission denied. Choose another output folder." in result.reason for result in results.values())


def test_a_name_that_leaves_no_room_for_its_layers(portrait: np.ndarray, tmp_path: Path, run) -> None:
    pytest.importorskip("psd_tools", reason="psd-tools comes with the extra layers")
    folder, out, long = tmp_path / "in", tmp_path / "out", f"{'x' * 250}.png"
    folder.mkdir()
    for name in ("a.png", long):
        Image.fromarray(portrait).save(folder / name)
    results = run(plan_jobs([folder], out), out, layers=True)
    assert (results["a.png"].status, results[long].status) == ("retouched", "failed")
    assert "its name is too long. Give it a shorter name" in results[long].reason
    assert photos_in(out) == {"a.png", "a.png.psd", long}  # the flat result is there, whole


def test_names_of_all_sorts_come_through(portrait: np.ndarray, tmp_path: Path, run) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    names = [
        "a.jpg",
        "a.png",
        "one/a.png",
        "two/a.png",
        "Žofie 王芳 \N{GRINNING FACE}.png",
        "new\nline 'quote' $HOME;.png",
        f"{'x' * 250}.png",
    ]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(portrait).save(folder / name)
    jobs = plan_jobs([folder], out)
    assert len(jobs) == len(names)
    assert {result.status for result in run(jobs, out).values()} == {"retouched"} and photos_in(out) == set(names)
    assert {result.status for result in run(jobs, out).values()} == {"skipped"}


def test_links_in_a_circle_end(folder: Path, tmp_path: Path, run) -> None:
    try:
        (folder / "round").symlink_to(folder, target_is_directory=True)
        (folder / "self.png").symlink_to(folder / "self.png")
    except OSError:
        pytest.skip("links need rights on this system")
    results = run(plan_jobs([folder], tmp_path / "out"), tmp_path / "out")
    assert {name: result.status for name, result in results.items()} == {"a.png": "retouched", "b.png": "retouched"}
