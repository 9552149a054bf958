"""RetinaFace's weights: a file in the user's own cache, checked by its sha256, never downloaded silently."""

from __future__ import annotations

from pathlib import Path

from bpfre.errors import DetectorError, WeightsError
from bpfre.weights import published
from bpfre.weights.catalog import RETINAFACE

FILE_VARIABLE = RETINAFACE.variable


def retinaface_weights() -> Path | None:
    """Return the verified RetinaFace weights: the file named by `BPFRE_RETINAFACE`, or in the cache.

    Returns:
        None where the variable is not set and the cache has no such file.
    Raises:
        DetectorError: the named file is missing or unreadable, or a file is not the published one.
    """
    path = RETINAFACE.find()
    if path is not None:
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
        f"{RETINAFACE.how_to_get} Or set {FILE_VARIABLE} to where it is, "
        "or choose the detector mtcnn, which needs no download."
    )
