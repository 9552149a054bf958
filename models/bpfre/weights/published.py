"""Weights files that are known by name: what they are, where they belong here, and the proof that they are them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from bpfre.errors import WeightsError
from bpfre.photos.disk import reason
from bpfre.user_cache import cache_folder

_CHUNK = 1 << 20  # bytes


@dataclass(frozen=True, kw_only=True)
class WeightsFile(ABC):
    """What is known of a weights file, wherever it comes from."""

    name: str  # what commands call it, such as "vgg19"
    title: str  # what it is called in sentences, such as "VGG-19"
    purpose: str  # what it is for, a few words
    file: str  # its name, here and there
    sha256: str  # of the whole file, 64 hex digits
    size: int  # bytes
    licence: str
    source: str  # who made it, and of what

    @property
    @abstractmethod
    def place(self) -> Path:
        """Where it belongs on this machine."""

    @property
    @abstractmethod
    def how_to_get(self) -> str:
        """The next step for a user without it."""

    def find(self) -> Path | None:
        """Where it is, unverified; None where it is not on this machine."""
        return self.place if self.place.exists() else None


@dataclass(frozen=True, kw_only=True)
class ShippedFile(WeightsFile):
    """A weights file inside this package."""

    @property
    def place(self) -> Path:
        """Beside this module."""
        return Path(__file__).with_name(self.file)

    @property
    def how_to_get(self) -> str:
        """It comes with the package."""
        return "Install bpfre again."


@dataclass(frozen=True, kw_only=True)
class PublishedFile(WeightsFile):
    """A weights file as its authors publish it."""

    url: str
    variable: str | None = None  # environment variable that names the file
    package: str | None = None  # installed package that carries it in its folder `weights`
    in_torch_hub: bool = False  # torch downloads it too, into a cache of its own

    @property
    def place(self) -> Path:
        """In the user's cache."""
        return weights_folder() / self.file

    @property
    def how_to_get(self) -> str:
        """Let bpfre fetch it, or do it by hand."""
        return f"Run bpfre weights fetch {self.name}, or download {self.url} to {self.place}."

    def find(self) -> Path | None:
        """Where it is, unverified: what the variable names (even if nothing is there), else the first that exists."""
        if self.variable and (named := os.environ.get(self.variable)):
            return Path(named).expanduser().absolute()
        hub = [torch_hub_folder() / self.file] if self.in_torch_hub else []
        return next((place for place in (*self._packaged(), self.place, *hub) if place.exists()), None)

    def _packaged(self) -> list[Path]:
        spec = importlib.util.find_spec(self.package) if self.package else None  # nothing of it is executed
        return [Path(folder) / "weights" / self.file for folder in (spec and spec.submodule_search_locations) or ()]


def weights_folder() -> Path:
    """Return the folder for downloaded weights, in the user's cache folder."""
    return cache_folder() / "weights"


def torch_hub_folder() -> Path:
    """Return where torch keeps downloaded weights (`torch.hub`), without importing it."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or f"{cache}/torch"
    return Path(home).expanduser() / "hub" / "checkpoints"


def read_verified(path: Path, known: WeightsFile) -> bytes:
    """Return the content of a weights file, after its sha256 was found right.

    Raises:
        WeightsError: the file cannot be read or is not the known one.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, known, error) from error
    _check(path, known, hashlib.sha256(content).hexdigest())
    return content


def verify(path: Path, known: WeightsFile) -> None:
    """Check the sha256 of a weights file of any size, a piece at a time.

    Raises:
        WeightsError: the file cannot be read or is not the known one.
    """
    try:
        found = sha256_of(path)
    except OSError as error:
        raise _unreadable(path, known, error) from error
    _check(path, known, found)


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file as 64 hex digits.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _check(path: Path, known: WeightsFile, found: str) -> None:
    if found != known.sha256:
        raise WeightsError(
            f"The {known.title} weights {path} are damaged or another file: their sha256 is wrong.",
            f"Remove the file. {known.how_to_get}",
        )


def _unreadable(path: Path, known: WeightsFile, error: OSError) -> WeightsError:
    return WeightsError(f"The {known.title} weights {path} cannot be read: {reason(error)}.", known.how_to_get)
