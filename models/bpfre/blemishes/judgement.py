"""Tell spots that pass from marks that belong to the person, and both from skin's own texture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bpfre.blemishes.contrast import Contrast


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
    excess: float = 0.065  # and in absolute terms [optical density]
    blueness: tuple[float, float] = (0.6, 1.3)  # less is noise of colour, more is melanin
    mole: float = 0.42  # optical density from which a spot of less redness than the next is a mole
    mole_redness: float = 0.45
    large_mole: float = 0.33  # optical density of larger ones, birthmarks among them
    large_mole_redness: float = 0.38
    large: float = 2.6
    dark_mole: float = 0.60  # optical density from which a spot of less redness than the next is one too
    dark_mole_redness: float = 0.62
    brown: float = 0.95  # and of more blueness than a scab
    soft: float = 1.0  # crispness below which a brown mark is what an old pimple left
    soft_radius: float = 2.0


@dataclass(frozen=True, kw_only=True)
class MarkSettings:
    """What is enough for a mark of any kind where all are to go, also one too faint to say of what kind.

    Set on every second photo with permanent marks in `benchmarks/real_skin/labels.json`.
    """

    strength: float = 0.08  # least optical density
    clear: float = 1.8  # least darkness relative to that of the ring's texture
    closed: float = 0.6  # it ends in nearly all directions by that share of its height
    half: float = 6.5  # greatest radius, px of a 512 face crop
    hairs: float = 0.3  # share of hair-like lines around, beyond which it has to be as large as the next
    hairy_half: float = 1.8


class Verdict(Enum):
    """What a place that stands out is."""

    HEAL = "passes: pimple, scab, red or faint mark"
    KEEP = "belongs to the person: mole, freckle, birthmark"
    SKIN = "texture, hair, crease or shadow"


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


def stands_out(contrast: Contrast, settings: MarkSettings) -> bool:
    """Say whether a place is a mark of any kind, however faint, and neither crease nor hair."""
    c, s = contrast, settings
    alone = c.darkness_closed >= s.closed and c.half <= s.half and (c.hairs <= s.hairs or c.half >= s.hairy_half)
    return alone and c.strength >= s.strength and c.darkness_ratio >= s.clear


def _is_blood(c: Contrast, s: SpotSettings) -> bool:
    return c.redness >= s.blood and c.redness_ratio >= 2 * s.clear_red and c.half >= s.soft_radius


def _has_size(c: Contrast, sigma: float, s: SpotSettings) -> bool:
    """Whether it is as large as spots are, and as it was found."""
    if c.half > s.wide and c.darkness_closed < s.closed_wide:
        return False
    return s.radius[0] <= c.half <= min(s.radius[1], s.misfit[0] * sigma + s.misfit[1])


def _is_mole(c: Contrast, s: SpotSettings) -> bool:
    if c.strength >= s.dark_mole and c.redness < s.dark_mole_redness:
        return c.blueness > s.brown
    if c.half >= s.large and c.strength >= s.large_mole and c.redness < s.large_mole_redness:
        return True
    return c.strength >= s.mole and c.redness < s.mole_redness


def _is_red(c: Contrast, s: SpotSettings) -> bool:
    """Whether blood colours it, clearly seen."""
    coloured = c.redness >= s.redness and c.excess >= s.excess and s.blueness[0] <= c.blueness <= s.blueness[1]
    clear = c.darkness_ratio >= s.clear and c.redness_ratio >= s.clear_red and c.visible >= s.visible
    closed = c.redness_closed >= s.closed and c.redness_closed + c.darkness_closed >= s.closed_both
    return coloured and clear and closed


def _is_trace(c: Contrast, s: SpotSettings) -> bool:
    """Whether it is the brown trace of a pimple: faint, soft, of some size."""
    brown = c.redness > 0.1 and c.strength < 0.36
    soft = c.half >= s.soft_radius and c.crispness < s.soft
    return brown and soft and c.darkness_closed >= 0.5 and c.darkness_ratio >= s.clear and c.visible >= s.visible
