"""From photographs to training faces: aligned crops with a clean target and the skin they show."""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
import functools
import hashlib
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from bpfre.blemishes import estimate_skin, find_spots, heal_spots, skin_from_landmarks
from bpfre.errors import BpfreError, DataError
from bpfre.training.landmarks import read_tem

if TYPE_CHECKING:
    from bpfre.faces import FaceDetector
    from bpfre.photos import FoundPhoto

CROP = 640  # side of stored crops, px: a little finer than 512 so that windows can be drawn at several scales
SCALE = CROP / 512
SHARP = 320.0  # longer side of the face's box, px: smaller faces show no spots worth learning from
_CREASE_MARGIN = 7.0  # px of a 512 crop
_VERSION = "2"  # of the preparation; part of the cache's key

RAW_NAMES = ("raw", "source", "input", "ffhq", "images1024x1024")
RETOUCHED_NAMES = ("retouched", "target", "gt", "ffhqr")


@dataclass(frozen=True)
class TrainingFace:
    """One aligned face."""

    raw: np.ndarray  # [640, 640, 3] uint8 sRGB
    target: np.ndarray  # [640, 640, 3] uint8: the retouched side of a pair, or the healed crop
    skin: np.ndarray  # [640, 640] bool: where marks may be drawn
    paired: bool  # the target is a retoucher's
    sharp: bool  # large enough in its photo to show skin in detail


def read_patterns(path: Path | None) -> tuple[str, ...]:
    """Read glob patterns, one a line, of photos that training must not see; # starts a comment.

    Raises:
        DataError: the file cannot be read.
    """
    if path is None:
        return ()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"The hold-out list {path} cannot be read.", "Name a text file of glob patterns.") from error
    return tuple(line.split("#")[0].strip() for line in lines if line.split("#")[0].strip())


def held_out(relative: Path, patterns: Iterable[str]) -> bool:
    """Whether a photo, by its path below the data folder, is kept out of training."""
    return any(fnmatch.fnmatch(relative.as_posix(), pattern) for pattern in patterns)


def pair_folders(root: Path) -> tuple[Path, Path]:
    """Find the raw and the retouched side inside one folder.

    Raises:
        DataError: not both are there.
    """
    names = {child.name.lower(): child for child in sorted(root.iterdir()) if child.is_dir()} if root.is_dir() else {}
    raw = next((names[n] for n in RAW_NAMES if n in names), None)
    retouched = next((names[n] for n in RETOUCHED_NAMES if n in names), None)
    if raw is None or retouched is None:
        raise DataError(
            f"{root} does not hold pairs.",
            f"Put the photos into {root / 'raw'} and their retouched versions, same names, into {root / 'retouched'}.",
        )
    return raw, retouched


def load_unpaired(
    roots: Sequence[Path],
    detector: FaceDetector,
    cache: Path,
    *,
    exclude: Sequence[str] = (),
    on_photo: Callable[[Path, str | None], None] | None = None,
) -> list[TrainingFace]:
    """Align the largest face of every photo and heal its real spots into a target.

    Args:
        roots: folders of photos.
        detector: finds the faces.
        cache: folder for prepared faces.
        exclude: glob patterns of photos to leave out.
        on_photo: told each photo, with the reason where it is left out.
    """
    gathered = (
        _gather(root, lambda photo: [photo.path], _prepare, detector, cache, exclude=exclude, on_photo=on_photo)
        for root in roots
    )
    return [face for faces in gathered for face in faces]


def load_pairs(
    root: Path,
    detector: FaceDetector,
    cache: Path,
    *,
    exclude: Sequence[str] = (),
    on_photo: Callable[[Path, str | None], None] | None = None,
) -> list[TrainingFace]:
    """Load pairs of one folder (`raw/` and `retouched/` inside it, same names whatever their suffix).

    Args:
        root: the folder.
        detector: finds the faces of photos that are no square crops.
        cache: folder for prepared faces.
        exclude: glob patterns, below `raw/`, of photos to leave out.
        on_photo: told each raw photo, with the reason where it is left out.

    Raises:
        DataError: the folder does not hold both sides, or no name is on both.
    """
    from bpfre.photos import find_photos

    raw_root, retouched_root = pair_folders(root)
    targets = {p.relative.with_suffix(""): p.path for p in find_photos([retouched_root])}

    def sides(photo: FoundPhoto) -> list[Path]:
        target = targets.get(photo.relative.with_suffix(""))
        if target is None:
            raise DataError("no retouched photo of that name")
        return [photo.path, target]

    faces = _gather(raw_root, sides, _prepare_pair, detector, cache, exclude=exclude, on_photo=on_photo)
    if not faces:
        raise DataError(f"No usable pair was found below {root}.", "Give both sides the same file names.")
    return faces


