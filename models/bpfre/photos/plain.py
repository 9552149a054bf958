"""Write pictures that are not photographs: no metadata, nothing to keep."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from bpfre.photos.atomic import atomic_file


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write [H, W, 3] RGB or [H, W] grey, uint8 or uint16, as a PNG that appears whole or not at all.

    Raises:
        PhotoError: the disk refuses.
    """
    _, data = cv2.imencode(".png", pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    with atomic_file(path) as file:
        file.write(data.tobytes())
