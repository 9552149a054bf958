"""Find photographs in folders."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bpfre.errors import UsageError
from bpfre.photos.disk import reason

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".heic", ".heif", ".hif", ".avif")
RAW_SUFFIXES = (
    *(".dng", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".raf", ".rw2", ".orf", ".pef", ".srw", ".3fr"),
    *(".iiq", ".mrw", ".x3f"),
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundPhoto:
    """One file to work on."""

    path: Path  # as found
    relative: Path  # below the input folder, or the file's name where it was given by itself


def find_photos(
    inputs: Sequence[Path], *, recursive: bool = True, suffixes: Sequence[str] = SUFFIXES
) -> list[FoundPhoto]:
    """List the photos in files and folders, told by their names and sorted by path.

    Files and folders whose names begin with a dot are left out, unless they are given by name. Every real file comes
    once, however many links lead to it, and under its own name where that is among the inputs; links that go round in
    circles do no harm.

    Raises:
        UsageError: an input does not exist, a file given by name has another suffix, or nothing was found.
    """
    found: dict[Path, FoundPhoto] = {}
    real_folder = functools.cache(Path.resolve)  # most photos share their folder with thousands of others
    for given in inputs:
        for photo in _photos_in(given, recursive, suffixes):
            path = photo.path
            is_link = path.is_symlink()
            real = path.resolve() if is_link else real_folder(path.parent) / path.name
            if real not in found or (found[real].path.is_symlink() and not is_link):
                found[real] = photo
    if not found:
        raise UsageError(
            f"No photos were found in {', '.join(map(str, inputs)) or 'no input at all'}.",
            f"Give files or folders with {', '.join(suffixes)}.",
        )
    return sorted(found.values(), key=lambda photo: photo.path)


def find_others(inputs: Sequence[Path], *, recursive: bool = True, suffixes: Sequence[str] = SUFFIXES) -> list[Path]:
    """List the files in folders that `find_photos` leaves out because of their names, dot-files aside, sorted."""
    folders = [given for given in inputs if given.is_dir()]
    files = {path for folder in folders for path in _files_in(folder, recursive)}
    return sorted(
        path for path in files if not (_is_photo(path, suffixes) or path.name.startswith(".")) and path.is_file()
    )


def _photos_in(given: Path, recursive: bool, suffixes: Sequence[str]) -> Iterator[FoundPhoto]:
    if given.is_dir():
        for path in _files_in(given, recursive):
            if _is_photo(path, suffixes) and not path.name.startswith(".") and path.is_file():
                yield FoundPhoto(path, path.relative_to(given))
    elif not given.exists():
        raise UsageError(f"{given} does not exist.", "Check the path.")
    elif not _is_photo(given, suffixes):
        raise UsageError(f"{given.name} is no photo by its name.", f"Photos end in {', '.join(suffixes)}.")
    else:
        yield FoundPhoto(given, Path(given.name))


def _is_photo(path: Path, suffixes: Sequence[str]) -> bool:
    return path.suffix.lower() in suffixes


def _files_in(folder: Path, recursive: bool) -> Iterator[Path]:
    """Walk a folder, following links, each real folder once."""
    seen: set[Path] = set()
    for current, folders, names in os.walk(folder, followlinks=True, onerror=_report):
        seen.add(Path(current).resolve())
        folders[:] = [
            name
            for name in sorted(folders)
            if recursive and not name.startswith(".") and (Path(current) / name).resolve() not in seen
        ]
        for name in sorted(names):
            yield Path(current) / name


def _report(error: OSError) -> None:
    _log.warning("%s is left out: %s.", error.filename, reason(error))
