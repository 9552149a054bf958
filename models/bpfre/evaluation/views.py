"""Everything that can be shown of a photo's faces, written as it is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bpfre.errors import FaceRefusedError, UsageError
from bpfre.evaluation.albums import Album
from bpfre.evaluation.attention import FacePass, face_pass, faces_of
from bpfre.evaluation.map_masks import map_masks
from bpfre.evaluation.sheets import Subject, attention_sheet, compare_sheet, features_sheet, stages_sheet
from bpfre.evaluation.walk import gif, mp4, walk
from bpfre.faces import Face, FaceDetector
from bpfre.photos import Photo, read_photo, write_png
from bpfre.photos.atomic import atomic_file
from bpfre.retouching import RetouchSettings
from bpfre.retouching.selection import choose_faces
from bpfre.retouching.sentences import sentence

if TYPE_CHECKING:
    from bpfre.network import BPFRe

_SHEETS = {"attention": attention_sheet, "stages": stages_sheet, "features": features_sheet}
_FILMS = {"gif": gif, "mp4": mp4}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is made of each face."""

    attention: bool = False
    stages: bool = False
    features: bool = False
    compare: tuple[str, str] | None = None  # names of two networks
    gif: bool = False
    mp4: bool = False
    masks: bool = False  # of each photo

    @property
    def sheets(self) -> bool:
        """Whether any sheet is."""
        return self.attention or self.stages or self.features or self.compare is not None

    @property
    def of_one(self) -> bool:
        """Whether anything but a comparison is."""
        return self.attention or self.stages or self.features or self.gif or self.mp4 or self.masks

    def names(self, weights: str) -> list[str]:
        """Return the names of the networks that are run, each once."""
        return list(dict.fromkeys([*([weights] if self.of_one else []), *(self.compare or ())]))


@dataclass(frozen=True, eq=False)
class Made:
    """One picture, film or mask."""

    path: Path  # the file that it is in
    face: int = 0  # number of the face, from 1; 0: of the whole photo
    sheet: np.ndarray | None = None  # [H, W, 3] uint8 RGB, where it is a sheet


@dataclass(frozen=True, kw_only=True, eq=False)
class Viewer:
    """Looks at photos one by one."""

    wanted: Wanted
    networks: Mapping[str, BPFRe]  # all of `wanted.names(settings.weights)`, in evaluation mode
    detector: FaceDetector
    settings: RetouchSettings  # which faces, and the name of the network for all but comparisons
    album: Album
    out: Path  # folder for films and masks

    def view(self, source: Path, name: Path) -> Iterator[Made | FaceRefusedError]:
        """Write what is wanted of a photo's faces and yield it as it is there.

        Args:
            source: the photo.
            name: its path below the folders of results.

        Yields:
            For a face that retouch would leave as it is, the reason in place of its pictures.

        Raises:
            PhotoError: the photo cannot be read or searched, or the disk refuses.
        """
        photo = read_photo(source)
        faces = faces_of(photo, self.detector)
        left = choose_faces(faces, photo.rgb.shape, self.settings)
        kept: list[FacePass] = []
        for number, face in enumerate(faces, 1):
            try:
                passes = self._passes(photo, face, left.get(number - 1))
            except Exception as error:  # one face does not take the others with it
                yield FaceRefusedError(f"face {number} is left out. {sentence(error, 'looked at')}")
                continue
            subject = Subject(photo=source.name, number=number, faces=len(faces), weights=short(self.settings.weights))
            yield from self._pictures(passes, subject, name.with_name(f"{name.name}.face{number}"))
            if self.wanted.masks:
                kept.append(passes[self.settings.weights])
        if kept:
            for kind, mask in map_masks(kept, photo.rgb.shape).items():
                path = self.out / "masks" / kind / mask_name(name)
                write_png(path, mask)
                yield Made(path)

    def _passes(self, photo: Photo, face: Face, left_out: str | None) -> dict[str, FacePass]:
        if left_out is not None:
            raise FaceRefusedError(left_out)
        return {
            key: face_pass(self.networks[key], photo, face, min_face=self.settings.min_face)
            for key in self.wanted.names(self.settings.weights)
        }

    def _pictures(self, passes: Mapping[str, FacePass], subject: Subject, name: Path) -> Iterator[Made]:
        for kind, draw in _SHEETS.items():
            if getattr(self.wanted, kind):
                yield self._sheet(name, kind, subject, draw(passes[self.settings.weights], subject))
        if self.wanted.compare is not None:
            a, b = self.wanted.compare
            sheet = compare_sheet(passes[a], passes[b], subject, (short(a), short(b)))
            yield self._sheet(name, "compare", subject, sheet)
        chosen = [kind for kind in _FILMS if getattr(self.wanted, kind)]
        frames = walk(passes[self.settings.weights], subject) if chosen else []
        for kind in chosen:
            path = self.out / name.with_name(f"{name.name}.{kind}")
            with atomic_file(path) as file:
                file.write(_FILMS[kind](frames))
            yield Made(path, subject.number)

    def _sheet(self, name: Path, kind: str, subject: Subject, sheet: np.ndarray) -> Made:
        title = f"{name.parent / subject.photo}, face {subject.number} of {subject.faces}: {kind}"
        path = self.album.add(name.with_name(f"{name.name}.{kind}"), title, sheet)
        return Made(path, subject.number, sheet)


def mask_name(name: Path) -> Path:
    """Return a mask's path for a photo's: what `bpfre retouch --only` looks for."""
    return name.with_suffix(".png")


def check_masks(names: Sequence[Path]) -> None:
    """Make sure that each photo has a mask of its own.

    Raises:
        UsageError: two photos differ in their suffix alone.
    """
    taken: dict[Path, Path] = {}
    for name in names:
        other = taken.setdefault(mask_name(name), name)
        if other != name:
            raise UsageError(f"{other} and {name} would have the same mask.", "Show them one after the other.")


def short(weights: str) -> str:
    """Return weights by name, or by file and folder."""
    return Path(*Path(weights).parts[-2:]).as_posix()
