"""Write files whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from bpfre.errors import PhotoError
from bpfre.photos.disk import reason


@contextmanager
def atomic_file(destination: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside the destination that takes its place when the block ends well.

    Missing folders are made; permissions follow the umask. When anything fails, the temporary file is removed
    and an existing destination stays as it was.

    Raises:
        PhotoError: the disk refuses.
    """
    temporary = destination.with_name(f".bpfre-{secrets.token_hex(8)}.part")
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
            raise PhotoError(
                f"{destination} cannot be written: {reason(error)}.",
                "Free space, or choose another output folder.",
            ) from error
        raise
