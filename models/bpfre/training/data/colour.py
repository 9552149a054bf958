"""Looks: what light, camera and development do to a picture, raw and target alike."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_THIRDS = np.full((1, 3), 1 / 3, np.float32)


@dataclass(frozen=True, eq=False)
class Look:
    """One way of taking a picture."""

    gain: np.ndarray  # [3] float32: exposure and white balance
    gamma: float
    saturation: float
    away: np.ndarray | None  # [H, W, 1] in [0, 1]: where colours are turned; None for nowhere
    turn: np.ndarray  # [3, 3] of RGB
    blur: float  # sigma [px], 0 for none
    grain: np.ndarray  # [H, W, 1] float32, added

    def apply(self, image: np.ndarray) -> np.ndarray:
        """Take the picture: [H, W, 3] float32 in [0, 1] -> the same."""
        if self.away is not None:
            image = image * (1 - self.away) + np.clip(image @ self.turn.T, 0, 1) * self.away
        grey = channel_mean(image)[..., None]
        image = np.clip(grey + (image - grey) * np.float32(self.saturation), 0, 1)
        image = np.clip(np.power(image, self.gamma) * self.gain, 0, 1)
        if self.blur:
            image = cv2.GaussianBlur(image, (0, 0), self.blur)
        return np.clip(image + self.grain, 0, 1).astype(np.float32)


def channel_mean(image: np.ndarray) -> np.ndarray:
    """Mean over the channels: [H, W, 3] float32 -> [H, W]."""
    return cv2.transform(image, _THIRDS)  # numpy is ten times as slow over so short an axis


def draw_look(skin: np.ndarray, rng: np.random.Generator) -> Look:
    """Choose a look: exposure, white balance, saturation; now and then other colours for all that is not skin; blur;
    grain.

    Args:
        skin: [H, W] in [0, 1].
        rng: source of randomness.
    """
    return Look(
        gain=np.exp(rng.normal(0, 0.12) + rng.normal(0, 0.04, 3)).astype(np.float32),
        gamma=float(np.exp(rng.normal(0, 0.12))),
        saturation=float(rng.uniform(0.6, 1.3)),
        away=1 - cv2.GaussianBlur(skin, (0, 0), 4)[..., None] if rng.uniform() < 0.2 else None,
        turn=_hue_matrix(rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 2.2)),
        blur=float(rng.uniform(0.4, 1.0)) if rng.uniform() < 0.2 else 0.0,
        grain=_grain(skin.shape, rng),
    )


def _grain(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    grain = rng.normal(0, rng.uniform(0, 0.012), (*shape, 1)).astype(np.float32)
    return grain * np.float32(rng.uniform() < 0.4)


def _hue_matrix(angle: float, saturation: float) -> np.ndarray:
    """Rotate colours about the grey axis by `angle` rad and scale their distance from it. -> [3, 3]"""
    axis = np.full(3, 3**-0.5)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) * 3**-0.5
    along = np.outer(axis, axis)
    turned = np.cos(angle) * (np.eye(3) - along) + np.sin(angle) * cross
    return (along + saturation * turned).astype(np.float32)
