"""Decide which photos are retouched and where each result goes, before anything is read or written."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bpfre.errors import UsageError
from bpfre.photos import RAW_SUFFIXES, SUFFIXES, FoundPhoto, find_others, find_photos
from bpfre.photos.signature import describe
from bpfre.retouching.settings import Developed


@dataclass(frozen=True)
class Job:
    """One photo to retouch."""

    source: Path
    destination: Path  # never the source of any job
    relative: Path | None = field(default=None, compare=False)  # below its input folder; the file's name by default

    @property
    def name(self) -> Path:
        """Path that a photo's mask is found by."""
        return self.relative or Path(self.source.name)


@dataclass(frozen=True)
class LeftOut:
    """One file of an input folder that is not taken for a photo."""

    path: Path
    reason: str  # one sentence


def plan_jobs(
    inputs: Sequence[Path], out: Path, *, recursive: bool = True, developed: Developed | None = None
) -> list[Job]:
    """Find the photos and give each a destination in `out`, sub-folders and names kept.

    Results of earlier runs are never taken for photos: where `out` lies inside an input folder, it is left out
    of the search.

    Args:
        inputs: files and folders.
        out: folder for the results; need not exist.
        recursive: look into sub-folders too.
        developed: what camera RAW files become, beside their own suffix: `a.cr3` becomes `a.cr3.tif`, so that it
            never meets `a.jpg`. None: they are no photos here.
    Raises:
        UsageError: an input is missing, no photo was found, `out` is a file or an input folder, a result would
            replace an original, or two photos would get the same destination.
    """
    target = out.resolve()
    if out.exists() and not out.is_dir():
        raise UsageError(f"The output {out} is a file.", "Name a folder.")
    for given in inputs:
        if given.is_dir() and given.resolve() == target:
            raise UsageError(f"The output {out} is an input folder as well.", "Choose another output folder.")
    found = find_photos(inputs, recursive=recursive, suffixes=_suffixes(developed))
    given_files = {given.resolve() for given in inputs if given.is_file()}
    photos = [photo for photo in found if not _is_earlier_result(photo, target, given_files)]
    if not photos:
        raise UsageError(f"All photos found lie in the output folder {out}.", "Choose another output folder.")
    jobs = [Job(photo.path, out / _result_name(photo.relative, developed), photo.relative) for photo in photos]
    check_jobs(jobs)
    return jobs


def left_out(
    inputs: Sequence[Path], out: Path, *, recursive: bool = True, developed: Developed | None = None
) -> list[LeftOut]:
    """List the files of the input folders that are no photos by their names, and say what they are."""
    target = out.resolve()
    others = find_others(inputs, recursive=recursive, suffixes=_suffixes(developed))
    return [LeftOut(path, describe(path)) for path in others if not path.resolve().is_relative_to(target)]


def check_jobs(jobs: Sequence[Job]) -> None:
    """Make sure that no original is replaced and no two photos share a destination.

    Raises:
        UsageError: either would happen.
    """
    _check_originals(jobs)
    _check_collisions(jobs)


def _suffixes(developed: Developed | None) -> tuple[str, ...]:
    return SUFFIXES if developed is None else (*SUFFIXES, *RAW_SUFFIXES)


def _result_name(relative: Path, developed: Developed | None) -> Path:
    if relative.suffix.lower() not in RAW_SUFFIXES:
        return relative
    return relative.with_name(relative.name + (".jpg" if developed == "jpeg" else ".tif"))


def _is_earlier_result(photo: FoundPhoto, target: Path, given_files: set[Path]) -> bool:
    path = photo.path.resolve()
    return path not in given_files and path.is_relative_to(target)


def _check_originals(jobs: Sequence[Job]) -> None:
    originals = {_key(job.source): job.source for job in jobs}
    for job in jobs:
        if original := originals.get(_key(job.destination)):
            raise UsageError(f"The result of {job.source} would replace {original}.", "Choose another output folder.")


def _check_collisions(jobs: Sequence[Job]) -> None:
    """Refuse rather than rename: where a result lies must not depend on what else was given."""
    exact: dict[str, Path] = {}
    folded: dict[str, Path] = {}
    for job in jobs:
        other = exact.setdefault(_key(job.destination), job.source)
        if other != job.source:
            raise UsageError(
                f"{other} and {job.source} would both be written to {job.destination}.",
                "Give the folder above them, which keeps their sub-folders apart, or run them one after the other"
                " into different folders.",
            )
        other = folded.setdefault(_folded(job.destination), job.source)
        if other != job.source and takes_names_for_one(job.destination.parent):
            raise UsageError(
                f"{other} and {job.source} would be one file in {job.destination.parent}: that disk takes capital and"
                " small letters for the same.",
                "Rename one of them, or run them one after the other into different folders.",
            )


def takes_names_for_one(folder: Path) -> bool:
    """Whether names that differ in capital and small letters are one on a folder's disk; it need not exist yet."""
    for part in (folder.absolute(), *folder.absolute().parents):
        other = part.with_name(part.name.swapcase()) if part.name else part
        if other != part and part.exists():
            return other.exists() and other.samefile(part)
    return False


def _key(path: Path) -> str:
    return os.path.normcase(path.resolve())


def _folded(path: Path) -> str:
    """The same for all paths that some disk takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", _key(path)).casefold())
