from __future__ import annotations

import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest

from bpfre.errors import DataError, TrainingError
from bpfre.training.data.cache import CachedFace, FaceCache, kept_face, read_face, write_face
from bpfre.training.data.faces import TrainingFace

HOUR = 3600.0


def face(seed: int = 0, *, healed: bool = True) -> TrainingFace:
    rng = np.random.default_rng(seed)
    raw = rng.integers(0, 255, (21, 21, 3), np.uint8)
    target = rng.integers(0, 255, (21, 21, 3), np.uint8) if healed else raw
    return TrainingFace(raw, target, rng.uniform(size=(21, 21)) < 0.5, kind="raw", sharp=True)


def same(a: TrainingFace, b: TrainingFace) -> bool:
    arrays = all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("raw", "target", "skin"))
    return arrays and (a.kind, a.sharp) == (b.kind, b.sharp)


def aged(path: Path, content: bytes, age: float = HOUR) -> Path:
    path.write_bytes(content)
    os.utime(path, (time.time() - age,) * 2)
    return path


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if two seconds had passed since every file was written."""
    monkeypatch.setattr("bpfre.training.data.cache._SETTLED", -1.0)


def test_faces_come_back_as_they_were(tmp_path: Path) -> None:
    for healed in (True, False):
        size = write_face(tmp_path / "sub" / "face.npz", face(healed=healed))
        assert size == (tmp_path / "sub" / "face.npz").stat().st_size
        assert same(read_face(tmp_path / "sub" / "face.npz"), face(healed=healed))


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut", "bits"])
def test_damaged_faces_are_refused_and_removed(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "face.npz"
    write_face(path, face())
    data = bytearray(path.read_bytes())
    data[700] ^= 0xFF
    path.write_bytes(
        {"empty": b"", "text": b"no archive", "cut": bytes(data[:900]), "bits": bytes(data)}.get(damage, b"")
    )
    if damage == "missing":
        path.unlink()
    with pytest.raises(DataError):
        CachedFace("a.png", "raw", True, path).load()
    assert not path.exists()


def test_a_disk_that_fails_removes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "face.npz"
    write_face(path, face())

    def fails(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(np, "load", fails)
        with pytest.raises(DataError):
            CachedFace("a.png", "raw", True, path).load()
    assert same(CachedFace("a.png", "raw", True, path).load(), face())


def test_kept_faces_are_made_once(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> TrainingFace:
        made.append(1)
        return face()

    for _ in range(3):
        assert same(kept_face(tmp_path / "face.npz", make), face())
    assert made == [1]
    (tmp_path / "face.npz").write_bytes(b"damaged")
    assert same(kept_face(tmp_path / "face.npz", make), face()) and made == [1, 1]


def test_a_full_disk_costs_a_kept_face_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert same(kept_face(tmp_path / "file" / "face.npz", face), face())


def test_a_full_disk_ends_preparation(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for write in (
        lambda: write_face(tmp_path / "file" / "face.npz", face()),
        lambda: FaceCache(tmp_path / "file").write_record("abc", {}),
    ):
        with pytest.raises(TrainingError) as caught:
            write()
        assert "--cache" in caught.value.next_step


def test_records_come_back_and_damaged_ones_do_not(tmp_path: Path) -> None:
    store = FaceCache(tmp_path)
    key = store.key("a", 1)
    assert store.record(key) is None
    store.write_record(key, {"found": [1.5, None]})
    assert FaceCache(tmp_path).record(key) == {"found": [1.5, None]}
    for content in (b"", b"[1]", b"\xff"):
        store._path(key, "json").write_bytes(content)
        assert store.record(key) is None


def test_keys_tell_words_apart(tmp_path: Path) -> None:
    store = FaceCache(tmp_path)
    words = [("a", "b"), ("ab",), ("a", "b", ""), ("b", "a"), ("a", 1), ("a", "\udcff")]
    assert len({store.key(*w) for w in words}) == len(words)


def test_contents_are_not_read_again(tmp_path: Path, settled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    path = aged(tmp_path / "a.png", b"first")
    store = FaceCache(tmp_path / "cache")
    digest = store.digest(path)
    store.save()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", lambda self: pytest.fail("read again"))
        assert store.digest(path) == FaceCache(tmp_path / "cache").digest(path) == digest
    other = aged(tmp_path / "b.png", b"first")
    assert store.digest(other) == digest


@pytest.mark.parametrize("change", ["size", "time", "time put back"])
def test_changed_files_are_read_again(tmp_path: Path, settled: None, change: str) -> None:
    path = aged(tmp_path / "a.png", b"first")
    store = FaceCache(tmp_path / "cache")
    digest, before = store.digest(path), path.stat()
    path.write_bytes(b"second" if change == "size" else b"other")
    if change == "time put back":
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.digest(path) != digest


def test_a_file_that_may_still_change_unseen_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"first")
    store = FaceCache(tmp_path / "cache")
    store.digest(path)
    assert store._index == {}
    store.save()
    assert not (tmp_path / "cache").exists()


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.png"):
        FaceCache(tmp_path).digest(tmp_path / "a.png")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"x": 3}', b"\xff"])
def test_a_damaged_index_is_made_again(tmp_path: Path, settled: None, content: bytes) -> None:
    path = aged(tmp_path / "a.png", b"first")
    digest = FaceCache(tmp_path).digest(path)
    (tmp_path / "index.json").write_bytes(content)
    assert FaceCache(tmp_path).digest(path) == digest
    (tmp_path / "index.json").write_text(f'{{"{path}": 7}}')
    assert FaceCache(tmp_path).digest(path) == digest


def test_states_change_with_files(tmp_path: Path) -> None:
    store = FaceCache(tmp_path)
    assert store.state(tmp_path / "a.png") == ""
    aged(tmp_path / "a.png", b"first")
    before = store.state(tmp_path / "a.png")
    assert before == store.state(tmp_path / "a.png")
    aged(tmp_path / "a.png", b"other", 2 * HOUR)
    assert store.state(tmp_path / "a.png") != before


def test_handles_hold_no_pixels(tmp_path: Path) -> None:
    write_face(tmp_path / "face.npz", face())
    handle = CachedFace("a.png", "raw", True, tmp_path / "face.npz")
    handle.load()
    assert len(pickle.dumps(handle)) < 500
