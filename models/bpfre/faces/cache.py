"""RetinaFace's weights: a file in the user's own cache, checked by its sha256, never downloaded silently."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from bpfre.errors import DetectorError

RETINAFACE_FILE = "detection_mobilenet0.25_Final.pth"
RETINAFACE_SHA256 = "7c417d4a43c5e2100ef40c2fbd2177d2fd0e5090d8e87c0fa31806cfb895c12f"
# facexlib's release: MIT, 1.8 MB.
RETINAFACE_URL = f"https://github.com/xinntao/facexlib/releases/download/v0.1.0/{RETINAFACE_FILE}"
FILE_VARIABLE = "BPFRE_RETINAFACE"
CACHE_VARIABLE = "BPFRE_CACHE"


def weights_folder() -> Path:
    """Return the folder for downloaded weights, below `$BPFRE_CACHE` or else the user's cache folder."""
    from platformdirs import user_cache_dir

    return Path(os.environ.get(CACHE_VARIABLE) or user_cache_dir("bpfre")).expanduser().absolute() / "weights"


def retinaface_weights() -> Path | None:
    """Return the verified RetinaFace weights: the file named by `BPFRE_RETINAFACE`, or in the cache.

    Returns:
        None where the variable is not set and the cache has no such file.
    Raises:
        DetectorError: the named file is missing or unreadable, or a file is not the published one.
    """
    named = os.environ.get(FILE_VARIABLE)
    path = Path(named).expanduser().absolute() if named else weights_folder() / RETINAFACE_FILE
    if not named and not path.exists():
        return None
    read_verified(path)
    return path


def read_verified(path: Path) -> bytes:
    """Return the content of the RetinaFace weights, after its sha256 was found right.

    Raises:
        DetectorError: the file cannot be read or is not the published one.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        message = f"The RetinaFace weights {path} cannot be read: {reason}."
        raise DetectorError(message, how_to_get()) from error
    if hashlib.sha256(content).hexdigest() != RETINAFACE_SHA256:
        raise DetectorError(
            f"The RetinaFace weights {path} are damaged or another file: their sha256 is wrong.",
            f"Replace the file with a fresh download from {RETINAFACE_URL}, or choose the detector mtcnn.",
        )
    return content


def how_to_get() -> str:
    """Return the next step for a user without these weights."""
    return (
        f"Download {RETINAFACE_URL} to {weights_folder() / RETINAFACE_FILE}, "
        f"or set {FILE_VARIABLE} to where it is, or choose the detector mtcnn, which needs no download."
    )
