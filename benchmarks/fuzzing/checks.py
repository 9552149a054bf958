"""Put one damaged file through the product and say what became of it."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fuzzing.mutations import mutate
from fuzzing.seeds import KINDS, seeds

from bpfre.errors import PhotoError, WeightsError
from bpfre.photos import Photo, copy_photo, read_photo, rgb8, write_photo

DONE, REFUSED, NOT_ENCODED, FAULT = "done", "refused", "not encoded", "fault"
_PATCH = 32  # px, side of what is edited
_SUFFIX = {"jpeg": ".jpg", "png": ".png", "tiff": ".tif", "webp": ".webp", "safetensors": ".safetensors"}


@dataclass(frozen=True)
class Outcome:
    """What became of a file."""

    state: str  # DONE: written whole, or loaded; REFUSED: reported; NOT_ENCODED: read, refused in writing; FAULT
    detail: str = ""


class FaultError(Exception):
    """The product did something that it must never do."""


def kind_of(number: int) -> str:
    """Return the kind of the file with this number: all kinds take turns."""
    return KINDS[number % len(KINDS)]


def make(seed: int, number: int) -> bytes:
    """Return a damaged file, always the same for the same numbers."""
    rng = random.Random(f"{seed} {number}")
    sound = seeds(kind_of(number))
    return mutate(rng, kind_of(number), rng.choice(sound), sound)


def check(seed: int, number: int, folder: Path) -> Outcome:
    """Make a damaged file in an empty folder and read, edit, write or load it."""
    kind = kind_of(number)
    source = folder / f"{number}{_SUFFIX[kind]}"
    content = make(seed, number)
    source.write_bytes(content)
    try:
        outcome = _check_weights(source) if kind == "safetensors" else _check_photo(source, folder / "out")
        if hashlib.sha256(source.read_bytes()).digest() != hashlib.sha256(content).digest():
            raise FaultError("the original was changed")
    except FaultError as error:
        return Outcome(FAULT, str(error))
    except Exception as error:  # anything but our own errors is a fault
        return Outcome(FAULT, f"{type(error).__name__}: {error}"[:300])
    return outcome


def _check_photo(source: Path, out: Path) -> Outcome:
    """Do what `bpfre retouch` does with a photo that has a face."""
    try:
        photo = read_photo(source)
    except PhotoError as error:
        return Outcome(REFUSED, _sentence(error))
    rgb8(photo)
    copy_photo(source, out / "copy" / source.name)
    edited = photo.rgb.copy()
    patch = edited[:_PATCH, :_PATCH]
    patch[...] = np.clip(patch.astype(np.int64) + (patch.max() // 8 + 9), 0, np.iinfo(patch.dtype).max)
    target = out / "retouched" / source.name
    try:
        write_photo(photo, edited, target)
    except PhotoError as error:
        if out.joinpath("retouched").exists() and any(out.joinpath("retouched").iterdir()):
            raise FaultError("a refused file left something behind") from error
        return Outcome(NOT_ENCODED, _sentence(error))
    _check_written(photo, target)
    return Outcome(DONE)


def _check_written(photo: Photo, target: Path) -> None:
    try:
        again = read_photo(target)
    except PhotoError as error:
        raise FaultError(f"what was written cannot be read: {error}") from error
    if [path.name for path in target.parent.iterdir()] != [target.name]:
        raise FaultError("temporary files were left")
    if (again.format, again.rgb.shape, again.rgb.dtype) != (photo.format, photo.rgb.shape, photo.rgb.dtype):
        raise FaultError(f"{photo.format} {photo.rgb.shape} became {again.format} {again.rgb.shape}")
    lossless = photo.format in ("PNG", "TIFF") or getattr(photo.encoding, "lossless", False)
    if not lossless:
        return
    if again.native.shape != photo.native.shape:
        raise FaultError(f"samples {photo.native.shape} became {again.native.shape}")
    same = (again.native == photo.native).all(axis=2)
    same[:_PATCH, :_PATCH] = True
    if not same.all():
        raise FaultError(f"{int((~same).sum())} pixels outside of the edit changed")


def _check_weights(source: Path) -> Outcome:
    import torch

    from bpfre.weights import load_network, read_record

    try:
        read_record(source)
    except WeightsError as error:
        _sentence(error)
    try:
        network = load_network(source)
    except WeightsError as error:
        return Outcome(REFUSED, _sentence(error))
    if not all(torch.isfinite(tensor).all() for tensor in network.state_dict().values()):
        raise FaultError("weights that are no numbers were loaded")
    return Outcome(DONE)


def _sentence(error: PhotoError | WeightsError) -> str:
    if not error.message.rstrip().endswith(".") or len(error.message) > 2000:
        raise FaultError(f"no sentence: {error.message[:200]!r}")
    return error.message
