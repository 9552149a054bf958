"""Red marks as they look on dark skin: brown."""

from __future__ import annotations

import numpy as np

from bpfre.blemishes.density import HAEMOGLOBIN, MELANIN

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of linear R, G, B (IEC 61966-2-1)
_AMOUNTS = np.linalg.inv(np.stack([MELANIN, HAEMOGLOBIN, np.full(3, 3**-0.5)])).astype(np.float32)
_AS_DARK = float(_LUMINANCE @ HAEMOGLOBIN / (_LUMINANCE @ MELANIN))  # melanin that darkens as one of haemoglobin does


def turn_brown(density: np.ndarray, share: float) -> np.ndarray:
    """Take part of the haemoglobin of marks for melanin, as dark as it was.

    Inflamed skin that has much pigment makes more of it, and what blood it shows lies under pigment.

    Args:
        density: [..., 3] optical density that marks add to skin.
        share: of the haemoglobin, in [0, 1]; none leaves all as it is.

    Returns:
        [..., 3] float32.
    """
    turned = share * np.maximum(density @ _AMOUNTS[:, 1], 0)[..., None]
    return (density + turned * (_AS_DARK * MELANIN - HAEMOGLOBIN)).astype(np.float32)
