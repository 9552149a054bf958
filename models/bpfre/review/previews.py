"""Small pictures of a photo and its result, and of where they differ."""

from __future__ import annotations

import dataclasses
import filecmp
import hashlib
import io
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageCms

from bpfre.errors import PhotoError
from bpfre.photos import Photo, read_photo, rgb8
from bpfre.photos.atomic import atomic_file
from bpfre.photos.limits import MAX_MEGAPIXELS

THUMB = 320  # longer side of a thumbnail, px
SHOWN = 1280  # of the pictures in the slider; full size is the photo itself, which the browser opens
SHOWN_ALONE = 2560  # of those in the slider where no browser opens the photo itself
STRONG = 24  # change in grey levels of 0..255 from which the map is as dense as it gets

_VERSION = 1  # of what is made here: raised, all is made anew
_IN_BROWSERS = ("JPEG", "PNG", "WEBP", "AVIF")
_QUALITY = 86
_COLOUR = (0, 214, 255)  # of the map: far from every skin
_FAINT, _DENSE = 80, 235  # opacity of the smallest change and of a strong one
_STEPS = 16  # of opacity: fewer are smaller to store


@dataclass(frozen=True, kw_only=True)
class Previews:
    """The pictures of one photo; names of files in the folder they were made in."""

    width: int  # of the photo, px, upright
    height: int
    thumb: str
    before: str
    after: str = ""  # empty where nothing differs
    map: str = ""
    share: float = 0.0  # of the photo's pixels that differ, 0..1
    most: float = 0.0  # largest difference of a sample, in grey levels of 0..255, rounded up
    full: bool = False  # whether browsers open the photo and its result themselves
    note: str = ""  # why there is no map or no result, a sentence


def make_previews(
    source: Path, result: Path | None, folder: Path, *, max_megapixels: float = MAX_MEGAPIXELS
) -> Previews:
    """Make the pictures of a photo, or return those made earlier from the same two files.

    Both files are only read. Pictures are JPEG in sRGB, the map a PNG that is transparent where nothing differs;
    each is written whole or not at all, the note that they are complete last.

    Args:
        source: the photo.
        result: what it became; None where it became nothing.
        folder: for the pictures; made where it is missing.
        max_megapixels: larger photos are refused.
    Raises:
        PhotoError: the photo cannot be read, or a picture not be written.
    """
    stem = _stem(source, result)
    record = folder / f"{stem}.json"
    with suppress(OSError, ValueError, TypeError):
        return Previews(**json.loads(record.read_bytes()))
    before = read_photo(source, max_megapixels=max_megapixels)
    after, note = _read_result(source, result, max_megapixels)
    made = _make(before, after, note, folder, stem)
    _write(record, json.dumps(dataclasses.asdict(made)).encode("ascii"))
    return made


def files_of(previews: Previews) -> set[str]:
    """Return the names of all files that belong to a photo's pictures."""
    pictures = {previews.thumb, previews.before, previews.after, previews.map} - {""}
    return pictures | {f"{previews.before.partition('-')[0]}.json"}


def _stem(source: Path, result: Path | None) -> str:
    """A name that changes whenever a file does, and tells nothing of the photo's own name."""
    states: list[object] = [_VERSION]
    for path in (source, result):
        with suppress(OSError):
            if path is not None:
                status = path.stat()
                states.append([str(path), status.st_size, status.st_mtime_ns])
    return hashlib.sha256(json.dumps(states).encode("ascii")).hexdigest()[:24]


