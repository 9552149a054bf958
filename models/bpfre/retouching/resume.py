"""What to do about a destination that is there already."""

from __future__ import annotations

from bpfre.errors import PhotoError
from bpfre.retouching.jobs import Job
from bpfre.retouching.journal import Journal
from bpfre.retouching.settings import Existing


def is_done(job: Job, existing: Existing, journal: Journal | None = None, extra: object = None) -> bool:
    """Whether a job is left as an earlier run finished it.

    Results appear whole or not at all, so one that is there and not empty is finished. The journal knows whether it
    was made from this very photo with the settings of this run.

    Args:
        job: one photo.
        existing: what the user wants.
        journal: of the output folder, if one is kept.
        extra: see `Journal.is_current`.

    Raises:
        PhotoError: the destination is there, and `existing` is "error".
    """
    if existing == "overwrite" or not job.destination.is_file() or job.destination.stat().st_size == 0:
        return False
    if existing == "error":
        raise PhotoError(f"{job.destination} is there already.", "Choose another output folder, or overwrite.")
    return journal is None or journal.is_current(job, extra)
