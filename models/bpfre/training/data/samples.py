"""One face before it is looked at, and what its name tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from bpfre.blemishes import LabelledPhoto
from bpfre.training.data.faces import Kind

Split = Literal["train", "validation", "test"]

RAW_NAMES = ("raw", "source", "input", "ffhq", "images1024x1024")  # folders of the raw side, in any case
RETOUCHED_NAMES = ("retouched", "target", "gt", "ffhqr")
FFHQ_FACES = 70_000
_FFHQ_NAME = re.compile(r"(?:(?:^|/)(?P<folder>[^/]+)/|^)(?P<number>[0-9]{5})\.[^./]+$")
_PERSON = re.compile(r"([0-9]+)_")


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Where the photos of one face are. At least one side is there."""

    name: str  # path below the data folder (of a pair: below its raw side), posix
    kind: Kind
    raw: Path | None
    retouched: Path | None
    root: Path  # what the user named
    split: Split | None = None  # None: the data do not say
    labels: LabelledPhoto | None = None  # what was seen on a raw photo by eye

    @property
    def photos(self) -> list[Path]:
        """All its photos, raw side first."""
        return [path for path in (self.raw, self.retouched) if path]

    @property
    def photo(self) -> Path:
        """The side that the face is looked for in."""
        return self.photos[0]


def ffhq_number(name: str) -> int | None:
    """Return the number of a face named as in FFHQ (`00000/00000.png` or `00000.png`), None for other names."""
    match = _FFHQ_NAME.search(name)
    if not match or int(match["number"]) >= FFHQ_FACES:
        return None
    number = int(match["number"])
    folder = match["folder"]
    return None if folder and folder.isdigit() and folder != f"{thousand(number):05d}" else number


def in_ffhq_folder(name: str) -> bool:
    """Whether a face lies in one of FFHQ's numbered folders of 1000."""
    match = _FFHQ_NAME.search(name)
    return bool(match and match["folder"] and match["folder"].isdigit()) and ffhq_number(name) is not None


def ffhq_names(sample: Sample) -> list[str]:
    """Return the names of a face's photos with the folder that they lie in, as FFHQ's are told by."""
    return [f"{path.parent.name}/{path.name}" for path in sample.photos]


def thousand(number: int) -> int:
    """Return the number of the folder that FFHQ keeps a face in."""
    return number // 1000 * 1000


def identity(name: str) -> str:
    """Return who a photo shows, as far as its name tells: photos of one identity stay on one side of a split.

    A file name that begins with digits and an underscore begins with the person's number: `smiling/001_08.jpg` and
    `neutral/001_03.jpg` are one person. A face of FFHQ is known by its number, in whatever folder it lies. Any other
    photo is taken for a person of its own, known by its path without the suffix, and without the folder of its side.
    """
    top, slash, below = name.partition("/")
    if slash and top.lower() in (*RAW_NAMES, *RETOUCHED_NAMES):
        name = below
    person = _PERSON.match(name.rpartition("/")[2])
    if person:
        return person[1]
    number = ffhq_number(name)
    return str(PurePosixPath(name).with_suffix("")) if number is None else f"{number:05d}"
