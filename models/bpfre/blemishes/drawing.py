"""Draw marks: pigment in the optical-density domain, reflection and hair in linear light."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from bpfre.blemishes.covers import cover, mottled, reach, spot
from bpfre.blemishes.density import HAEMOGLOBIN, MELANIN, to_density, to_linear, to_srgb
from bpfre.blemishes.marks import Mark

_PUS = np.array([1.25, 1.2, 1.0], np.float32)  # light of a pustule's head relative to the bare skin's
_HALO = 2.2  # radius of the redness around a mark relative to its own
_SHEEN = 1.5  # sigma below which relief breaks up a reflection, px
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def draw_marks(rgb: np.ndarray, marks: Iterable[Mark], *, skin: np.ndarray | None = None) -> np.ndarray:
    """Draw marks onto skin, keeping its texture.

    Pigments add their density to the skin's, so that what lies below shows through; reflections add light; hairs
    hide light.

    Args:
        rgb: [H, W, 3] float sRGB in [0, 1]; left as it is.
        marks: places in px of this picture.
        skin: [H, W] float in [0, 1], share of every mark but hairs that shows; all of it by default.

    Returns:
        [H, W, 3] float32 sRGB in [0, 1]; pixels that no mark reaches are exactly those of `rgb`.
    """
    out = np.array(rgb, np.float32)
    layers = _Layers(out, skin)
    for mark in marks:
        layers.add(mark)
    touched = layers.touched
    if touched.any():
        out[touched] = to_srgb(layers.light(touched))
    return out


def exact_map(raw: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Size of the edit between the two sides of a pair: mean absolute difference over the channels.

    Args:
        raw: [H, W, 3] uint8, or float in [0, 1].
        target: the same.

    Returns:
        [H, W] float32 in [0, 1]; 0 exactly where the sides are alike.
    """
    unit = 255 if raw.dtype == np.uint8 else 1
    difference = np.abs(raw.astype(np.float32) - target.astype(np.float32))
    return (difference.sum(axis=2) / np.float32(3 * unit)).astype(np.float32)


class _Layers:
    """What lies between the light that bare skin sends and the light that is seen, summed over all marks."""

    def __init__(self, picture: np.ndarray, skin: np.ndarray | None) -> None:
        self.picture, self.skin = picture, skin
        height, width = self.shape = picture.shape[:2]
        self.haemoglobin = np.zeros((height, width), np.float32)  # optical density
        self.melanin = np.zeros((height, width), np.float32)  # optical density
        self.shade = np.zeros((height, width), np.float32)  # optical density of all channels alike
        self.reflected = np.zeros((height, width), np.float32)  # linear light
        self.shown = np.ones((height, width), np.float32)  # share of light that heads and hairs leave
        self.own = np.zeros((height, width, 3), np.float32)  # linear light of heads and hairs

    @property
    def touched(self) -> np.ndarray:
        """[H, W] bool, pixels that a mark reaches."""
        planes = (self.haemoglobin, self.melanin, self.shade, self.reflected, self.shown - 1)
        return np.logical_or.reduce([plane != 0 for plane in planes])

    def light(self, where: np.ndarray) -> np.ndarray:
        """Linear light of the pixels chosen by [H, W] bool. -> [N, 3]"""
        pigment = self.haemoglobin[where, None] * HAEMOGLOBIN + self.melanin[where, None] * MELANIN
        density = to_density(self.picture[where]) + pigment + self.shade[where, None]
        light = np.exp(-density) + self.reflected[where, None]
        return light * self.shown[where, None] + self.own[where]

    def add(self, mark: Mark) -> None:
        """Add one mark."""
        height, width = self.shape
        margin = reach(mark) + int(np.ceil(_HALO * 2.7 * mark.radius if mark.halo else 0))
        x0, x1 = max(0, int(mark.x) - margin), min(width, int(mark.x) + margin + 2)
        y0, y1 = max(0, int(mark.y) - margin), min(height, int(mark.y) + margin + 2)
        if x0 >= x1 or y0 >= y1:
            return
        at = np.s_[y0:y1, x0:x1]
        x = np.arange(x0, x1, dtype=np.float32)[None] - np.float32(mark.x)
        y = np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(mark.y)
        if mark.opacity:
            # A bead is lit from above as well; hairs are too thin for that.
            lit = 1 - mark.relief * np.clip(y / mark.radius, -1, 1)[..., None]
            self._hide(at, mark.opacity * cover(mark, x, y), lit * np.array(mark.colour, np.float32))
            self._reflect(at, mark, x, y)
            return
        shape = cover(mark, x, y)
        shown = 1.0 if self.skin is None else self.skin[at].astype(np.float32)
        amount = shape * mottled(mark, x, y) * shown
        self.haemoglobin[at] += mark.haemoglobin * amount
        self.melanin[at] += mark.melanin * amount
        self.shade[at] += mark.grey * amount
        if mark.halo:
            self.haemoglobin[at] += mark.halo * mark.haemoglobin * spot(x, y, _HALO * mark.radius) * shown
        if mark.relief:
            # Light comes from above: the upper slope of a raised mark faces it.
            slope = np.gradient(shape, axis=0) if len(shape) > 1 else np.zeros_like(shape)
            self.shade[at] -= mark.relief * mark.radius * slope * shown
        self._reflect(at, mark, x, y, shown)
        if mark.shine:
            self.reflected[at] += mark.shine * amount * self._sheen(at)
        if mark.head:
            bare = to_linear(self.picture[at]).mean(axis=(0, 1))
            self._hide(at, mark.head * spot(x, y, 0.45 * mark.radius) * shown, np.clip(bare * _PUS, 0, 1))

    def _hide(self, at: tuple[slice, slice], share: np.ndarray, colour: np.ndarray) -> None:
        """Put something of a colour in front of what is there."""
        self.shown[at] *= 1 - share
        self.own[at] = self.own[at] * (1 - share[..., None]) + share[..., None] * colour

    def _reflect(
        self, at: tuple[slice, slice], mark: Mark, x: np.ndarray, y: np.ndarray, shown: np.ndarray | float = 1.0
    ) -> None:
        """Add the small bright spot of a raised mark."""
        if mark.glint:
            small = max(0.7, 0.3 * mark.radius)
            glint = mark.glint * spot(x + 0.2 * mark.radius, y + 0.35 * mark.radius, small) * shown
            if mark.opacity:
                self.own[at] += glint[..., None]
            else:
                self.reflected[at] += glint

    def _sheen(self, at: tuple[slice, slice]) -> np.ndarray:
        """How skin's own relief breaks a reflection up: bright where the picture's fine structure is bright."""
        luma = self.picture[at] @ _LUMA
        fine = luma - cv2.GaussianBlur(luma, (0, 0), _SHEEN)
        return np.clip(1 + 0.3 * fine / max(float(fine.std()), 1e-4), 0.2, 2.0)
