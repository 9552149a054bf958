"""Between arrays and Pillow images, 8 bits a sample."""

from __future__ import annotations

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile


def to_image(pixels: np.ndarray, mode: str) -> Image.Image:
    """Wrap [H, W, C] uint8 samples as an image of this mode."""
    height, width = pixels.shape[:2]
    return Image.frombuffer(mode, (width, height), np.ascontiguousarray(pixels), "raw", mode, 0, 1)


def without_limit(image: ImageFile) -> ImageFile:
    """Give an opened file the memory for its pixels, so that Pillow does not apply its own limit.

    That limit is lower than ours, shared by the whole process, and warns on stderr.
    """
    image.im = Image.new(image.mode, image.size).im
    return image


def to_pixels(image: Image.Image) -> tuple[np.ndarray, str]:
    """Decode to [H, W, C] uint8 samples and their mode; palettes become RGB or RGBA, bilevel becomes grey.

    Raises:
        OSError: the data ends too early or is damaged (and whatever else Pillow raises on damaged data).
        ValueError: a mode that has no counterpart here.
    """
    if image.mode in ("P", "PA"):
        alpha = image.mode == "PA" or "transparency" in image.info
        image = image.convert("RGBA" if alpha else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode == "YCbCr":
        image = image.convert("RGB")
    if image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK"):
        raise ValueError(f"no photo mode for {image.mode}")
    pixels = np.asarray(image)
    return pixels.reshape(image.height, image.width, -1), image.mode
