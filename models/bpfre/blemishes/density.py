"""The optical-density domain: skin colour as amounts of melanin and haemoglobin in front of a white scatterer.

A pigment that absorbs multiplies light, so it adds in density: texture under a mark survives and a mark looks
right on any skin tone. Directions of the two pigments in linear RGB follow from their absorption at the
channels' centre wavelengths (610, 545, 465 nm): melanin falls as wavelength ** -3.33 (Jacques 2013, eq. 14);
haemoglobin has its visible bands in green and blue and almost none in red.
"""

from __future__ import annotations

import numpy as np

MELANIN = np.array([0.330, 0.480, 0.813], np.float32)  # unit vectors of density over linear R, G, B
HAEMOGLOBIN = np.array([0.120, 0.800, 0.588], np.float32)
_FLOOR = 1e-4  # linear light below this is treated as black


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """Undo the sRGB curve (IEC 61966-2-1). float in [0, 1] -> float32 in [0, 1], same shape."""
    x = np.clip(srgb, 0.0, 1.0).astype(np.float32)
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4).astype(np.float32)


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Apply the sRGB curve (IEC 61966-2-1). float in [0, 1] -> float32 in [0, 1], same shape."""
    x = np.clip(linear, 0.0, 1.0)
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * np.power(x, 1 / 2.4) - 0.055).astype(np.float32)


def to_density(srgb: np.ndarray) -> np.ndarray:
    """Optical density per channel, -ln of linear light. [H, W, 3] sRGB in [0, 1] -> [H, W, 3] float32, 0 and up."""
    return -np.log(np.maximum(to_linear(srgb), _FLOOR))


def from_density(density: np.ndarray) -> np.ndarray:
    """Inverse of `to_density`. -> [H, W, 3] sRGB float32 in [0, 1]."""
    return to_srgb(np.exp(-density))
