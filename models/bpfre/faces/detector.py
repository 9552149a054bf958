"""What a face detector is, and how to get one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from bpfre.errors import DetectorError
from bpfre.faces.cache import how_to_get, read_verified, retinaface_weights
from bpfre.faces.face import Face
from bpfre.faces.search import FaceSearch

DETECTORS = ("auto", "retinaface", "mtcnn")


class FaceDetector(Protocol):
    """Finds faces in photos of any sizes."""

    @property
    def name(self) -> str:
        """`retinaface` or `mtcnn`."""

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        """Find the faces of photos, [H, W, 3] uint8 RGB each; the largest face of each photo first."""


def pick_detector(name: str) -> str:
    """Resolve `auto` to retinaface, where its verified weights are there, or mtcnn; other names stay.

    Raises:
        DetectorError: the weights that the user named are missing or damaged.
    """
    if name != "auto":
        return name
    return "mtcnn" if retinaface_weights() is None else "retinaface"


def open_detector(name: str = "auto", *, device: str = "cpu", min_face: float = 40) -> FaceDetector:
    """Open a face detector; safe to use from several threads, one of which computes at a time.

    Args:
        name: `retinaface` (facexlib, weights from the user's cache), `mtcnn` (weights inside its package), or
            `auto`: retinaface where its verified weights are there, else mtcnn.
        device: where retinaface runs (cpu, cuda, mps); mtcnn always runs on the CPU.
        min_face: longer side in photo px of the smallest face worth finding; larger is faster.
    Raises:
        DetectorError: the detector is unknown or cannot be opened here.
    """
    if name not in DETECTORS:
        raise DetectorError(f"There is no face detector {name!r}.", f"Choose one of: {', '.join(DETECTORS)}.")
    weights = None if pick_detector(name) == "mtcnn" else retinaface_weights()
    if weights is not None:
        from bpfre.faces.retinaface import RetinaFaceFinder

        return FaceSearch(RetinaFaceFinder(read_verified(weights), device=device), min_face=min_face)
    if name == "retinaface":
        raise DetectorError("The RetinaFace weights are not on this machine.", how_to_get())
    from bpfre.faces.mtcnn import MtcnnFinder

    return FaceSearch(MtcnnFinder(), min_face=min_face)
