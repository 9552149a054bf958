"""Downloading published weights into the user's cache: verified before they take their place, resumed where cut off."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from bpfre.errors import WeightsError
from bpfre.photos.disk import reason
from bpfre.user_cache import CACHE_VARIABLE
from bpfre.weights.download import BrokenDownloadError, RefusedDownloadError, continue_download
from bpfre.weights.published import PublishedFile, sha256_of

OFFLINE_VARIABLE = "BPFRE_OFFLINE"
FRUITLESS = 3  # connections in a row that bring less than `STEP` before a download is given up
STEP = 1 << 20  # bytes
PAUSE = 1.0  # s before a broken download goes on


def is_offline() -> bool:
    """Say whether downloads are switched off (`BPFRE_OFFLINE=1`)."""
    return os.environ.get(OFFLINE_VARIABLE, "") not in ("", "0")


def fetch(published: PublishedFile, *, tell: Callable[[int], None] | None = None) -> None:
    """Download a weights file to its place in the cache; nothing appears there unless it is whole and right.

    What a download that broke off or was killed has brought is kept beside the place under a hidden name, and the
    next one goes on from there. Several processes may ask at once: one downloads, the others wait for it. Where
    the right file is in place already, nothing is downloaded.

    Args:
        tell: hears the number of bytes that are here, again and again.

    Raises:
        WeightsError: downloads are switched off (`BPFRE_OFFLINE=1`), the host cannot be reached, the download broke
            off or is not the published file, or the cache cannot be written.
    """
    if is_offline():
        raise _failed(published, f"{OFFLINE_VARIABLE} is set")
    from filelock import FileLock

    place = published.place
    part = place.with_name(f".{published.file}.{published.sha256[:12]}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(place.with_name(f".{published.file}.lock")):
            if not _is_right(place, published):
                _complete(published, part, tell or (lambda _: None))
                part.replace(place)
    except OSError as error:
        raise WeightsError(
            f"{place} cannot be written: {reason(error)}.", f"Free space, or set {CACHE_VARIABLE} to another folder."
        ) from error


def _failed(published: PublishedFile, why: str) -> WeightsError:
    return WeightsError(f"The {published.title} weights cannot be downloaded: {why}.", published.how_to_get)


def _is_right(path: Path, published: PublishedFile) -> bool:
    return path.is_file() and sha256_of(path) == published.sha256


def _complete(published: PublishedFile, part: Path, tell: Callable[[int], None]) -> None:
    """Bring the partial file to the published content, or remove what is wrong and raise."""
    for _ in range(2 if part.exists() else 1):  # what an earlier download left may be what is wrong
        _extend(published, part, tell)
        if _is_right(part, published):
            return
        part.unlink()
    raise _failed(published, f"what {published.url} serves has another sha256 than published")


def _extend(published: PublishedFile, part: Path, tell: Callable[[int], None]) -> None:
    """Download what is missing of the published size, over several connections where one breaks."""
    reached, fruitless = _size(part), 0
    while True:
        try:
            with part.open("ab") as file:
                try:
                    _receive(published, file, tell)
                finally:
                    os.fsync(file.fileno())
            return
        except RefusedDownloadError as error:
            _drop_empty(part)
            raise _failed(published, str(error)) from error
        except BrokenDownloadError as error:
            size = _size(part)
            fruitless = 0 if size >= reached + STEP else fruitless + 1
            if fruitless == FRUITLESS or not size:
                _drop_empty(part)
                so_far = f" after {size} of {published.size} bytes" if size else ""
                raise _failed(published, f"{error}{so_far}") from error
            reached = max(reached, size)
            time.sleep(PAUSE)


def _receive(published: PublishedFile, file: BinaryIO, tell: Callable[[int], None]) -> None:
    """Append to the partial file over one connection.

    Raises:
        RefusedDownloadError: the server will not give it, or gives more than was published.
        BrokenDownloadError: the connection failed or broke off.
    """
    have = file.tell()
    if have > published.size:
        have = _restart(file)
    if have == published.size:
        return
    for start, chunk in continue_download(published.url, have, published.size):
        if start < have:  # the server begins anew
            have = _restart(file)
        have += len(chunk)
        if have > published.size:
            _restart(file)
            raise RefusedDownloadError(
                f"{published.url} serves more than the {published.size} bytes that were published"
            )
        file.write(chunk)
        tell(have)


def _restart(file: BinaryIO) -> int:
    file.truncate(0)
    file.seek(0)
    return 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _drop_empty(part: Path) -> None:
    if not _size(part):
        with suppress(OSError):
            part.unlink()
