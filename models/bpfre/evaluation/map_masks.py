"""Blemish maps at the photo's own resolution, to be used as masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bpfre.evaluation.attention import FacePass
from bpfre.faces import crop_box, spread

MAPS = ("e2d", "d2g")


def map_masks(passes: Sequence[FacePass], shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Return both maps of all faces of a photo, faded out at the edge of each face's crop as corrections are.

    Args:
        passes: of the photo's faces; where crops overlap, the higher value counts.
        shape: height and width of the photo, upright (further entries are ignored).

    Returns:
        For each of `MAPS` [H, W] uint16: 0 where the map is 0 or no face is, 65535 where it is 1.
    """
    masks = {name: np.zeros(shape[:2], np.uint16) for name in MAPS}
    for seen in passes:
        x0, y0, x1, y1 = crop_box(seen.crop, (shape[0], shape[1]))
        for name, values in zip(MAPS, (seen.map_e2d, seen.map_d2g), strict=True):
            region = masks[name][y0:y1, x0:x1]
            levels = np.rint(spread(values, seen.crop, shape) * 65535).astype(np.uint16)
            np.maximum(region, levels, out=region)
    return masks
