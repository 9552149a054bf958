"""Weights that others publish: what they are, where they belong on this machine, and the proof that they are them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from bpfre.errors import WeightsError
from bpfre.photos.disk import reason
from bpfre.user_cache import cache_folder


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """A weights file as its authors publish it."""

    title: str  # what it is called in sentences, such as "VGG-19"
    file: str  # its name, here and there
    url: str
    sha256: str  # of the whole file, 64 hex digits
    size: int  # bytes
    licence: str

    @property
    def place(self) -> Path:
        """Where it belongs on this machine."""
        return weights_folder() / self.file

    @property
    def how_to_get(self) -> str:
        """The next step for a user without it."""
        return f"Download {self.url} to {self.place}."


def weights_folder() -> Path:
    """Return the folder for downloaded weights, in the user's cache folder."""
    return cache_folder() / "weights"


def read_verified(path: Path, published: PublishedFile) -> bytes:
    """Return the content of a weights file, after its sha256 was found right.

    Raises:
        WeightsError: the file cannot be read or is not the published one.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"The {published.title} weights {path} cannot be read: {reason(error)}.", published.how_to_get
        ) from error
    if hashlib.sha256(content).hexdigest() != published.sha256:
        raise WeightsError(
            f"The {published.title} weights {path} are damaged or another file: their sha256 is wrong.",
            f"Replace the file with a fresh download from {published.url}.",
        )
    return content
