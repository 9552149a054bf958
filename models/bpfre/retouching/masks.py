"""Painted masks that say where a photo may change."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from bpfre.errors import PhotoError, UsageError
from bpfre.photos import SUFFIXES, read_photo, rgb8
from bpfre.photos.disk import is_file

_ROUNDING = 1.0  # px that a mask of another size may miss the photo's shape by


def share_of(name: Path, shape: tuple[int, ...], *, protect: Path | None, only: Path | None) -> np.ndarray | None:
    """Say how much of a correction each pixel of a photo gets.

    A mask lies in its folder under the photo's name below the input folder, with any suffix of a photo, in small or
    capital letters. Grey in between fades, and so does transparency: nothing painted is black. It may be smaller or
    larger than the photo, not of another shape.

    Args:
        name: path of the photo below its input folder.
        shape: height and width of the photo (further entries are ignored).
        protect: folder of masks, white where nothing may change.
        only: folder of masks, white where something may change. A photo without one may change nowhere.

    Returns:
        [H, W] uint8, 0 where nothing may change, 255 where everything may; None: everything everywhere.

    Raises:
        PhotoError: a mask cannot be read, or is of another shape than its photo.
    """
    share = None
    if only is not None:
        path = _find(only, name)
        share = np.zeros(shape[:2], np.uint8) if path is None else _read(path, shape)
    if protect is not None and (path := _find(protect, name)) is not None:
        open_share = 255 - _read(path, shape)
        share = open_share if share is None else cv2.multiply(share, open_share, scale=1 / 255)
    return share


def mask_state(name: Path, *, protect: Path | None, only: Path | None) -> list[list[object]]:
    """Return what changes whenever a mask of this photo does: path, size and time of each."""
    found = [path for folder in (protect, only) if folder is not None and (path := _find(folder, name))]
    return [[str(path), (status := path.stat()).st_size, status.st_mtime_ns] for path in found]


def check_masks(names: Iterable[Path], *, protect: Path | None, only: Path | None) -> None:
    """Make sure that folders of masks belong to the photos: a folder whose masks are never used does nothing.

    Args:
        names: path of each photo below its input folder.

    Raises:
        UsageError: a folder has no mask for any of the photos.
    """
    names = list(names)
    for folder in (protect, only):
        if folder is not None and not any(_find(folder, name) for name in names):
            raise UsageError(
                f"No photo has a mask in {folder}.",
                f"Name each mask as its photo, such as {folder / names[0].with_suffix('.png')}." if names else "",
            )


def blend(before: np.ndarray, after: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Mix two versions of a part of a photo: `before` where share is 0, `after` where it is 255.

    Args:
        before: [h, w, 3] uint8 or uint16.
        after: the same.
        share: [h, w] uint8.
    """
    change = after.astype(np.int32) - before
    step = np.rint(change * (share[..., None] / np.float32(255))).astype(np.int32)
    return (before + step).astype(before.dtype)


def _find(folder: Path, name: Path) -> Path | None:
    suffixes = (name.suffix, ".png", *SUFFIXES)
    paths = (folder / name.with_suffix(case) for suffix in suffixes for case in (suffix, suffix.upper()))
    return next((path for path in paths if is_file(path)), None)


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    try:
        photo = read_photo(path)
    except PhotoError as error:
        raise PhotoError(f"The mask {path} cannot be used. {error.message}", error.next_step) from error
    mask = cv2.cvtColor(rgb8(photo), cv2.COLOR_RGB2GRAY)
    if photo.mode in ("LA", "RGBA"):  # what lies hidden below transparency was not painted
        alpha = photo.native[..., -1]
        mask = np.rint(mask * (alpha / np.float32(np.iinfo(alpha.dtype).max))).astype(np.uint8)
    height, width = shape[:2]
    if mask.shape == (height, width):
        return mask
    scale = max(height, width) / max(mask.shape)
    if max(abs(mask.shape[0] * scale - height), abs(mask.shape[1] * scale - width)) > _ROUNDING * max(scale, 1):
        raise PhotoError(
            f"The mask {path} is {mask.shape[1]} x {mask.shape[0]} px, its photo {width} x {height}.",
            "Paint it on a copy of the photo.",
        )
    return cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