def _make(before: Photo, after: Photo | None, note: str, folder: Path, stem: str) -> Previews:
    height, width = before.rgb.shape[:2]
    full = all(photo is None or photo.format in _IN_BROWSERS for photo in (before, after))
    side = SHOWN if full else SHOWN_ALONE
    facts: dict[str, Any] = {"width": width, "height": height, "full": full}
    shown = _picture(before, side)
    if after is not None:
        if after.rgb.shape != before.rgb.shape or after.rgb.dtype != before.rgb.dtype:
            note = "The result has another size or depth than the photo: there is no map of where they differ."
            facts |= {"share": 1.0}
            amount = None
        else:
            amount = _difference(before.rgb, after.rgb)
            facts |= {"share": float((amount > 0).mean()), "most": float(amount.max(initial=0))}
        if amount is None or facts["most"]:
            _write(folder / f"{stem}-before.jpg", _jpeg(shown))
            shown = _picture(after, side)
            facts |= {"before": f"{stem}-before.jpg", "after": f"{stem}-after.jpg"}
            if amount is not None:
                _write(folder / f"{stem}-map.png", _map(amount, shown.size))
                facts |= {"map": f"{stem}-map.png"}
    last = facts.get("after") or facts.setdefault("before", f"{stem}-before.jpg")
    _write(folder / last, _jpeg(shown))
    shown.thumbnail((THUMB, THUMB), Image.Resampling.LANCZOS)
    _write(folder / f"{stem}-thumb.jpg", _jpeg(shown))
    return Previews(**facts, thumb=f"{stem}-thumb.jpg", note=note)


def _read_result(source: Path, result: Path | None, max_megapixels: float) -> tuple[Photo | None, str]:
    """Return the result where it differs from the photo, and why it cannot be shown."""
    if result is None:
        return None, ""
    try:
        if filecmp.cmp(source, result, shallow=False):
            return None, ""
        return read_photo(result, max_megapixels=max_megapixels), ""
    except OSError:
        return None, "The result is not there any more."
    except PhotoError as error:
        return None, f"The result cannot be shown. {error}"


def _picture(photo: Photo, side: int) -> Image.Image:
    """Scale a photo down to fit a square and bring it to sRGB."""
    height, width = photo.rgb.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = photo.rgb if scale == 1 else cv2.resize(photo.rgb, size, interpolation=cv2.INTER_AREA)
    picture = Image.fromarray(rgb8(dataclasses.replace(photo, rgb=small)))
    if photo.icc and photo.mode in ("RGB", "RGBA"):
        with suppress(ImageCms.PyCMSError, OSError):  # a profile that is broken: as if there were none
            profile = ImageCms.ImageCmsProfile(io.BytesIO(photo.icc))
            turned = ImageCms.profileToProfile(picture, profile, ImageCms.createProfile("sRGB"))
            picture = turned or picture
    return picture


def _difference(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """[H, W, 3] and [H, W, 3], uint8 or uint16 -> [H, W] uint8, largest change of a channel in levels of 0..255.

    It is rounded up, so that it is 0 only where nothing differs.
    """
    change = cv2.absdiff(before, after)
    largest = np.maximum(np.maximum(change[..., 0], change[..., 1]), change[..., 2])
    if largest.dtype == np.uint8:
        return largest
    levels, rest = np.divmod(largest, np.uint16(257))
    return (levels + (rest > 0)).astype(np.uint8)


def _map(amount: np.ndarray, size: tuple[int, int]) -> bytes:
    """Draw the change as a PNG of one colour whose opacity follows the largest change below each of its pixels."""
    reach = int(np.ceil(max(amount.shape[0] / size[1], amount.shape[1] / size[0])))
    if reach > 1:  # each pixel takes the largest of those to its right and below
        amount = cv2.dilate(amount, np.ones((reach, reach), np.uint8), anchor=(0, 0))
    small = cv2.resize(amount, size, interpolation=cv2.INTER_NEAREST)
    step = np.where(small > 0, 1 + np.minimum(small / STRONG, 1) * (_STEPS - 2), 0)
    picture = Image.fromarray(np.rint(step).astype(np.uint8))
    picture.putpalette(_COLOUR * _STEPS)
    opacity = np.rint(np.linspace(_FAINT, _DENSE, _STEPS - 1)).astype(np.uint8)
    return _bytes(picture, "PNG", transparency=bytes([0, *opacity.tolist()]), optimize=True)


def _jpeg(picture: Image.Image) -> bytes:
    return _bytes(picture, "JPEG", quality=_QUALITY, subsampling=0)  # red spots are mostly chroma


def _bytes(picture: Image.Image, kind: str, **how: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **how)
    return buffer.getvalue()


def _write(path: Path, data: bytes) -> None:
    with atomic_file(path) as file:
        file.write(data)
