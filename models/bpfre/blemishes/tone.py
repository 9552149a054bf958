"""How light or dark skin is."""

from __future__ import annotations

import cv2
import numpy as np

LIGHT, DARK = 45.0, -35.0  # degrees of the lightest and darkest skin that marks are scaled between


def skin_tone(rgb: np.ndarray, skin: np.ndarray) -> float:
    """Individual typology angle of skin: atan((L* - 50) / b*), Chardon et al. 1991.

    Above 55 degrees skin counts as very light, down to 41 light, 28 intermediate, 10 tan, -30 brown, below dark.

    Args:
        rgb: [H, W, 3] float sRGB in [0, 1].
        skin: [H, W] bool or float in [0, 1], skin where above 0.5.

    Returns:
        degrees; `LIGHT` where there is no skin.
    """
    pixels = rgb[skin > 0.5].astype(np.float32)
    if not len(pixels):
        return LIGHT
    lab = cv2.cvtColor(pixels[None], cv2.COLOR_RGB2LAB)[0]
    lightness, _, yellow = np.median(lab, axis=0)
    return float(np.degrees(np.arctan2(lightness - 50, max(yellow, 1.0))))


def darkness(tone: float) -> float:
    """Place of a typology angle between light (0) and dark (1) skin."""
    return float(np.clip((LIGHT - tone) / (LIGHT - DARK), 0, 1))
