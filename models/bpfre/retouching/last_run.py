"""Which photos were retouched last from a folder.

A note in the user's cache, found again by the folder in which the command was typed, wherever its results went.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from bpfre.errors import PhotoError, UsageError
from bpfre.photos.atomic import atomic_file
from bpfre.retouching.jobs import Job, plan_jobs
from bpfre.retouching.settings import Developed, RetouchSettings
from bpfre.user_cache import cache_folder
from bpfre.weights import SHIPPED

_KEPT = ("detector", "min_face", "faces", "max_faces", "min_score", "weights")  # what decides which faces, and by what

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class LastRun:
    """What a run was given: as little as finds its photos and their faces again."""

    inputs: tuple[Path, ...]
    out: Path
    recursive: bool = True
    developed: Developed | None = None  # what camera RAW files became; None left them out
    settings: RetouchSettings = field(
        default_factory=RetouchSettings
    )  # of a recalled run: which faces, detector and weights


def remember(run: LastRun) -> None:
    """Note a run for the current folder; the note of an earlier one is replaced.

    A disk that refuses does no harm: the note serves convenience alone.
    """
    weights = run.settings.weights
    known = {name: getattr(run.settings, name) for name in _KEPT}
    known["weights"] = weights if weights in SHIPPED else str(Path(weights).absolute())
    values = {
        "inputs": [str(path.absolute()) for path in run.inputs],
        "out": str(run.out.absolute()),
        "recursive": run.recursive,
        "developed": run.developed,
        "settings": known,
    }
    try:
        with atomic_file(_place()) as file:
            file.write(json.dumps(values).encode("ascii"))
    except (PhotoError, OSError) as error:
        _log.debug("the run is not noted: %s", error)


def recall() -> LastRun | None:
    """Return the last run noted for the current folder, with absolute paths; None where there is none to be read."""
    try:
        values = json.loads(_place().read_bytes())
        return LastRun(
            inputs=tuple(Path(path) for path in values["inputs"]),
            out=Path(values["out"]),
            recursive=bool(values["recursive"]),
            developed=values["developed"] if values.get("developed") in get_args(Developed) else None,
            settings=RetouchSettings(**{name: values["settings"][name] for name in _KEPT}),
        )
    except (OSError, ValueError, KeyError, TypeError, UsageError):
        return None


def jobs_of(run: LastRun) -> list[Job]:
    """Return the run's photos that are still there and have a result; none where its folders are gone."""
    inputs = [path for path in run.inputs if path.exists()]
    try:
        jobs = plan_jobs(inputs, run.out, recursive=run.recursive, developed=run.developed)
    except UsageError:
        return []
    return [job for job in jobs if job.destination.is_file()]


def _place() -> Path:
    here = hashlib.sha256(os.fsencode(Path.cwd())).hexdigest()
    return cache_folder() / "runs" / f"{here[:32]}.json"
