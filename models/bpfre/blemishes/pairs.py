"""From photographs to a folder of pairs that a network can be trained on."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from bpfre.blemishes.regions import estimate_skin
from bpfre.blemishes.synthesis import SynthesisedPair, SynthesisSettings, synthesize
from bpfre.blemishes.targets import heal_judged
from bpfre.errors import FaceRefusedError, PhotoError, UsageError
from bpfre.photos import read_photo, rgb8, write_png

if TYPE_CHECKING:
    from bpfre.faces import Face, FaceDetector
    from bpfre.photos import Photo

RAW, RETOUCHED, MAP = "raw", "retouched", "map"  # folders of a folder of pairs


@dataclass(frozen=True)
class PairJob:
    """One photo, and how its pairs are called."""

    source: Path
    name: PurePosixPath  # below each of the three folders, without number and suffix


@dataclass
class PhotoPairs:
    """What became of one photo."""

    source: Path
    pairs: list[PurePosixPath] = field(default_factory=list)  # written, below each of the three folders
    faces: int = 0  # of which pairs were made
    refused: list[str] = field(default_factory=list)  # why, for each face that none was made of
    reason: str = ""  # why the photo failed


def plan_pairs(photos: Sequence[tuple[Path, Path]], out: Path, *, overwrite: bool = False) -> list[PairJob]:
    """Decide how pairs are called; nothing is written.

    They are called as their photo below its input folder, photos that differ by their suffix alone with the suffix
    in the name.

    Args:
        photos: each photo, and its path below its input folder.
        out: folder for the pairs; need not exist.
        overwrite: whether pairs may lie in `out` already.

    Raises:
        UsageError: pairs are there already, a photo lies where pairs go, or two photos would get the same name.
    """
    folders = [out / name for name in (RAW, RETOUCHED, MAP)]
    for source, _ in photos:
        if any(source.resolve().is_relative_to(folder.resolve()) for folder in folders):
            raise UsageError(f"{source} lies among the pairs in {out}.", "Choose another output folder.")
    if not overwrite and any(path.is_file() for folder in folders for path in folder.rglob("*.png")):
        raise UsageError(
            f"There are pairs in {out} already.", "Choose another folder, or add --overwrite to replace them."
        )
    stems = Counter(relative.with_suffix("") for _, relative in photos)
    planned: dict[PurePosixPath, Path] = {}
    for source, relative in photos:
        stem = relative.with_suffix("")
        name = PurePosixPath(stem if stems[stem] == 1 else stem.with_name(relative.name.replace(".", "_")))
        if planned.setdefault(name, source) != source:
            raise UsageError(f"{planned[name]} and {source} would both be called {name}.", "Rename one of them.")
    return [PairJob(source, name) for name, source in planned.items()]


def write_pairs(
    jobs: Sequence[PairJob],
    out: Path,
    settings: SynthesisSettings,
    detector: FaceDetector,
    *,
    size: int = 512,
    seed: int = 0,
    variants: int = 1,
    min_face: float = 0.0,
) -> Iterator[PhotoPairs]:
    """Write the pairs of every face of every photo, and tell of each photo as it is done.

    `raw/NAME.png` and `retouched/NAME.png` are aligned crops, `map/NAME.png` is the exact size of the edit in 16-bit
    grey: 85 levels for each 8-bit level by which a channel differs, so level / 65025 is the mean absolute difference
    on the scale from 0 to 1. Several faces of a photo are numbered _1, _2, the largest first; several drawings of a
    face -1, -2. What is drawn follows from the seed and the name alone.

    Args:
        jobs: what `plan_pairs` planned.
        out: folder for the pairs.
        settings: what pairs are made of.
        detector: finds the faces.
        size: side of the crops, px.
        seed: of everything random.
        variants: drawings of each face.
        min_face: longer side of the smallest face worth a pair, px of its photo.
    """
    written: dict[PurePosixPath, Path] = {}
    for job in jobs:
        result = PhotoPairs(job.source)
        try:
            photo = read_photo(job.source)
            faces = detector.detect([rgb8(photo)])[0]
            for number, face in enumerate(faces, 1):
                name = job.name.with_name(f"{job.name.name}_{number}") if len(faces) > 1 else job.name
                try:
                    pairs = _pairs_of(photo, face, name, settings, size, seed, variants, min_face)
                    for called, pair in pairs:
                        if written.setdefault(called, job.source) != job.source:
                            raise PhotoError(f"{called} is the name of a pair of {written[called]} already.")
                        _write(out, called, pair)
                        result.pairs.append(called)
                    result.faces += 1
                except FaceRefusedError as error:
                    result.refused.append(error.message)
        except PhotoError as error:
            result.reason = str(error)
        yield result


def _pairs_of(
    photo: Photo,
    face: Face,
    name: PurePosixPath,
    settings: SynthesisSettings,
    size: int,
    seed: int,
    variants: int,
    min_face: float,
) -> Iterator[tuple[PurePosixPath, SynthesisedPair]]:
    from bpfre.faces import align

    if face.size < min_face:
        raise FaceRefusedError(f"The face is {face.size:.0f} px large, less than {min_face:.0f} px.")
    crop = align(photo.rgb, face, size=size).pixels
    skin = estimate_skin(crop, scale=size / 512)
    if not skin.any():
        raise FaceRefusedError("The face shows no skin that could be told from its surroundings.")
    healed = None if settings.source == "drawn" else heal_judged(crop, skin, scale=size / 512).target
    for variant in range(1, variants + 1):
        called = name if variants == 1 else name.with_name(f"{name.name}-{variant}")
        rng = np.random.default_rng((seed, zlib.crc32(called.as_posix().encode("utf-8", "surrogateescape"))))
        yield called.with_name(f"{called.name}.png"), synthesize(crop, skin, rng, settings, healed=healed)


def _write(out: Path, name: PurePosixPath, pair: SynthesisedPair) -> None:
    """Write the three files of a pair, the raw side last: where it is, the others are."""
    for folder, pixels in ((MAP, pair.map16), (RETOUCHED, pair.target), (RAW, pair.raw)):
        write_png(out / folder / name, pixels)
