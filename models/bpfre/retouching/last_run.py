"""Which photos were retouched last in a folder: a note in the user's cache, so that no folder of photos gets one."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bpfre.errors import PhotoError, UsageError
from bpfre.photos.atomic import atomic_file
from bpfre.retouching.jobs import Job, plan_jobs
from bpfre.retouching.settings import RetouchSettings
from bpfre.user_cache import cache_folder
from bpfre.weights import SHIPPED

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class LastRun:
    """What a run was given: as little as finds its photos and treats them alike. Paths are absolute."""

    inputs: tuple[Path, ...]
    out: Path
    recursive: bool = True
    weights: str = "starter"  # name, or absolute path
    detector: str = "auto"
    min_face: float = 40.0  # px


def describe_run(inputs: Sequence[Path], out: Path, *, recursive: bool, settings: RetouchSettings) -> LastRun:
    """Return the note of a run of these photos."""
    weights = settings.weights
    return LastRun(
        inputs=tuple(path.absolute() for path in inputs),
        out=out.absolute(),
        recursive=recursive,
        weights=weights if weights in SHIPPED else str(Path(weights).absolute()),
        detector=settings.detector,
        min_face=settings.min_face,
    )


def remember(run: LastRun) -> None:
    """Note a run for the current folder; the note of an earlier one is replaced.

    A disk that refuses does no harm: the note serves convenience alone.
    """
    values = dataclasses.asdict(run) | {"inputs": [str(path) for path in run.inputs], "out": str(run.out)}
    try:
        with atomic_file(_place()) as file:
            file.write(json.dumps(values).encode("ascii"))
    except (PhotoError, OSError) as error:
        _log.debug("the run is not noted: %s", error)


def recall() -> LastRun | None:
    """Return the last run noted for the current folder; None where there is none, or none that can be read."""
    try:
        values = json.loads(_place().read_bytes())
        return LastRun(
            inputs=tuple(Path(path) for path in values["inputs"]),
            out=Path(values["out"]),
            recursive=bool(values["recursive"]),
            weights=str(values["weights"]),
            detector=str(values["detector"]),
            min_face=float(values["min_face"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def jobs_of(run: LastRun) -> list[Job]:
    """Return the run's photos that are still there and have a result; none where its folders are gone."""
    try:
        jobs = plan_jobs(run.inputs, run.out, recursive=run.recursive)
    except UsageError:
        return []
    return [job for job in jobs if job.destination.is_file()]


def _place() -> Path:
    here = hashlib.sha256(os.fsencode(Path.cwd())).hexdigest()
    return cache_folder() / "runs" / f"{here[:32]}.json"
