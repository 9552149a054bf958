"""Prepared faces and what was found out about photos, kept on disk under keys of content."""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import json
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bpfre.blemishes import Stamp
from bpfre.errors import DataError, PhotoError, TrainingError
from bpfre.photos.atomic import atomic_file
from bpfre.training.data.faces import Kind, TrainingFace

INDEX = "index.json"
_SETTLED = 2.0  # s after its last change from which a file's times tell the next change; clocks of disks are coarse
_DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


class FaceCache:
    """A folder of prepared faces and records.

    Keys are made of what photos contain, so that a renamed or copied photo is known and a changed one is not.
    Contents are not read again at every start: `index.json` remembers the digest of every path together with the
    file's size and times of modification and of change. A file that was changed within two seconds before it was
    read is not remembered, as its next change could leave size and times as they are.

    Args:
        folder: made when something is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._changed = False
        self._index: dict[str, list[Any]] = {}
        with contextlib.suppress(OSError, ValueError):
            stored = json.loads((folder / INDEX).read_text(encoding="utf-8"))
            if isinstance(stored, dict):
                self._index = stored

    def digest(self, path: Path) -> str:
        """Return the sha256 of a file's content.

        Raises:
            DataError: it cannot be read.
        """
        name = str(path.absolute())
        try:
            before = _fingerprint(path)
            known = self._index.get(name)
            if isinstance(known, list) and known[:-1] == before:
                return str(known[-1])
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if before == _fingerprint(path) and time.time() - max(before[1:]) / 1e9 > _SETTLED:
                self._index[name] = [*before, digest]
                self._changed = True
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}.") from error
        return digest

    def state(self, path: Path) -> str:
        """Return what changes whenever a file does, without reading it; empty where there is none."""
        with contextlib.suppress(OSError):
            return " ".join(map(str, [path.absolute(), *_fingerprint(path)]))
        return ""

    def key(self, *words: object) -> str:
        """Return a key of everything that an entry depends on."""
        return hashlib.sha256("\0".join(map(str, words)).encode("utf-8", "surrogateescape")).hexdigest()[:32]

    def record(self, key: str) -> dict[str, Any] | None:
        """Return what `write_record` wrote, None where there is nothing sound."""
        with contextlib.suppress(OSError, ValueError):
            record = json.loads(self._path(key, "json").read_text(encoding="utf-8"))
            if isinstance(record, dict):
                return record
        return None

    def write_record(self, key: str, record: dict[str, Any]) -> None:
        """Remember a few plain values.

        Raises:
            TrainingError: the disk refuses.
        """
        _write(self._path(key, "json"), json.dumps(record).encode())

    def face_path(self, key: str) -> Path:
        """Return where the face of a key is kept."""
        return self._path(key, "npz")

    def save(self) -> None:
        """Write the index, if it changed.

        Raises:
            TrainingError: the disk refuses.
        """
        if self._changed:
            _write(self.folder / INDEX, json.dumps(self._index).encode())
            self._changed = False

    def _path(self, key: str, suffix: str) -> Path:
        return self.folder / key[:2] / f"{key}.{suffix}"  # no folder of 70 000 files


def _write(path: Path, content: bytes) -> None:
    try:
        with atomic_file(path) as file:
            file.write(content)
    except PhotoError as error:
        raise TrainingError(
            f"Prepared faces cannot be kept: {error.message}", "Free space, or choose another folder with --cache."
        ) from error


def _fingerprint(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def write_face(path: Path, face: TrainingFace) -> int:
    """Keep a face; returns the file's size in bytes.

    Raises:
        TrainingError: the disk refuses.
    """
    values: dict[str, Any] = {"raw": face.raw, "skin": np.packbits(face.skin), "kind": face.kind, "sharp": face.sharp}
    if face.target is not face.raw:
        values["target"] = face.target
    if face.notes is not None:
        values["notes"] = face.notes
    for number, stamp in enumerate(face.stamps):
        values[f"stamp{number}"] = stamp.density
        values[f"about{number}"] = np.array([stamp.scale, stamp.keep, stamp.tone])
    content = io.BytesIO()
    np.savez(content, **values)
    _write(path, content.getvalue())
    return content.tell()


def read_face(path: Path) -> TrainingFace:
    """Read what `write_face` wrote.

    Raises:
        DataError: it is not there or is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            raw = data["raw"]
            target = data["target"] if "target" in data.files else raw
            skin = np.unpackbits(data["skin"], count=raw.shape[0] * raw.shape[1]).reshape(raw.shape[:2]).astype(bool)
            return TrainingFace(
                raw,
                target,
                skin,
                kind=str(data["kind"]),  # type: ignore[arg-type]
                sharp=bool(data["sharp"]),
                notes=data["notes"] if "notes" in data.files else None,
                stamps=tuple(_stamps(data)),
            )
    except _DAMAGE as error:
        raise DataError(
            f"The prepared face {path} is missing or damaged.", "Start again: it is prepared anew."
        ) from error


def _stamps(data: Mapping[str, np.ndarray]) -> Iterator[Stamp]:
    for number in itertools.count():
        if f"stamp{number}" not in data:
            return
        scale, keep, tone = data[f"about{number}"]
        yield Stamp(data[f"stamp{number}"], float(scale), bool(keep), float(tone))


def kept_face(path: Path, make: Callable[[], TrainingFace]) -> TrainingFace:
    """Read a prepared face, or make it and keep it. A disk that refuses costs time at the next call, nothing else."""
    with contextlib.suppress(DataError):
        return read_face(path)
    face = make()
    with contextlib.suppress(TrainingError):
        write_face(path, face)
    return face


@dataclass(frozen=True, slots=True)
class CachedFace:
    """Handle of a face that was prepared into a cache."""

    name: str
    kind: Kind
    sharp: bool
    path: Path
    labelled: bool = False

    def load(self) -> TrainingFace:
        """Read the face.

        Raises:
            DataError: the file cannot be read; a damaged one is removed, so that the next start prepares it anew.
        """
        try:
            return read_face(self.path)
        except DataError as error:
            if not isinstance(error.__cause__, OSError):  # the disk may be better next time
                with contextlib.suppress(OSError):
                    self.path.unlink()
            raise
