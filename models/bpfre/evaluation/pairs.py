"""The pairs that are measured: which of those found on disk, read one by one at the size asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np

from bpfre.errors import BpfreError, DataError, UsageError
from bpfre.faces import Face, FaceDetector, align
from bpfre.faces.template import template
from bpfre.photos import read_photo, rgb8, to_bytes
from bpfre.training.data.aligned import aligned_samples
from bpfre.training.data.crops import read_sides, resize_square, scale_face
from bpfre.training.data.layouts import paired_places
from bpfre.training.data.samples import Sample
from bpfre.training.data.splits import share_of, split_officially

SplitChoice = Literal["auto", "test", "validation", "train", "all"]
LEAST_SIZE = 64  # px; smaller crops are too small for some of the metrics


@dataclass(frozen=True)
class FoundPairs:
    """The pairs to be measured."""

    samples: tuple[Sample, ...]
    about: tuple[str, ...]  # a sentence for each place, then one on the split
    skipped: tuple[tuple[Path, str], ...]  # photos that are left out, with the reason


@dataclass(frozen=True, eq=False)
class Pair:
    """One pair at the size it is measured at."""

    sample: Sample
    raw: np.ndarray  # [H, W, 3] uint8, unedited
    target: np.ndarray  # [H, W, 3] uint8, the retoucher's
    face: Face | None  # in px of `raw`; None where none was found
    fit: Callable[[np.ndarray], np.ndarray]  # brings another picture of this pair to the same place and size

    @property
    def name(self) -> str:
        """Path of the raw side below the data folder."""
        return self.sample.name


def find_pairs(paired: Sequence[Path], *, split: SplitChoice = "auto", limit: int | None = None) -> FoundPairs:
    """Find pairs as training does (see `discover`) and choose which of them are measured.

    Faces named as FFHQ's in more than one part of FFHQR's official split, or in its test folders, are split
    officially; a table may say its own. `auto` takes the test part of such data, else the validation part; of data
    without a split all pairs.

    Args:
        paired: a folder with both sides, a table, or two folders.
        split: which part.
        limit: at most so many, always the same ones whatever the order on disk.

    Raises:
        DataError: there are no pairs, or none in that part.
        UsageError: there is no such part.
    """
    if split not in get_args(SplitChoice):
        raise UsageError(f"There is no part {split!r} of the pairs.", f"Choose {', '.join(get_args(SplitChoice))}.")
    places = paired_places(paired, ())
    found: list[Sample] = []
    for place in places:
        found += place.samples if place.has_splits else split_officially(place.samples)
    samples, sentence = _choose(found, split)
    if limit is not None and limit < len(samples):
        sentence += f" The limit leaves {limit} of these {len(samples)}."
        chosen = set(sorted(samples, key=lambda sample: (share_of(0, sample.name), sample.name))[:limit])
        samples = [sample for sample in samples if sample in chosen]
    return FoundPairs(
        tuple(samples),
        (*(f"{place.root}: {place.layout}." for place in places), sentence),
        tuple(skip for place in places for skip in place.skipped),
    )


def _choose(samples: Sequence[Sample], split: SplitChoice) -> tuple[list[Sample], str]:
    parts = {sample.split for sample in samples}
    if split == "all":
        return list(samples), f"All {len(samples)} pairs are measured, whatever their split."
    if split == "auto":
        if "test" not in parts and "validation" not in parts:
            return list(samples), f"No split is known: all {len(samples)} pairs are measured."
        split = "test" if "test" in parts else "validation"
    chosen = [sample for sample in samples if sample.split == split]
    if not chosen:
        raise DataError(f"None of the {len(samples)} pairs is in the {split} part.", "Choose --split auto or all.")
    return chosen, f"The {split} part is measured: {len(chosen)} of {len(samples)} pairs."


class PairReader:
    """Reads pairs whole, or as aligned square face crops."""

    def __init__(self, samples: Sequence[Sample], size: int | None, detector: FaceDetector) -> None:
        """Look at the photos as far as needed to tell aligned crops from other photos.

        Args:
            samples: all pairs that will be read.
            size: side of the crops, px; None: whole photos at their own size.
            detector: finds the faces.

        Raises:
            UsageError: a side below `LEAST_SIZE`.
        """
        if size is not None and size < LEAST_SIZE:
            raise UsageError(f"Crops of {size} px are too small to be measured.", f"Give {LEAST_SIZE} or more.")
        self._size, self._detector = size, detector
        self._known: dict[Path, Face | None] = {}
        self._aligned: set[Sample] = set()
        for root in dict.fromkeys(sample.root for sample in samples) if size else ():
            self._aligned |= aligned_samples([s for s in samples if s.root == root], self._candidate)[0]

    def read(self, sample: Sample) -> Pair:
        """Read one pair.

        Raises:
            BpfreError: a photo cannot be read, the sides differ in shape, or there is no face to be cut out.
        """
        sides = read_sides(sample)
        height, width = sides.pixels[0].shape[:2]
        if self._size is None:
            face = self._find(sides.pixels[0])
            return self._pair(sample, sides.pixels, face, lambda pixels: _reduced(pixels, (height, width)))
        size = self._size
        if sample in self._aligned:
            return self._pair(sample, sides.pixels, _template_face(size), lambda pixels: _square(pixels, size))
        face = self._face(sample.photo)
        if face is None:
            raise DataError(f"No face was found in {sample.photo}.")
        here = scale_face(face, sides.reduction)

        def cut(pixels: np.ndarray) -> np.ndarray:
            return to_bytes(align(_reduced(pixels, (height, width)), here, size=size).pixels)

        return self._pair(sample, sides.pixels, _template_face(size), cut)

    def _pair(
        self, sample: Sample, sides: Sequence[np.ndarray], face: Face | None, fit: Callable[[np.ndarray], np.ndarray]
    ) -> Pair:
        return Pair(sample, fit(sides[0]), fit(sides[1]), face, fit)

    def _find(self, rgb: np.ndarray) -> Face | None:
        """Return the largest face of a picture."""
        faces = self._detector.detect([rgb])[0]
        return faces[0] if faces else None

    def _face(self, photo: Path) -> Face | None:
        if photo not in self._known:
            self._known[photo] = self._find(rgb8(read_photo(photo)))
        return self._known[photo]

    def _candidate(self, photo: Path) -> Face | None:
        """As `_face`; a photo that cannot be read tells its reason when it is read."""
        try:
            return self._face(photo)
        except (BpfreError, cv2.error, MemoryError):
            return None


def _template_face(size: int) -> Face:
    """Return the face of an aligned crop."""
    return Face(box=np.array([0, 0, size, size], np.float32), landmarks=template(size).astype(np.float32), score=1.0)


def _reduced(pixels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bring a picture to a height and width that may not be larger than its own."""
    height, width = pixels.shape[:2]
    if (height, width) == shape:
        return pixels
    if height < shape[0] or width < shape[1] or abs(height * shape[1] / width - shape[0]) > 1:
        raise DataError(
            f"A picture of {width} x {height} px cannot be compared with one of {shape[1]} x {shape[0]} px.",
            "Export both at one size.",
        )
    return cv2.resize(pixels, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)


def _square(pixels: np.ndarray, size: int) -> np.ndarray:
    height, width = pixels.shape[:2]
    if height != width:
        raise DataError("It is not square as the other photos of its folder are.")
    if width < size:
        raise DataError(f"It is only {width} px large.", f"Give --size {width} or less.")
    return resize_square(pixels, size) if width != size else pixels
