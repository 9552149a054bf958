"""The operating system's refusals in plain words."""

from __future__ import annotations

import errno
from pathlib import Path

_REASONS = {
    errno.ENOENT: "there is no such file",
    errno.EISDIR: "it is a folder",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.EEXIST: "a part of its path is a file, not a folder",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the disk is write-protected",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENAMETOOLONG: "its name is too long",
}

_ELSEWHERE = "Choose another output folder."
_REMEDIES = {
    errno.ENOSPC: "Free space, or choose another output folder.",
    errno.EDQUOT: "Free space, or choose another output folder.",
    errno.ENAMETOOLONG: "Give it a shorter name, or choose an output folder nearer to the disk's root.",
}


def reason(error: OSError) -> str:
    """Return why a file could not be opened or written, without a full stop."""
    return _REASONS.get(error.errno or 0, (error.strerror or "the disk reports an error").lower())


def remedy(error: OSError) -> str:
    """Return what to do about a file that could not be written."""
    return _REMEDIES.get(error.errno or 0, _ELSEWHERE)


def is_file(path: Path) -> bool:
    """Whether a file is there; no name is too long to ask."""
    try:
        return path.is_file()
    except OSError:
        return False