def _gather(
    root: Path,
    sources_of: Callable[[FoundPhoto], list[Path]],
    prepare: Callable[..., TrainingFace],
    detector: FaceDetector,
    cache: Path,
    *,
    exclude: Sequence[str],
    on_photo: Callable[[Path, str | None], None] | None,
) -> list[TrainingFace]:
    """Prepare every photo below `root` that is not held out; what cannot be used is told and left out."""
    from bpfre.photos import find_photos

    faces = []
    for photo in find_photos([root]):
        if held_out(photo.relative, exclude):
            continue
        reason = None
        try:
            sources = sources_of(photo)
            faces.append(_cached(cache, sources, functools.partial(prepare, *sources, detector)))
        except BpfreError as error:
            reason = error.message
        if on_photo:
            on_photo(photo.path, reason)
    return faces


def _prepare(path: Path, detector: FaceDetector) -> TrainingFace:
    from bpfre.faces import align
    from bpfre.photos import read_photo, rgb8

    photo = read_photo(path)
    found = detector.detect([rgb8(photo)])[0]
    if not found:
        raise DataError(f"No face was found in {path}.")
    crop = align(photo.rgb, found[0], size=CROP)
    template = path.with_suffix(".tem")
    if template.is_file():
        points = read_tem(template)
        skin = skin_from_landmarks(points @ crop.matrix[:, :2].T + crop.matrix[:, 2], (CROP, CROP), scale=SCALE)
    else:
        skin = estimate_skin(crop.pixels, scale=SCALE)
    target, sharp = crop.pixels, found[0].size >= SHARP
    if sharp:
        # Creases beside eyes, nostrils and lips look like spots: those are sought further away from features.
        inner = cv2.distanceTransform(skin.astype(np.uint8), cv2.DIST_L2, 5) > _CREASE_MARGIN * SCALE
        target = heal_spots(crop.pixels, find_spots(crop.pixels, inner, scale=SCALE), skin, scale=SCALE)
    return TrainingFace(_to_bytes(crop.pixels), _to_bytes(target), skin, paired=False, sharp=bool(sharp))


def _prepare_pair(raw: Path, retouched: Path, detector: FaceDetector) -> TrainingFace:
    from bpfre.faces import align
    from bpfre.photos import read_photo, rgb8

    photos = [read_photo(raw), read_photo(retouched)]
    if photos[0].rgb.shape != photos[1].rgb.shape:
        raise DataError(f"{raw} and {retouched} differ in size.")
    height, width = photos[0].rgb.shape[:2]
    if height == width:  # aligned crops, as FFHQ and FFHQR come
        sides = [cv2.resize(rgb8(p), (CROP, CROP), interpolation=cv2.INTER_AREA) for p in photos]
    else:
        found = detector.detect([rgb8(photos[0])])[0]
        if not found:
            raise DataError(f"No face was found in {raw}.")
        sides = [_to_bytes(align(p.rgb, found[0], size=CROP).pixels) for p in photos]
    skin = estimate_skin(sides[1].astype(np.float32) / 255, scale=SCALE)
    return TrainingFace(sides[0], sides[1], skin, paired=True, sharp=True)


def _to_bytes(pixels: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def _cached(cache: Path, sources: Sequence[Path], make: Callable[[], TrainingFace]) -> TrainingFace:
    """Prepared faces are kept under a key of their sources' content, so that a second run starts at once."""
    from bpfre.photos.atomic import atomic_file

    digest = hashlib.sha256(_VERSION.encode())
    for path in sources:
        template = path.with_suffix(".tem")
        try:
            digest.update(path.read_bytes())
            if template.is_file():
                digest.update(template.read_bytes())
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    stored = cache / f"{digest.hexdigest()[:32]}.npz"
    # A damaged file is made again.
    damage = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
    with contextlib.suppress(*damage), np.load(stored, allow_pickle=False) as data:
        return TrainingFace(data["raw"], data["target"], data["skin"], bool(data["paired"]), bool(data["sharp"]))
    face = make()
    with atomic_file(stored) as file:
        np.savez(file, **dataclasses.asdict(face))
    return face
