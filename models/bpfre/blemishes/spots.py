"""Find real spots on skin, and tell those that pass from those that belong to the person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np

from bpfre.blemishes.blobs import Blob, find_blobs
from bpfre.blemishes.contrast import Contrast, Surface, measure
from bpfre.blemishes.regions import find_hair

_CLEAR = 0.4  # optical density of a spot that stands out from any texture
_LEAST_AREA = 0.4  # of a spot, relative to the disc of its measured radius
_KEPT_MARGIN = 2.5  # around marks to keep nothing is healed, px of a 512 face crop


@dataclass(frozen=True, kw_only=True)
class SpotSettings:
    """Thresholds, set on 370 places of people of all skin tones that were labelled by eye.

    Lengths are px of a 512 face crop.
    """

    sigmas: tuple[float, ...] = (1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0)  # sizes looked for
    significance: float = 2.2  # least curvature relative to that of the texture around
    floor: float = 0.012  # least curvature [optical density]
    visible: float = 6.0  # least contrast times radius of a spot [Lab units times px]
    radius: tuple[float, float] = (1.5, 6.5)  # of spots; smaller ones are pores, larger ones shading
    clear: float = 2.3  # least darkness relative to that of the ring's texture
    clear_red: float = 2.2  # the same of redness
    closed: float = 0.35  # a spot ends in nearly all directions by that share of its height
    closed_both: float = 0.85  # sum of that for darkness and redness
    wide: float = 4.0  # radius beyond which shading looks like spots
    closed_wide: float = 0.5  # and more is asked for
    misfit: tuple[float, float] = (1.7, 0.8)  # greatest radius of a spot found at sigma: their product and sum
    hairs: float = 0.28  # share of hair-like lines around, beyond which it is stubble, beard or brow
    hairs_red: float = 0.45  # the same for what is as red as blood: its own rim looks like hairs

    blood: float = 0.5  # redness that hair and melanin never have
    redness: float = 0.27  # of a spot that passes; melanin alone seldom has more
    lab_red: float = 1.2  # and as the eye sees it [a*]
    blueness: tuple[float, float] = (0.6, 1.3)  # less is noise of colour, more is melanin
    mole: float = 0.42  # optical density from which a spot of less redness than the next is a mole
    mole_redness: float = 0.45
    large_mole: float = 0.33  # optical density of larger ones, birthmarks among them
    large_mole_redness: float = 0.38
    large: float = 2.6
    dark_mole: float = 0.60  # optical density from which a spot of less redness than the next is one too
    dark_mole_redness: float = 0.62
    soft: float = 0.9  # crispness below which a brown mark is what an old pimple left
    soft_radius: float = 2.0


class Verdict(Enum):
    """What a place that stands out is."""

    HEAL = "passes: pimple, scab, red or faint mark"
    KEEP = "belongs to the person: mole, freckle, birthmark"
    SKIN = "texture, hair, crease or shadow"


@dataclass(frozen=True)
class FoundMark:
    """A place that stands out, what was measured there, and what it is taken for."""

    blob: Blob
    contrast: Contrast
    verdict: Verdict


def find_marks(
    rgb: np.ndarray, skin: np.ndarray, *, scale: float = 1.0, settings: SpotSettings | None = None
) -> list[FoundMark]:
    """Find what stands out from skin and judge it.

    Args:
        rgb: [H, W, 3] float sRGB in [0, 1].
        skin: [H, W] bool, where to look.
        scale: size of the face relative to a 512 crop.
        settings: thresholds.

    Returns:
        the most significant first.
    """
    return _judged(_surface(rgb, skin, scale), settings or SpotSettings())


def find_spots(
    rgb: np.ndarray, skin: np.ndarray, *, scale: float = 1.0, settings: SpotSettings | None = None
) -> np.ndarray:
    """Find temporary spots.

    Args:
        rgb: [H, W, 3] float sRGB in [0, 1].
        skin: [H, W] bool, where to look.
        scale: size of the face relative to a 512 crop.
        settings: thresholds.

    Returns:
        [H, W] int32 labels, 0 for none, each spot's whole area under one number.
    """
    surface = _surface(rgb, skin, scale)
    labels = np.zeros(skin.shape, np.int32)
    marks = _judged(surface, settings or SpotSettings())
    for number, mark in enumerate((mark for mark in marks if mark.verdict is Verdict.HEAL), 1):
        _label(labels, number, surface, mark)
    for mark in marks:
        if mark.verdict is Verdict.KEEP:
            radius = round(1.5 * mark.contrast.half * scale + _KEPT_MARGIN * scale)
            cv2.circle(labels, (mark.blob.x, mark.blob.y), radius, 0, -1)
    return labels


def judge(contrast: Contrast, sigma: float, settings: SpotSettings) -> Verdict:
    """Decide what a place is from its measures.

    Haemoglobin leaves red light alone, melanin takes two thirds as much of it as of green. So what is red passes;
    what is brown and dark stays, be the skin light or dark; what is brown, faint and without a rim is the trace of a
    pimple and passes.

    Args:
        contrast: the place against its ring.
        sigma: size at which it was found, px of a 512 face crop.
        settings: thresholds.
    """
    c, s = contrast, settings
    hairy, alone = c.hairs > (s.hairs_red if _is_blood(c, s) else s.hairs), c.darkness_closed >= s.closed
    if alone and not hairy and _has_size(c, sigma, s) and not _is_mole(c, s) and (_is_red(c, s) or _is_trace(c, s)):
        return Verdict.HEAL
    stays = alone and c.strength >= 0.2 and c.darkness_ratio >= s.clear and c.half <= s.radius[1]
    return Verdict.KEEP if stays and (not hairy or c.half >= 1.8) else Verdict.SKIN


def _is_blood(c: Contrast, s: SpotSettings) -> bool:
    return c.redness >= s.blood and c.redness_ratio >= 2 * s.clear_red and c.half >= s.soft_radius


def _has_size(c: Contrast, sigma: float, s: SpotSettings) -> bool:
    """Whether it is as large as spots are, and as it was found."""
    if c.half > s.wide and c.darkness_closed < s.closed_wide:
        return False
    return s.radius[0] <= c.half <= min(s.radius[1], s.misfit[0] * sigma + s.misfit[1])


def _is_mole(c: Contrast, s: SpotSettings) -> bool:
    if c.strength >= s.dark_mole and c.redness < s.dark_mole_redness:
        return c.blueness > 0.98
    if c.half >= s.large and c.strength >= s.large_mole and c.redness < s.large_mole_redness:
        return True
    return c.strength >= s.mole and c.redness < s.mole_redness


def _is_red(c: Contrast, s: SpotSettings) -> bool:
    """Whether blood colours it, clearly seen."""
    coloured = c.redness >= s.redness and c.lab[1] >= s.lab_red and s.blueness[0] <= c.blueness <= s.blueness[1]
    clear = c.darkness_ratio >= s.clear and c.redness_ratio >= s.clear_red and c.visible >= s.visible
    closed = c.redness_closed >= s.closed and c.redness_closed + c.darkness_closed >= s.closed_both
    return coloured and clear and closed


def _is_trace(c: Contrast, s: SpotSettings) -> bool:
    """Whether it is the brown trace of a pimple: faint, soft, of some size."""
    brown = c.redness > 0.1 and c.strength < 0.36
    soft = c.half >= s.soft_radius and c.crispness < s.soft
    return brown and soft and c.darkness_closed >= 0.5 and c.darkness_ratio >= s.clear and c.visible >= 1.5 * s.visible


def _surface(rgb: np.ndarray, skin: np.ndarray, scale: float) -> Surface:
    """Skin without the hair that lies inside its outline."""
    return Surface(rgb, skin & ~find_hair(rgb, skin, scale=scale), scale=scale)


def _judged(surface: Surface, settings: SpotSettings) -> list[FoundMark]:
    blobs = find_blobs(
        [surface.darkness, surface.redness],
        surface.skin,
        sigmas=settings.sigmas,
        significance=settings.significance,
        floor=settings.floor,
        scale=surface.scale,
    )
    clear = [blob for blob in blobs if blob.significance > 1.15 * settings.significance]
    measured = ((blob, measure(surface, blob, clear)) for blob in blobs)
    return [
        FoundMark(blob, contrast, judge(contrast, blob.sigma / surface.scale, settings))
        for blob, contrast in measured
        if contrast
    ]


def _label(labels: np.ndarray, number: int, surface: Surface, mark: FoundMark) -> None:
    """Write a spot's number over its area: where its own colour is still seen, in one piece around its centre."""
    blob, scale = mark.blob, surface.scale
    # Clear spots are followed to where nothing is seen of them, faint ones not into the texture around.
    clear = min(1.0, mark.contrast.strength / _CLEAR)
    reach = int(np.ceil((2.2 + clear) * max(blob.sigma, mark.contrast.half * scale) + 2 * scale))
    height, width = labels.shape
    y0, x0 = max(0, blob.y - reach), max(0, blob.x - reach)
    at = np.s_[y0 : min(height, blob.y + reach + 1), x0 : min(width, blob.x + reach + 1)]
    x = np.arange(at[1].start, at[1].stop)[None] - blob.x
    y = np.arange(at[0].start, at[0].stop)[:, None] - blob.y
    radius = np.hypot(x, y)
    density, skin = surface.density[at], surface.skin[at]
    rim = skin & (radius > 0.75 * reach)
    base = _plane(density, rim if rim.sum() >= 12 else skin)
    direction = mark.contrast.density / np.square(mark.contrast.density).sum()
    share = cv2.GaussianBlur(((density - base) @ direction).astype(np.float32), (0, 0), 0.7 * scale)
    core = radius <= max(1.0, 0.7 * blob.sigma)
    inside = ((share > 0.28 - 0.16 * clear + 0.5 * (radius / reach) ** 2) | core) & skin
    _, pieces = cv2.connectedComponents(inside.astype(np.uint8), connectivity=4)
    piece = pieces == pieces[blob.y - y0, blob.x - x0]
    # What has no area of its own size is a step in the shading.
    if skin[blob.y - y0, blob.x - x0] and piece.sum() >= _LEAST_AREA * np.pi * (mark.contrast.half * scale) ** 2:
        labels[at][piece & (labels[at] == 0)] = number


def _plane(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Least-squares plane through [H, W, 3] values at chosen pixels: the shading across a spot."""
    rows, columns = np.mgrid[0 : where.shape[0], 0 : where.shape[1]]
    terms = np.stack([np.ones(where.shape), rows, columns], axis=-1)
    fit, *_ = np.linalg.lstsq(terms[where], values[where], rcond=None)
    return terms @ fit
