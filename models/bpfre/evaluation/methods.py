"""What is measured: networks on crops or through the runner, the classical method, other programs' results."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

import cv2
import numpy as np

from bpfre.errors import DataError
from bpfre.evaluation.contenders import retouch_pictures
from bpfre.evaluation.pairs import Pair
from bpfre.faces import FaceDetector
from bpfre.photos import FoundPhoto, find_photos, read_photo, rgb8, to_bytes
from bpfre.retouching.batches import Network, corrections, crop_sizes, size_for

UNEDITED = "unedited"


class Method(Protocol):
    """One row of the table."""

    @property
    def name(self) -> str:
        """What the row is called."""

    def result(self, pair: Pair) -> np.ndarray:
        """Return the retouched picture, [H, W, 3] uint8, of the size of `pair.raw`; `pair.raw` stays as it is."""


class Unedited:
    """Does nothing."""

    name = UNEDITED

    def result(self, pair: Pair) -> np.ndarray:
        """Return the raw picture."""
        return pair.raw


@dataclass(frozen=True, eq=False)
class OnCrops:
    """A network that sees the aligned crop itself, as papers do."""

    name: str
    network: Network  # in evaluation mode
    device: str  # where it is

    def result(self, pair: Pair) -> np.ndarray:
        """Retouch a square crop; a network that does not work at its size sees it resized and corrects it all the same.

        Raises:
            Exception: whatever the network raises.
        """
        crop = pair.raw.astype(np.float32) / 255
        side = len(crop)
        working = size_for(side, crop_sizes(self.network))
        correction = corrections(self.network, [_resized(crop, working)], device=self.device)[0]
        if isinstance(correction, Exception):
            raise correction
        return to_bytes(crop + _resized(correction, side))


@dataclass(frozen=True, eq=False)
class ThroughRunner:
    """A network as `bpfre retouch` runs it: faces found, cut out, corrected and pasted back."""

    name: str
    network: Network  # in evaluation mode
    detector: FaceDetector

    def result(self, pair: Pair) -> np.ndarray:
        """Retouch a photo.

        Raises:
            PhotoError: the runner failed on it.
        """
        return retouch_pictures({pair.name: pair.raw}, self.network, self.detector)[pair.name]


class ResultsFolder:
    """What another program made of the same photos: pictures with the raw photos' names, in any format."""

    def __init__(self, folder: Path) -> None:
        """Look at the names.

        Raises:
            UsageError: it holds no photo.
        """
        self.name, self._folder = str(folder), folder
        found = find_photos([folder])
        stems = Counter(photo.path.stem for photo in found)
        self._by_path = {_without_suffix(photo): photo.path for photo in found}
        self._by_stem = {photo.path.stem: photo.path for photo in found if stems[photo.path.stem] == 1}

    def result(self, pair: Pair) -> np.ndarray:
        """Read the result of a pair: by its path below the folder, or by its file name alone where that is unique.

        Raises:
            BpfreError: there is none, it cannot be read, or it is smaller than the pair.
        """
        key = PurePosixPath(pair.name).with_suffix("")
        path = self._by_path.get(key.as_posix()) or self._by_stem.get(key.name)
        if path is None:
            raise DataError(f"{self._folder} holds no result for {pair.name}.")
        return pair.fit(rgb8(read_photo(path)))


def _without_suffix(photo: FoundPhoto) -> str:
    return photo.relative.with_suffix("").as_posix()


def _resized(pixels: np.ndarray, side: int) -> np.ndarray:
    """Bring a square float picture to another side."""
    if len(pixels) == side:
        return pixels
    how = cv2.INTER_AREA if len(pixels) > side else cv2.INTER_CUBIC
    return cv2.resize(pixels, (side, side), interpolation=how)
