"""What became of each photo and each face."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

FaceStatus = Literal["retouched", "unchanged", "refused", "skipped"]
PhotoStatus = Literal["retouched", "copied", "skipped", "failed"]


@dataclass(frozen=True, kw_only=True)
class FaceResult:
    """One face that the detector found."""

    box: tuple[float, float, float, float]  # x0, y0, x1, y1 in photo px
    score: float  # the detector's confidence, 0..1
    size: float  # longer side of the box in photo px
    status: FaceStatus
    region: tuple[int, int, int, int] | None = None  # x0, y0, x1, y1 in photo px: all that may have changed; x1, y1 out
    reason: str = ""  # why it was refused or skipped
    mean_change: float = 0.0  # mean absolute change inside the crop's box, in grey levels of 0..255
    max_change: float = 0.0  # largest absolute change of a sample, in grey levels of 0..255


@dataclass(frozen=True, kw_only=True)
class PhotoResult:
    """One photo."""

    source: Path
    destination: Path
    status: PhotoStatus  # copied: byte for byte (RAW: developed), since no face was there or none changed
    faces: tuple[FaceResult, ...] = ()  # largest first
    reason: str = ""  # why it failed
    note: str = ""  # why pixels outside of the corrections are not bit-identical, where a format forbids it
    seconds: float = 0.0  # from opening it until it was written, waiting included
    width: int = 0  # px, upright; 0 where the photo was not read
    height: int = 0


@dataclass(frozen=True, kw_only=True)
class Totals:
    """A run in numbers."""

    photos: int
    retouched: int
    copied: int
    skipped: int
    failed: int
    faces: int
    faces_retouched: int
    faces_unchanged: int
    faces_refused: int
    faces_skipped: int


def to_facts(faces: Iterable[FaceResult], note: str) -> dict[str, object]:
    """Return what a later run has to know of a photo, as plain JSON values."""
    return {"faces": [asdict(face) for face in faces], "note": note}


def from_facts(facts: Mapping[str, Any]) -> tuple[tuple[FaceResult, ...], str]:
    """Return faces and note as they were given to `to_facts`.

    Raises:
        ValueError: these are no such facts.
    """
    try:
        return tuple(_face(values) for values in facts["faces"]), str(facts["note"])
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError("These are no facts of a photo.") from error


def _face(values: Mapping[str, Any]) -> FaceResult:
    x0, y0, x1, y1 = (_number(value) for value in values["box"])
    region = values["region"]
    if region is not None:
        left, top, right, bottom = (int(value) for value in region)
        region = (left, top, right, bottom)
    if values["status"] not in get_args(FaceStatus):
        raise ValueError(f"There is no status {values['status']!r}.")
    return FaceResult(
        box=(x0, y0, x1, y1),
        score=_number(values["score"]),
        size=_number(values["size"]),
        status=values["status"],
        region=region,
        reason=str(values["reason"]),
        mean_change=_number(values["mean_change"]),
        max_change=_number(values["max_change"]),
    )


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no measure.")
    return number


def total(results: Iterable[PhotoResult]) -> Totals:
    """Count photos and faces by what became of them."""
    photos: Counter[PhotoStatus] = Counter()
    faces: Counter[FaceStatus] = Counter()
    for result in results:
        photos[result.status] += 1
        faces.update(face.status for face in result.faces)
    return Totals(
        photos=photos.total(),
        retouched=photos["retouched"],
        copied=photos["copied"],
        skipped=photos["skipped"],
        failed=photos["failed"],
        faces=faces.total(),
        faces_retouched=faces["retouched"],
        faces_unchanged=faces["unchanged"],
        faces_refused=faces["refused"],
        faces_skipped=faces["skipped"],
    )
