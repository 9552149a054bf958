"""What earlier runs did in an output folder, so that the next one does only what is missing or has changed."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bpfre.errors import PhotoError, UnreadablePhotoError
from bpfre.photos.atomic import atomic_file
from bpfre.photos.disk import is_file, reason
from bpfre.photos.layers import layer_files
from bpfre.retouching.jobs import Job

FOLDER, FILE = ".bpfre", "journal.jsonl"
_SPARE = 1000  # lines that do not count any more, from which the file is written anew

_log = logging.getLogger(__name__)

State = list[int]  # size [bytes] and time of modification [ns] of a file, and of its layered file where there is one


@dataclass(frozen=True)
class Entry:
    """The last that was done for one result."""

    key: str  # of everything that decides the result but the photo itself
    source: State
    digest: str  # sha256 of the photo
    result: State | None  # of the finished file; None: it was begun and never finished
    facts: dict[str, Any] = field(default_factory=dict)  # what is to be known of the result later
    layers: State | None = None  # of the layered files that were written here; None: those there are someone's own


class Journal:
    """Journal of an output folder: `.bpfre/journal.jsonl`, one line for each beginning and each end.

    A line is written before a result and another one after it, so that a run that is killed between the two does the
    photo again. Lines that a kill cut off are passed over. Several threads may use it.

    Args:
        out: output folder; need not exist.
        settings: plain values that decide what becomes of every photo: settings, weights, version.
    """

    def __init__(self, out: Path, settings: Mapping[str, object]) -> None:
        self.path = out / FOLDER / FILE
        self._out = out
        self._settings = json.dumps(settings, sort_keys=True, default=str)
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._silent = False
        lines = self._load()
        if lines > len(self._entries) + _SPARE:
            self._compact()

    def is_current(self, job: Job, extra: object = None) -> bool:
        """Whether a result that is there needs not be made again.

        So it is where it was made from this photo with these settings. So it is as well where it was not made here,
        or was changed since, the layered file beside it included: it is the user's then, and stays.

        Args:
            job: its destination is there.
            extra: what else decides this photo's result, such as its masks.
        """
        entry = self._entries.get(self._name(job))
        if entry is None:
            return True
        if entry.result is None:
            return False
        now = _result_state(job.destination)
        if len(entry.result) > len(now) and entry.result[: len(now)] == now:
            return False  # its layered file is gone
        if entry.result != now:
            return True
        return entry.key == self._key(extra) and self._is_same(job.source, entry)

    def begin(self, job: Job, extra: object = None) -> None:
        """Note that a result is about to be written.

        Raises:
            UnreadablePhotoError: the photo cannot be read.
        """
        try:
            layers = _layers_state(job.destination) if self.owns_layers(job) else None
            entry = Entry(self._key(extra), _state(job.source), _digest(job.source), None, layers=layers)
        except OSError as error:
            raise UnreadablePhotoError(f"{job.source.name} cannot be opened: {reason(error)}.") from error
        self._note(job, entry)

    def finish(self, job: Job, facts: Mapping[str, object] | None = None, *, layers: bool = False) -> None:
        """Note that the result has been written.

        Args:
            job: it was begun.
            facts: plain JSON values that `facts` returns later.
            layers: whether its layered file has been written too.
        """
        begun = self._entries.get(self._name(job))
        if begun is not None:
            result = _result_state(job.destination)
            own = result[2:] if layers else begun.layers
            self._note(job, Entry(begun.key, begun.source, begun.digest, result, dict(facts or {}), own))

    def owns_layers(self, job: Job) -> bool:
        """Whether the layered file beside a result may be replaced: as it was left here, or there is none."""
        now = _layers_state(job.destination)
        entry = self._entries.get(self._name(job))
        if not now or entry is None or entry.layers is None:
            return not now
        return entry.result is None or entry.layers == now  # a run that was killed may have written it

    def facts(self, job: Job) -> dict[str, Any] | None:
        """Return what was noted with a result; None where the file there was not made here, or was changed since."""
        entry = self._entries.get(self._name(job))
        with suppress(OSError):
            if entry is not None and entry.result is not None and entry.result[:2] == _state(job.destination):
                return entry.facts
        return None

    def _key(self, extra: object) -> str:
        text = json.dumps([self._settings, extra], sort_keys=True, default=str)
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]

    def _name(self, job: Job) -> str:
        return job.destination.relative_to(self._out).as_posix()

    def _is_same(self, source: Path, entry: Entry) -> bool:
        with suppress(OSError):
            return _state(source) == entry.source or _digest(source) == entry.digest
        return True  # a photo that vanished cannot be done again

    def _note(self, job: Job, entry: Entry) -> None:
        name = self._name(job)
        with self._lock:
            self._entries[name] = entry
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("ab") as file:  # one write of a whole line
                    file.write(_line(name, entry))
            except OSError as error:
                if not self._silent:
                    _log.warning("%s cannot be written (%s): the next run may do photos again.", self.path, error)
                self._silent = True

    def _load(self) -> int:
        """Read the lines that are whole. Returns how many there are."""
        try:
            lines = self.path.read_bytes().split(b"\n")
        except OSError:
            return 0
        for line in lines:
            with suppress(ValueError, KeyError, TypeError):
                name, entry = _parse(json.loads(line))
                self._entries[name] = entry
        return len(lines)

    def _compact(self) -> None:
        with suppress(PhotoError), atomic_file(self.path) as file:
            file.writelines(_line(name, entry) for name, entry in self._entries.items())


def _line(name: str, entry: Entry) -> bytes:
    """One line, with a break before it too: a line that was cut off does not spoil the next."""
    values: dict[str, Any] = {
        "name": name,
        "key": entry.key,
        "source": entry.source,
        "digest": entry.digest,
        "result": entry.result,
    }
    if entry.facts:
        values["facts"] = entry.facts
    if entry.layers is not None:
        values["layers"] = entry.layers
    return b"\n" + json.dumps(values).encode("ascii") + b"\n"


def _parse(values: dict[str, Any]) -> tuple[str, Entry]:
    result, layers = values["result"], values.get("layers")
    entry = Entry(
        str(values["key"]),
        [int(v) for v in values["source"]],
        str(values["digest"]),
        None if result is None else [int(v) for v in result],
        dict(values.get("facts", {})),
        None if layers is None else [int(v) for v in layers],
    )
    return str(values["name"]), entry


def _state(path: Path) -> State:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _result_state(path: Path) -> State:
    return _state(path) + _layers_state(path)


def _layers_state(result: Path) -> State:
    return [number for layered in layer_files(result) if is_file(layered) for number in _state(layered)]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
