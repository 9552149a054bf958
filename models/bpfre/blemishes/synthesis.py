"""A pair from one face: raw with blemishes, target without, and the exact size of the edit between them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import cv2
import numpy as np

from bpfre.blemishes.drawing import draw_marks, exact_map
from bpfre.blemishes.kinds import MARK_KINDS
from bpfre.blemishes.marks import Mark
from bpfre.blemishes.placing import place_marks
from bpfre.blemishes.stamps import PlacedStamp, Stamp, draw_stamps, place_stamps
from bpfre.blemishes.targets import heal_judged
from bpfre.blemishes.tone import skin_tone
from bpfre.errors import UsageError
from bpfre.photos import to_bytes

Source = Literal["drawn", "healed", "both"]

MAP_STEP = 85  # of a 16-bit map: grey level for each 8-bit level by which a channel differs
MAP_FULL = 3 * 255 * MAP_STEP  # of a 16-bit map: grey level of the largest edit there is

_RIM = 2.0  # sigma over which large marks fade out where skin ends, px of a 512 face crop


@dataclass(frozen=True, kw_only=True)
class SynthesisSettings:
    """What pairs are made of."""

    source: Source = "both"  # drawn: marks on the photo; healed: the photo against its healed self; both
    density: float = 40.0  # blemishes drawn on 100 000 px of skin of a 512 crop; a face shows some 60 000
    keep_density: float = 10.0  # moles, freckles and other marks that stay, drawn on both sides
    strength: float = 1.0  # factor on the contrast of blemishes
    kinds: tuple[str, ...] = ()  # names of `MARK_KINDS` to draw from; all if empty

    def __post_init__(self) -> None:
        if self.source not in get_args(Source):
            raise UsageError(f"There is no source {self.source!r}.", f"Choose one of: {', '.join(get_args(Source))}.")
        for name in ("density", "keep_density", "strength"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UsageError(f"{name} must be 0 or more, not {getattr(self, name)}.")
        if unknown := [kind for kind in self.kinds if kind not in MARK_KINDS]:
            raise UsageError(f"There is no kind of mark {unknown[0]!r}.", f"Choose from: {', '.join(MARK_KINDS)}.")


@dataclass(frozen=True, eq=False)
class SynthesisedPair:
    """Two sides of one face that differ by blemishes alone."""

    raw: np.ndarray  # [S, S, 3] uint8 sRGB
    target: np.ndarray  # [S, S, 3] uint8 sRGB

    @property
    def map(self) -> np.ndarray:
        """Size of the edit as it is in these very pixels. -> [S, S] float32 in [0, 1]"""
        return exact_map(self.raw, self.target)

    @property
    def map16(self) -> np.ndarray:
        """The same without loss: `MAP_STEP` times the sum of the channels' differences. -> [S, S] uint16"""
        difference = np.abs(self.raw.astype(np.int32) - self.target).sum(axis=2)
        return (difference * MAP_STEP).astype(np.uint16)


def synthesize(
    crop: np.ndarray,
    skin: np.ndarray,
    rng: np.random.Generator,
    settings: SynthesisSettings,
    *,
    healed: np.ndarray | None = None,
) -> SynthesisedPair:
    """Make a pair of one aligned face.

    Args:
        crop: [S, S, 3] float sRGB in [0, 1], aligned to the five-point template.
        skin: [S, S] bool.
        rng: source of randomness; the same state gives the same pair.
        settings: what the pair is made of.
        healed: what `heal_judged` makes of the crop, if it is known already; not needed for drawn pairs.
    """
    size = len(crop)
    scale = size / 512
    # Rounded first: where both sides are alike to begin with, marks to keep leave them alike.
    photo = target = _rounded(crop)
    if settings.source != "drawn":
        target = _rounded(heal_judged(crop, skin, scale=scale).target if healed is None else healed)
    if settings.source == "healed":
        return SynthesisedPair(to_bytes(photo), to_bytes(target))
    shift = 0.5 / scale - 0.5
    template = np.array([[1 / scale, 0, shift], [0, 1 / scale, shift]])
    raw, target = mark_sides(
        photo,
        target,
        skin,
        rng,
        template=template,
        density=settings.density,
        keep_density=settings.keep_density,
        contrast=settings.strength,
        kinds=settings.kinds or None,
    )
    return SynthesisedPair(to_bytes(raw), to_bytes(target))


def mark_sides(
    raw: np.ndarray,
    target: np.ndarray,
    skin: np.ndarray,
    rng: np.random.Generator,
    *,
    template: np.ndarray,
    density: float,
    keep_density: float,
    contrast: float = 1.0,
    kinds: Collection[str] | None = None,
    stamps: Sequence[Stamp] = (),
    stamped: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw marks to keep on both sides of a pair, blemishes on the raw side alone.

    Args:
        raw: [H, W, 3] float sRGB in [0, 1].
        target: the same without its spots, or the very array `raw`.
        skin: [H, W] bool.
        rng: source of randomness.
        template: [2, 3] affine, from px of the picture to px of a 512 face crop.
        density: blemishes on 100 000 px of skin of a 512 crop.
        keep_density: marks to keep, likewise.
        contrast: factor on the strength of blemishes.
        kinds: names of `MARK_KINDS` to draw from; all by default.
        stamps: real marks lifted off other faces.
        stamped: share of the marks that are such ones rather than drawn, where there are any.

    Returns:
        New raw and target; the very same array where they are alike.
    """
    scale = 1 / float(np.hypot(*template[:, 0]))
    tone, shown = skin_tone(target, skin), cv2.GaussianBlur(skin.astype(np.float32), (0, 0), _RIM * scale)
    where: dict[str, Any] = {"template": template, "tone": tone, "kinds": kinds}

    def draw_on(picture: np.ndarray, marks: list[Mark], real: list[PlacedStamp]) -> np.ndarray:
        picture = draw_marks(picture, marks, skin=shown) if marks else picture
        return draw_stamps(picture, real, skin=shown) if real else picture

    def choose(density: float, *, keep: bool, contrast: float = 1.0) -> tuple[list[Mark], list[PlacedStamp]]:
        lifted = [stamp for stamp in stamps if stamp.keep == keep]
        share = stamped if lifted else 0.0
        marks = place_marks(skin, rng, density=density * (1 - share), keep=keep, contrast=contrast, **where)
        return marks, place_stamps(skin, rng, lifted, density=density * share, scale=scale, tone=tone)

    kept, blemishes = choose(keep_density, keep=True), choose(density, keep=False, contrast=contrast)
    alike = raw is target
    target = draw_on(target, *kept)
    raw = target if alike else draw_on(raw, *kept)
    return draw_on(raw, *blemishes), target


def _rounded(pixels: np.ndarray) -> np.ndarray:
    return to_bytes(pixels).astype(np.float32) / np.float32(255)
