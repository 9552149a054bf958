"""Skin shown as dark or as light as if it were another person's, raw and target alike."""

from __future__ import annotations

import numpy as np

from bpfre.blemishes import darkness, skin_tone
from bpfre.blemishes.brown import turn_brown
from bpfre.blemishes.density import from_density, to_density
from bpfre.training.data.colour import channel_mean

_LEVELS = (0.2, 0.66)  # mean of the channels of the darkest and of the lightest skin in good light
_MELANIN = np.array([0.89, 1.0, 1.12], np.float32)  # how the channels darken from one to the other, log of sRGB values
_BRIGHTEST = 1.5  # factor up to which darker skin may be lightened: what shines must not be cut off


def retone(
    raw: np.ndarray, target: np.ndarray, skin: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Choose a tone of skin and show a pair in it; the darker, the more of what red marks have may be brown instead.

    Marks that are drawn on it afterwards are those of its new tone.

    Args:
        raw: [H, W, 3] float32 in [0, 1].
        target: the same without its spots, or the very array `raw`.
        skin: [H, W] in [0, 1], not 0 everywhere.
        rng: source of randomness.

    Returns:
        New raw and target; the very same array where they are alike.
    """
    level = np.average(channel_mean(target), weights=skin)
    darker = max(np.log(level) - rng.uniform(*np.log(_LEVELS)), -np.log(_BRIGHTEST))
    gain = np.exp(-darker * _MELANIN).astype(np.float32)
    shown = np.clip(target * gain, 0, 1)
    if raw is target:
        return shown, shown
    added = to_density(raw) - to_density(target)
    brown = turn_brown(added, rng.uniform() * darkness(skin_tone(shown, skin)))
    spotted = (raw != target).any(axis=2, keepdims=True)
    return np.where(spotted, from_density(to_density(shown) + brown), shown), shown
