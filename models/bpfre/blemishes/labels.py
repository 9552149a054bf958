"""Marks of real faces that were labelled by eye: to remove, to keep, doubtful; and places to leave alone."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bpfre.errors import DataError

TEMPORARY = ("pimple", "scab", "red mark", "flat mark")
PERMANENT = ("mole", "freckle", "scar")
CONTROLS = ("skin", "brow", "nostril", "lip edge", "eyelash", "stubble", "jewellery", "vitiligo")

Tone = Literal["lightest", "middle", "darkest"]
TONES: tuple[Tone, ...] = ("lightest", "middle", "darkest")


@dataclass(frozen=True)
class Place:
    """A disc on a photo, in px of the photo; pixel (0, 0) has its centre at (0.0, 0.0)."""

    kind: str
    x: float
    y: float
    radius: float  # of a mark: where its contrast has fallen to about half

    def moved(self, matrix: np.ndarray) -> Place:
        """Take it along a similarity, [2, 3], as from a photo into a crop."""
        x, y = matrix[:, :2] @ (self.x, self.y) + matrix[:, 2]
        return dataclasses.replace(self, x=float(x), y=float(y), radius=self.radius * float(np.hypot(*matrix[:, 0])))


@dataclass(frozen=True)
class LabelledPhoto:
    """What was seen on one photo."""

    photo: str  # path below the folder of faces, posix
    person: str
    marks: tuple[Place, ...]  # kinds of TEMPORARY and PERMANENT
    doubtful: tuple[Place, ...]  # neither surely temporary nor surely permanent: not scored
    controls: tuple[Place, ...] = ()  # kinds of CONTROLS

    @property
    def temporary(self) -> tuple[Place, ...]:
        """Marks that a retoucher removes."""
        return tuple(mark for mark in self.marks if mark.kind in TEMPORARY)

    @property
    def permanent(self) -> tuple[Place, ...]:
        """Marks that belong to the person."""
        return tuple(mark for mark in self.marks if mark.kind in PERMANENT)


@dataclass(frozen=True)
class Labels:
    """A labelled set."""

    typology: Mapping[str, float]  # person -> individual typology angle of the cheeks, degrees; high is light; or empty
    photos: tuple[LabelledPhoto, ...]

    def tones(self) -> dict[str, Tone]:
        """Split the people into thirds by skin tone. -> person: tone"""
        people = sorted(self.typology, key=lambda person: -self.typology[person])
        parts = np.array_split(np.array(people, dtype=object), len(TONES))
        return {str(person): tone for tone, part in zip(TONES, parts, strict=True) for person in part}


def read_labels(path: Path) -> Labels:
    """Read labels: a JSON object with `photos` and, where people are to be told apart by tone, `typology`.

    `photos` is a list of {"photo": path below the folder of faces, "person": ..., "marks": [...], "doubtful": [...],
    "controls": [...]}, the last one if wanted; a mark is [kind, x, y, radius] in px of the photo. `typology` gives
    each person's individual typology angle in degrees.

    Raises:
        DataError: no such file, or not labels.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        typology = {str(person): float(angle) for person, angle in data.get("typology", {}).items()}
        photos = tuple(_photo(entry) for entry in data["photos"])
        unknown = {photo.person for photo in photos} - set(typology)
        if typology and unknown:
            raise ValueError(f"no skin tone for {sorted(unknown)}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} does not hold labels of photos ({error}).") from error
    return Labels(typology, photos)


def _photo(entry: dict[str, Any]) -> LabelledPhoto:
    return LabelledPhoto(
        photo=str(entry["photo"]),
        person=str(entry["person"]),
        marks=_places(entry["marks"], TEMPORARY + PERMANENT),
        doubtful=_places(entry["doubtful"], ("doubtful",)),
        controls=_places(entry.get("controls", []), CONTROLS),
    )


def _places(entries: list[list[Any]], kinds: tuple[str, ...]) -> tuple[Place, ...]:
    places = tuple(Place(str(kind), float(x), float(y), float(radius)) for kind, x, y, radius in entries)
    for place in places:
        if place.kind not in kinds:
            raise ValueError(f"unknown kind {place.kind!r}")
        if not place.radius > 0:
            raise ValueError(f"radius {place.radius}")
    return places
