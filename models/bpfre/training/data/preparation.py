"""From what was found to handles of faces: everything slow happens once, into a cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from bpfre.errors import BpfreError, DataError, FaceRefusedError, TrainingError
from bpfre.faces import Face, FaceDetector
from bpfre.photos import read_photo, rgb8
from bpfre.training.config import TrainConfig
from bpfre.training.data.aligned import FEW, AlignedFace, aligned_samples, is_sharp
from bpfre.training.data.cache import CachedFace, FaceCache, write_face
from bpfre.training.data.crops import Healing, cut_face, read_sides, take_aligned
from bpfre.training.data.faces import FaceSource, crop_side
from bpfre.training.data.landmarks import landmark_file
from bpfre.training.data.layouts import Discovery
from bpfre.training.data.places import PAIR_LAYOUTS, PHOTO_LAYOUTS
from bpfre.training.data.samples import Sample
from bpfre.training.data.splits import share_of

VERSION = "6"  # of the preparation; part of every key

OnPhoto = Callable[[Path, str | None], None]


def prepare(
    discovery: Discovery,
    detector: FaceDetector,
    cache: Path,
    config: TrainConfig,
    on_photo: OnPhoto | None = None,
) -> tuple[list[FaceSource], list[FaceSource]]:
    """Make handles of the faces of the training and of the validation split.

    Aligned crops (see `aligned_samples`) are read from their own files when they are needed. Of other photos the
    largest face is found, aligned and kept in the cache: both sides of a pair by the face of the raw one, raw faces
    with their spots healed into a target where `config.synthesis` needs one: those that labels name, or, where no photo
    has labels, those that are judged temporary. A second call with the same photos calls
    no detector, not for photos without a face either.

    Args:
        discovery: what there is.
        detector: finds the faces.
        cache: folder for prepared faces; runs and processes may share it.
        config: size of the crops, synthesis.
        on_photo: told each photo, with the reason where it is left out.

    Returns:
        Training faces in the order of discovery, and validation faces: pairs first, otherwise shuffled, so that the
        first ones stand for all.

    Raises:
        DataError: a place that the user named gives no usable face at all, or none is left for training.
        TrainingError: the cache cannot be written.
    """
    tell = on_photo or (lambda _path, _reason: None)
    for path, reason in discovery.skipped:
        tell(path, reason)
    store = FaceCache(cache)
    labelled = any(sample.labels for sample in discovery.samples)
    heal: Healing = ("labelled" if labelled else "judged") if config.synthesis else "no"
    work = _Preparation(store, detector, config, heal, tell)
    wanted = [sample for sample in discovery.samples if sample.split != "test"]
    faces: dict[Sample, FaceSource] = {}
    try:
        for group in _grouped(wanted, lambda sample: (sample.root, sample.kind == "pair")):
            usable: dict[Sample, FaceSource] = {}
            for samples in _grouped(group, lambda sample: sample.kind):
                usable |= work.handles(samples)
            if not usable:
                layouts = PAIR_LAYOUTS if group[0].kind == "pair" else PHOTO_LAYOUTS
                raise DataError(f"No usable face was found in {group[0].root}. {work.last_reason}", layouts)
            faces |= usable
    finally:
        store.save()
    train = [faces[sample] for sample in wanted if sample in faces and sample.split == "train"]
    if not train:
        raise DataError(
            f"The {len(faces)} usable faces are all on the validation side.", "Set --set validation=0, or add faces."
        )
    kept = [sample for sample in wanted if sample in faces and sample.split == "validation"]
    kept.sort(key=lambda sample: (sample.kind != "pair", share_of(0, sample.name)))
    return train, [faces[sample] for sample in kept]


def _grouped(samples: Sequence[Sample], key: Callable[[Sample], object]) -> list[list[Sample]]:
    groups: dict[object, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(key(sample), []).append(sample)
    return list(groups.values())


class _Preparation:
    """Makes handles, with a cache and a detector at hand."""

    def __init__(
        self, store: FaceCache, detector: FaceDetector, config: TrainConfig, heal: Healing, tell: OnPhoto
    ) -> None:
        self.store, self.detector, self.tell = store, detector, tell
        self.side, self.heal = crop_side(config.size), heal
        self.last_reason = ""

    def handles(self, samples: Sequence[Sample]) -> dict[Sample, FaceSource]:
        """Return handles of those samples, of one folder and kind, that can be used; tell of all."""
        aligned, photo_side = aligned_samples(samples, self._candidate)
        sharp, few = is_sharp(photo_side, self.side), len(samples) <= FEW
        found: dict[Sample, FaceSource] = {}
        for sample in samples:
            reason = None
            try:
                if sample in aligned:
                    found[sample] = self._aligned(sample, sharp=sharp, check=few)
                else:
                    found[sample] = self._cached(sample)
            except TrainingError:
                raise
            except (BpfreError, cv2.error, MemoryError) as error:
                reason = self.last_reason = error.message if isinstance(error, BpfreError) else str(error)
            self.tell(sample.photo, reason)
        return found

    def _aligned(self, sample: Sample, *, sharp: bool, check: bool) -> AlignedFace:
        """Handle of aligned photos; those of small folders are decoded once, so that broken ones are known early."""
        if check:
            key = self.store.key(VERSION, "sound", *self._digests(sample))
            if self.store.record(key) is None:
                take_aligned(sample, read_sides(sample), side=self.side, sharp=sharp, heal="no")
                self.store.write_record(key, {"sound": True})
        healed: Path | None = None
        heal: Healing = "no"
        if sample.kind == "raw" and self.heal != "no" and sharp:
            states = [self.store.state(path) for path in (sample.photo, landmark_file(sample.photo))]
            heal = self.heal
            healed = self.store.face_path(self.store.key(VERSION, heal, self.side, sample.labels, *states))
        return AlignedFace(sample, self.side, sharp, healed, heal)

    def _cached(self, sample: Sample) -> CachedFace:
        """Handle of a prepared face, which is prepared now where it is not there."""
        heal: Healing = self.heal if sample.kind == "raw" else "no"
        made_by = (VERSION, sample.kind, self.side, self.detector.name, heal, sample.labels)
        key = self.store.key(*made_by, *self._digests(sample))
        path, record = self.store.face_path(key), self.store.record(key) or {}
        if "refused" in record:
            raise FaceRefusedError(str(record["refused"]))
        if "sharp" not in record or not path.is_file() or path.stat().st_size != record.get("bytes"):
            face = self._find(sample.photo)
            if face is None:
                raise DataError(f"No face was found in {sample.photo}.")
            try:
                crop = cut_face(sample, read_sides(sample), face, side=self.side, heal=heal)
            except FaceRefusedError as error:
                self.store.write_record(key, {"refused": error.message})
                raise
            record = {"sharp": crop.sharp, "bytes": write_face(path, crop)}
            self.store.write_record(key, record)
        return CachedFace(sample.name, sample.kind, bool(record["sharp"]), path, sample.labels is not None)

    def _digests(self, sample: Sample) -> list[str]:
        """Digests of everything that a face is made from."""
        landmarks = landmark_file(sample.photo)
        sources = [*sample.photos, *([landmarks] if landmarks.is_file() else [])]
        return [self.store.digest(path) for path in sources]

    def _find(self, photo: Path) -> Face | None:
        """Return the largest face of a photo; the detector is asked once."""
        key = self.store.key(VERSION, "face", self.detector.name, self.store.digest(photo))
        record = self.store.record(key)
        if record is None or "found" not in record:
            faces = self.detector.detect([rgb8(read_photo(photo))])[0]
            best = faces[0] if faces else None
            found = best and {"box": best.box.tolist(), "landmarks": best.landmarks.tolist(), "score": best.score}
            record = {"found": found}
            self.store.write_record(key, record)
        found = record["found"]
        if found is None:
            return None
        box, landmarks = (np.array(found[name], np.float32) for name in ("box", "landmarks"))
        return Face(box=box, landmarks=landmarks, score=float(found["score"]))

    def _candidate(self, photo: Path) -> Face | None:
        """As `_find`; a photo that cannot be read tells its reason later."""
        try:
            return self._find(photo)
        except TrainingError:
            raise
        except (BpfreError, cv2.error, MemoryError):
            return None
