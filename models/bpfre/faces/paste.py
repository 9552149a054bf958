"""Add a correction made at crop size to the photo at the photo's own resolution. Nothing else is touched."""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np

from bpfre.errors import FaceRefusedError
from bpfre.faces.face import FaceCrop
from bpfre.faces.similarity import compose, corners, invert, resize_matrix, scale_of, transform

FEATHER = 0.06  # width of the soft edge, in sides of the crop
_ROWS = 256  # rows worked on at a time, which bounds the memory for faces of any size


def crop_box(crop: FaceCrop, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the only pixels that `paste` may change: x0, y0, x1, y1, half open, clipped to the frame.

    Args:
        crop: the aligned face.
        shape: height and width of the photo (further entries are ignored).
    """
    outline = transform(invert(crop.matrix), corners(crop.pixels.shape[0]))
    height, width = shape[:2]
    low, high = np.floor(outline.min(0)).astype(int), np.ceil(outline.max(0)).astype(int) + 1
    x0, x1 = np.clip((low[0], high[0]), 0, width)
    y0, y1 = np.clip((low[1], high[1]), 0, height)
    return int(x0), int(y0), int(x1), int(y1)


def reaches_out(crop: FaceCrop, shape: tuple[int, ...]) -> bool:
    """Return whether a crop shows more than a pixel beyond its photo's edge, which `align` fills by mirroring.

    Args:
        crop: the aligned face.
        shape: height and width of the photo (further entries are ignored).
    """
    outline = transform(invert(crop.matrix), corners(crop.pixels.shape[0]))
    past = np.maximum(-0.5 - outline, outline - (shape[1] - 0.5, shape[0] - 0.5))
    return bool(past.max() > 1)


def paste(rgb: np.ndarray, crop: FaceCrop, correction: np.ndarray, *, strength: float = 1.0) -> None:
    """Add a correction to the photo in place, warped to its resolution and faded out at the crop's edge.

    Only the correction is resampled, never the photo: grain and texture stay. Samples whose correction rounds
    to zero keep their value bit by bit.

    Args:
        rgb: [H, W, 3] uint8 or uint16, changed in place inside `crop_box`.
        crop: where the correction belongs.
        correction: [S, S, 3] float32, output minus crop, in [-1, 1] of full scale.
        strength: factor on the correction; 0 changes nothing.
    Raises:
        FaceRefusedError: the correction is not finite; the photo is left as it was.
    """
    if correction.shape != crop.pixels.shape:
        raise ValueError(f"correction is {list(correction.shape)}, its crop {list(crop.pixels.shape)}")
    if rgb.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"rgb has to be uint8 or uint16, not {rgb.dtype}")
    if not np.isfinite(correction).all() or not math.isfinite(strength):
        raise FaceRefusedError("The retouched face holds values that are not numbers.")
    full = np.iinfo(rgb.dtype).max
    size = correction.shape[0]
    layer = correction.astype(np.float32) * feather(size) * np.float32(strength * full)
    if not layer.any():
        return
    box = crop_box(crop, rgb.shape[:2])
    for top, change in _strips(layer, crop, box):
        rows = rgb[top : top + len(change), box[0] : box[2]]
        steps = np.rint(change).astype(np.int32)
        rows[...] = np.clip(rows + steps, 0, full)


def spread(values: np.ndarray, crop: FaceCrop, shape: tuple[int, ...]) -> np.ndarray:
    """Warp values of a crop's pixels to the photo's resolution, faded out at the crop's edge as a correction is.

    Args:
        values: [S, S] float in [0, 1].
        crop: where they belong.
        shape: height and width of the photo (further entries are ignored).

    Returns:
        [h, w] float32 in [0, 1] for the pixels in `crop_box`.
    """
    x0, y0, x1, y1 = box = crop_box(crop, (shape[0], shape[1]))
    layer = values.astype(np.float32)[..., None] * feather(len(values))
    result = np.zeros((y1 - y0, x1 - x0), np.float32)
    for top, strip in _strips(layer, crop, box):
        result[top - y0 : top - y0 + len(strip)] = strip.clip(0, 1)
    return result


def _strips(layer: np.ndarray, crop: FaceCrop, box: tuple[int, int, int, int]) -> Iterator[tuple[int, np.ndarray]]:
    """Warp a layer of the crop's size to the photo, some rows at a time. Yields the photo row of each strip's first."""
    layer, to_layer = _shrunk(layer, crop.matrix)
    x0, y0, x1, y1 = box
    for top in range(y0, y1, _ROWS):
        yield (
            top,
            cv2.warpAffine(
                layer,
                compose(to_layer, np.array([[1.0, 0.0, x0], [0.0, 1.0, top]])),
                (x1 - x0, min(top + _ROWS, y1) - top),
                flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=0,
            ),
        )


def feather(size: int) -> np.ndarray:
    """Return [size, size, 1] float32 in [0, 1]: zero on the outermost pixels, one from `FEATHER` inwards."""
    distance = np.minimum(np.arange(size), np.arange(size)[::-1])
    ramp = np.clip(distance / max(FEATHER * size, 1), 0, 1)
    smooth = (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)
    return (smooth[:, None] * smooth[None, :])[..., None]


def _shrunk(layer: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average the layer down to a photo of lower resolution; return it with photo px -> layer px."""
    scale = scale_of(matrix)
    size = layer.shape[0]
    smaller = max(1, round(size / scale))
    if smaller >= size:
        return layer, matrix
    reduced = cv2.resize(layer, (smaller, smaller), interpolation=cv2.INTER_AREA)
    return reduced, compose(resize_matrix((size, size), (smaller, smaller)), matrix)
