"""What the page says of each photo, as plain JSON values."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from bpfre.retouching import FaceResult, Job, PhotoResult
from bpfre.review.previews import Previews

State = Literal["changed", "unchanged", "failed", "pending"]

NOT_REACHED = "The run was stopped before this photo was done. The same command goes on."
NOT_KNOWN = "What was found in it is not known: the result was not made by this command, or was changed since."


def entry(
    job: Job,
    result: PhotoResult | None,
    previews: Previews | None,
    *,
    faces: Sequence[FaceResult] = (),
    notes: Sequence[str] = (),
    out: Path,
    pictures: Path,
) -> dict[str, Any]:
    """Return one photo's entry.

    Args:
        job: the photo.
        result: what this run did; None where it did not come to the photo.
        previews: its pictures, if it has some.
        faces: those found, now or by an earlier run.
        notes: sentences to show besides.
        out: folder of the page; links are relative to it.
        pictures: folder of the pictures, inside `out`.
    """
    state = _state(result, previews)
    reason = "" if result is not None else NOT_REACHED
    values: dict[str, Any] = {
        "name": job.name.as_posix(),
        "state": state,
        "kept": result is not None and result.status == "skipped",
        "reason": result.reason if result is not None else reason,
        "notes": [note for note in (*notes, previews.note if previews else "") if note],
        "faces": [_face(face) for face in faces],
        "source": link(job.source, out),
        "result": link(job.destination, out) if state in ("changed", "unchanged") else "",
    }
    if previews is not None:
        where = link(pictures, out)
        names = {name: getattr(previews, name) for name in ("thumb", "before", "after", "map")}
        values |= {name: f"{where}/{file}" if file else "" for name, file in names.items()}
        values |= {name: getattr(previews, name) for name in ("width", "height", "full")}
        values |= {"share": round(previews.share, 6), "most": round(previews.most, 1)}
    return values


def link(path: Path, folder: Path) -> str:
    """Return the address of a file for a page in `folder`: relative, so that both can be moved together.

    Whatever the name holds, the address has no character that means something in addresses or in HTML.
    """
    try:
        relative = Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on another drive
        return path.absolute().as_uri()
    return quote(os.fsencode(relative), safe="/")


def _state(result: PhotoResult | None, previews: Previews | None) -> State:
    """Judge by the files themselves; an earlier run's results are told apart in no other way."""
    if result is None:
        return "pending"
    if result.status == "failed":
        return "failed"
    if previews is None:
        return "changed" if result.status == "retouched" else "unchanged"
    return "changed" if previews.after else "unchanged"


def _face(face: FaceResult) -> dict[str, Any]:
    names = ("box", "score", "size", "status", "region", "reason", "mean_change", "max_change")
    return {name: getattr(face, name) for name in names}
