"""One photograph in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from bpfre.photos.decoded import Encoding


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo upright, at its own depth, and what is needed to write it alike. Arrays are read-only."""

    path: Path
    rgb: np.ndarray  # [H, W, 3] uint8 or uint16, C-contiguous; where mode is RGB the same as `native`
    native: np.ndarray  # [H, W, C] samples of the file's own mode, same dtype; black is zero in grey
    mode: str  # "L" | "LA" | "RGB" | "RGBA" | "CMYK"
    format: str  # a name in `CODECS`: what the content is, whatever the file's name says
    exif: bytes | None  # b"Exif\0\0" and a TIFF structure whose orientation is 1
    xmp: bytes | None  # XML packet whose tiff:Orientation, if any, is 1
    icc: bytes | None  # colour profile of the native samples
    encoding: Encoding  # what the format's encoder needs besides


def rgb8(photo: Photo) -> np.ndarray:
    """Return [H, W, 3] uint8 RGB, rounded; for 8-bit photos the photo's own read-only array."""
    if photo.rgb.dtype == np.uint8:
        return photo.rgb
    return cv2.convertScaleAbs(photo.rgb, alpha=255 / 65535)


def to_bytes(pixels: np.ndarray) -> np.ndarray:
    """Round float [0, 1] samples of any shape to uint8; what lies outside is clipped."""
    return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
