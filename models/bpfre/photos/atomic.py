"""Write files whole or not at all."""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from bpfre.errors import PhotoError
from bpfre.photos.disk import reason, remedy

_PREFIX, _SUFFIX = ".bpfre-", ".part"


@contextmanager
def atomic_file(destination: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside the destination that takes its place when the block ends well.

    Missing folders are made; permissions follow the umask. When anything fails, the temporary file is removed
    and an existing destination stays as it was.

    Raises:
        PhotoError: the disk refuses.
    """
    temporary = destination.with_name(f"{_PREFIX}{_host()}-{os.getpid()}-{secrets.token_hex(8)}{_SUFFIX}")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(destination)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise PhotoError(f"{destination} cannot be written: {reason(error)}.", remedy(error)) from error
        raise


def remove_stale(folder: Path) -> None:
    """Remove temporary files below a folder that processes of this machine left when they were killed."""
    for path in folder.rglob(f"{_PREFIX}{_host()}-*{_SUFFIX}"):
        number = path.name.removeprefix(f"{_PREFIX}{_host()}-").partition("-")[0]
        if number.isdigit() and not _is_running(int(number)):
            with suppress(OSError):
                path.unlink()


def _host() -> str:
    """Tell machines that share a folder apart."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _is_running(process: int) -> bool:
    if os.name != "posix":  # asking by signal would end the process there
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
