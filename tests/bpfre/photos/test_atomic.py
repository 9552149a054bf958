"""Faults while writing: neither half a file nor a temporary one is left, and what was there before stays."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bpfre.errors import PhotoError, UnreadablePhotoError
from bpfre.photos import Photo, copy_photo, read_photo, write_photo
from bpfre.photos.atomic import atomic_file, remove_stale

Fault = Callable[[pytest.MonkeyPatch], None]


def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)


def refused_rename(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "replace", fail)


def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", fail)


@pytest.fixture
def photo(samples, save) -> Photo:
    return read_photo(save("source/a.png", samples("RGB"), "RGB"))


@pytest.fixture(params=["new", "existing"])
def destination(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "out" / "b.png"
    if request.param == "existing":
        path.parent.mkdir()
        path.write_bytes(b"before")
    return path


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


@pytest.mark.parametrize("fault", [full_disk, refused_rename, interrupted])
def test_faults_leave_nothing_behind(
    fault: Fault, photo: Photo, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files_in(destination.parent)
    fault(monkeypatch)
    for write in (
        lambda: write_photo(photo, photo.rgb, destination),
        lambda: copy_photo(photo.path, destination),
    ):
        with pytest.raises(KeyboardInterrupt if fault is interrupted else PhotoError):
            write()
        assert files_in(destination.parent) == before


def test_a_failing_encoder_leaves_nothing_behind(
    photo: Photo, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("encoder error -2")

    before = files_in(destination.parent)
    monkeypatch.setattr("PIL.Image.Image.save", fail)
    with pytest.raises(PhotoError, match=r"a\.png cannot be encoded"):
        write_photo(photo, photo.rgb, destination)
    assert files_in(destination.parent) == before


def test_a_fault_in_the_middle_of_writing(destination: Path) -> None:
    before = files_in(destination.parent)
    with pytest.raises(PhotoError, match="the disk is full"), atomic_file(destination) as file:
        file.write(b"half")
        assert files_in(destination.parent).keys() > before.keys()
        raise OSError(errno.ENOSPC, "No space left on device")
    assert files_in(destination.parent) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_a_disk_that_is_really_full(photo: Photo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def open_full(self: Path, mode: str = "r", *rest: object, **named: object):
        if self.suffix != ".part":
            return opened(self, mode, *rest, **named)
        opened(self, mode).close()
        return Path("/dev/full").open("wb")

    monkeypatch.setattr(Path, "open", open_full)
    with pytest.raises(PhotoError, match="the disk is full"):
        write_photo(photo, photo.rgb, tmp_path / "out" / "b.png")
    assert files_in(tmp_path / "out") == {}


def test_a_file_where_a_folder_is_needed(photo: Photo, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(PhotoError, match="not a folder"):
        write_photo(photo, photo.rgb, tmp_path / "out" / "b.png")


@pytest.mark.parametrize(
    ("code", "step"),
    [
        (errno.ENOSPC, "Free space, or choose another output folder."),
        (errno.EACCES, "Choose another output folder."),
        (errno.ENAMETOOLONG, "Give it a shorter name, or"),
    ],
)
def test_the_next_step_follows_from_the_cause(destination: Path, code: int, step: str) -> None:
    with pytest.raises(PhotoError) as caught, atomic_file(destination):
        raise OSError(code, os.strerror(code))
    assert caught.value.next_step.startswith(step)


def test_a_missing_source(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePhotoError, match="no such file"):
        copy_photo(tmp_path / "gone.jpg", tmp_path / "b.jpg")
    assert files_in(tmp_path) == {}


def test_a_destination_is_replaced_whole(photo: Photo, destination: Path) -> None:
    write_photo(photo, photo.rgb, destination)
    assert list(files_in(destination.parent)) == ["b.png"]
    np.testing.assert_array_equal(read_photo(destination).rgb, photo.rgb)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no umask")
@pytest.mark.parametrize(("mask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(mask: int, expected: int, photo: Photo, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        write_photo(photo, photo.rgb, tmp_path / "b.png")
        copy_photo(photo.path, tmp_path / "c.png")
    finally:
        os.umask(before)
    for name in ("b.png", "c.png"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == expected


def test_long_names_and_the_finder(photo: Photo, tmp_path: Path) -> None:
    """The longest name a disk takes must not be made longer by the temporary one."""
    name = "x" * 251 + ".png"
    write_photo(photo, photo.rgb, tmp_path / name)
    assert (tmp_path / name).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="processes cannot be asked for without ending them there")
def test_what_a_killed_process_left_is_removed_what_a_running_one_writes_stays(tmp_path: Path) -> None:
    script = "import sys, os; from pathlib import Path; from bpfre.photos.atomic import atomic_file\n"
    script += "with atomic_file(Path(sys.argv[1])) as file: file.write(b'half'); file.flush(); os._exit(9)"
    roots = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-c", script, str(tmp_path / "sub" / "a.jpg")]
    subprocess.run(command, check=False, env=os.environ | {"PYTHONPATH": roots})
    assert len(list((tmp_path / "sub").iterdir())) == 1
    foreign = tmp_path / ".bpfre-00000000-1-abc.part"
    foreign.write_bytes(b"of another machine")
    with atomic_file(tmp_path / "b.jpg") as file:
        file.write(b"whole")
        remove_stale(tmp_path)
    assert not list((tmp_path / "sub").iterdir())
    assert (tmp_path / "b.jpg").read_bytes() == b"whole" and foreign.exists()
