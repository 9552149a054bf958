"""Photos that training must not see."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from pathlib import Path, PurePath

from bpfre.errors import DataError


def read_patterns(path: Path | None) -> tuple[str, ...]:
    """Read glob patterns, one a line, of photos that training must not see; # starts a comment.

    Raises:
        DataError: the file cannot be read.
    """
    if path is None:
        return ()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"The hold-out list {path} cannot be read.", "Name a text file of glob patterns.") from error
    return tuple(line.split("#")[0].strip() for line in lines if line.split("#")[0].strip())


def held_out(relative: PurePath | str, patterns: Iterable[str]) -> bool:
    """Whether a photo, by its path below the data folder, is kept out of training."""
    name = relative if isinstance(relative, str) else relative.as_posix()
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
