"""RetinaFace's weights: a file in the user's own cache, checked by its sha256, never downloaded silently."""

from __future__ import annotations

import os
from pathlib import Path

from bpfre.errors import DetectorError, WeightsError
from bpfre.weights import published

RETINAFACE = published.PublishedFile(
    title="RetinaFace",
    file="detection_mobilenet0.25_Final.pth",
    url="https://github.com/xinntao/facexlib/releases/download/v0.1.0/detection_mobilenet0.25_Final.pth",
    sha256="7c417d4a43c5e2100ef40c2fbd2177d2fd0e5090d8e87c0fa31806cfb895c12f",
    size=1_833_129,
    licence="MIT",
)
FILE_VARIABLE = "BPFRE_RETINAFACE"


def retinaface_weights() -> Path | None:
    """Return the verified RetinaFace weights: the file named by `BPFRE_RETINAFACE`, or in the cache.

    Returns:
        None where the variable is not set and the cache has no such file.
    Raises:
        DetectorError: the named file is missing or unreadable, or a file is not the published one.
    """
    named = os.environ.get(FILE_VARIABLE)
    path = Path(named).expanduser().absolute() if named else RETINAFACE.place
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
        return published.read_verified(path, RETINAFACE)
    except WeightsError as error:
        raise DetectorError(error.message, how_to_get()) from error


def how_to_get() -> str:
    """Return the next step for a user without these weights."""
    return (
        f"Download {RETINAFACE.url} to {RETINAFACE.place}, "
        f"or set {FILE_VARIABLE} to where it is, or choose the detector mtcnn, which needs no download."
    )
