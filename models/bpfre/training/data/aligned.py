"""Photos that are aligned face crops already, as FFHQ's: told from others, and read straight from their files."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bpfre.faces import Face
from bpfre.faces.template import template
from bpfre.training.data.cache import kept_face
from bpfre.training.data.crops import SHARP_ALIGNED, Healing, read_sides, take_aligned
from bpfre.training.data.faces import Kind, TrainingFace
from bpfre.training.data.samples import Sample, ffhq_names, ffhq_number, in_ffhq_folder
from bpfre.training.data.splits import share_of

FEW = 200  # photos that are all looked at; of more, so many
_TOLERANCE = 0.05  # rms distance of landmarks from the template, as a share of the side: aligned crops stay below
# 0.03, square studio portraits start at 0.07
_MOST = 0.75  # share of the photos with a face that have to fit
_FFHQ_FOLDERS = ("ffhq", "ffhqr", "images1024x1024")

FindFace = Callable[[Path], Face | None]


@dataclass(frozen=True, slots=True)
class AlignedFace:
    """Handle of photos that are aligned crops."""

    sample: Sample
    side: int  # of the stored crop, px
    sharp: bool
    healed: Path | None  # where the healed crop of a raw face is kept; None where `heal` is no
    heal: Healing = "no"  # how it is

    @property
    def name(self) -> str:
        """Path below the data folder, posix."""
        return self.sample.name

    @property
    def kind(self) -> Kind:
        """What is known of the face."""
        return self.sample.kind

    @property
    def labelled(self) -> bool:
        """Whether its marks were labelled by eye."""
        return self.sample.labels is not None

    def load(self) -> TrainingFace:
        """Decode the photos; a raw face is healed once.

        Raises:
            BpfreError: a photo is missing, damaged, or no such crop.
        """
        return kept_face(self.healed, self._read) if self.healed else self._read()

    def _read(self) -> TrainingFace:
        sides = read_sides(self.sample)
        return take_aligned(
            self.sample, sides, side=self.side, sharp=self.sharp, heal=self.heal if self.healed else "no"
        )


def aligned_samples(samples: Sequence[Sample], find_face: FindFace) -> tuple[set[Sample], float]:
    """Tell which samples of one folder are aligned crops.

    Photos are candidates where they are square. The folder decides for all of them: it was made by one procedure,
    while a detector misses some faces of any set, and judging each photo by its own landmarks would drop or shift
    just the hard ones (turned heads, hands, sunglasses). It is aligned where it is laid out like FFHQ, or where in
    three of four candidates with a face the landmarks lie on the FFHQ template within 5 % of the side. Where the
    detector sees no face in most candidates it cannot judge them: then pairs are taken to be aligned, as nobody makes
    square pairs by accident, and photos are not. Up to 200 photos are all looked at, of larger folders 200, chosen by
    a hash of their names.

    Args:
        samples: of one folder and one kind.
        find_face: returns the largest face of a photo, None where there is none or the photo cannot be read.

    Returns:
        The aligned samples, and the median side of the photos looked at [px].
    """
    looked_at = sorted(samples, key=lambda sample: share_of(0, sample.name))[:FEW]
    sides = {sample: side for sample in looked_at if (side := _square_side(sample))}
    if not sides:
        return set(), 0.0
    if not _like_ffhq(looked_at):
        fits, faceless = _judged(sides, find_face)
        if not fits:
            return set(), 0.0
        sides = {sample: side for sample, side in sides.items() if sample not in faceless}
    median = float(statistics.median(sides.values()))
    if len(samples) > len(looked_at) and len(sides) == len(looked_at):
        return set(samples), median  # the rest is square too, or its loading will tell
    seen = set(looked_at)
    return {s for s in samples if s in sides or (s not in seen and _square_side(s))}, median


def is_sharp(photo_side: float, side: int) -> bool:
    """Whether aligned photos of this size show skin in detail in a stored crop of `side` px."""
    return photo_side >= SHARP_ALIGNED * side


def _judged(sides: dict[Sample, int], find_face: FindFace) -> tuple[bool, set[Sample]]:
    """Whether square photos are aligned by their landmarks, and the single photos that show no face."""
    faces = {sample: find_face(sample.photo) for sample in sides}
    pairs = any(sample.kind == "pair" for sample in sides)
    distances = [
        float(np.sqrt(((face.landmarks - template(sides[sample])) ** 2).sum(axis=1).mean()) / sides[sample])
        for sample, face in faces.items()
        if face
    ]
    if 2 * len(distances) < len(sides):
        return pairs, set()
    fits = sum(distance < _TOLERANCE for distance in distances) >= _MOST * len(distances)
    return fits, set() if pairs else {sample for sample, face in faces.items() if not face}


def _like_ffhq(samples: Sequence[Sample]) -> bool:
    """Whether nearly all photos lie in numbered folders of 1000, or by their number in a folder called as FFHQ's."""
    like = sum(any(map(_named_as_ffhq, ffhq_names(sample))) for sample in samples)
    return like > 0.9 * len(samples)


def _named_as_ffhq(name: str) -> bool:
    folder = name.partition("/")[0].lower()
    return in_ffhq_folder(name) or (folder in _FFHQ_FOLDERS and ffhq_number(name) is not None)


def _square_side(sample: Sample) -> int:
    """Side of the photo that the face is looked for in, 0 where a side is not square or cannot be read."""
    sizes = []
    for path in sample.photos:
        try:
            with Image.open(path) as image:  # reads the header alone
                sizes.append(image.size)
        except Exception:  # whatever a decoder raises: reading the photo will tell the reason
            return 0
    return sizes[0][0] if all(width == height for width, height in sizes) else 0
