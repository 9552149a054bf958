"""A clean target from a face as it is, by its labels or by judgement, and what is known where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bpfre.blemishes.heal import heal_spots
from bpfre.blemishes.judgement import SpotSettings
from bpfre.blemishes.labels import PERMANENT, TEMPORARY, Place
from bpfre.blemishes.regions import spot_area
from bpfre.blemishes.spots import find_spots, spots_and_kept
from bpfre.blemishes.stamps import Stamp, lift_stamp
from bpfre.blemishes.tone import skin_tone

PLAIN, KEPT, UNKNOWN = 0, 1, 2  # of notes: nothing there, a mark that stays, who knows
_GROWN, _MARGIN = 1.35, 1.0  # a mark's area is a disc of so many radii, and so many px of a 512 crop more
_HEALED = 3.0  # beyond that area healing reaches so far, px of a 512 crop
_LARGEST_STAMP = 8.0  # radius, px of a 512 crop; larger marks are part of their place
_DOUBT = 1.6  # radii of a doubtful place that nothing is learned from


@dataclass(frozen=True, eq=False)
class KnownFace:
    """What is known of a face's marks."""

    target: np.ndarray  # [H, W, 3] float32, temporary marks healed
    notes: np.ndarray  # [H, W] uint8: PLAIN, KEPT, UNKNOWN
    stamps: tuple[Stamp, ...] = ()  # marks lifted off


def heal_judged(
    rgb: np.ndarray,
    skin: np.ndarray,
    *,
    scale: float = 1.0,
    area: np.ndarray | None = None,
    settings: SpotSettings | None = None,
) -> KnownFace:
    """Heal what `find_spots` takes for temporary, and note what it takes for marks that stay.

    Args:
        rgb: [H, W, 3] float sRGB in [0, 1].
        skin: [H, W] bool, where tone may be taken from.
        scale: size of the face relative to a 512 crop.
        area: [H, W] bool, where spots are sought; `spot_area_from_landmarks` draws it exactly, by default it is
            `skin` without its rim.
        settings: what counts as a spot.
    """
    spots, kept = spots_and_kept(rgb, _sought(skin, area, scale), scale=scale, settings=settings)
    notes = np.where(kept, KEPT, PLAIN).astype(np.uint8)
    return KnownFace(heal_spots(rgb, spots, skin, scale=scale), notes)


def leave_open(rgb: np.ndarray, skin: np.ndarray, *, scale: float = 1.0, area: np.ndarray | None = None) -> KnownFace:
    """Heal nothing and note everything that stands out as unknown. Arguments are those of `heal_judged`."""
    spots, kept = spots_and_kept(rgb, _sought(skin, area, scale), scale=scale)
    return KnownFace(np.array(rgb, np.float32), np.where((spots > 0) | kept, UNKNOWN, PLAIN).astype(np.uint8))


def heal_labelled(
    rgb: np.ndarray, skin: np.ndarray, places: Sequence[Place], *, scale: float, area: np.ndarray | None = None
) -> KnownFace:
    """Heal the temporary marks of a face, note the others, and lift the clear ones off.

    Eyes pass over faint marks: what no label names and `find_spots` takes for temporary is noted as unknown.

    Args:
        rgb: [H, W, 3] float sRGB in [0, 1].
        skin: [H, W] bool.
        places: marks and doubtful places, px of this picture.
        scale: size of the face relative to a 512 crop.
        area: [H, W] bool, where spots are sought, as for `heal_judged`.
    """
    temporary = [place for place in places if place.kind in TEMPORARY]
    permanent = [place for place in places if place.kind in PERMANENT]
    doubtful = [place for place in places if place.kind not in TEMPORARY + PERMANENT]
    shape, margin = skin.shape, _MARGIN * scale
    spots, kept = (_discs(marks, shape, _GROWN, margin) for marks in (temporary, permanent))
    unknown = _discs(doubtful, shape, _DOUBT, margin)
    passed_over = find_spots(rgb, _sought(skin, area, scale), scale=scale) > 0
    notes = np.full(shape, PLAIN, np.uint8)
    notes[(unknown | passed_over) & ~spots] = UNKNOWN
    notes[kept & ~spots] = KEPT
    marked = spots | kept | unknown
    clear = skin & ~marked
    target = heal_spots(rgb, spots, clear, scale=scale)
    bare = heal_spots(rgb, spots | kept, clear, scale=scale)
    tone = skin_tone(rgb, clear)
    stamps = []
    for place in (*temporary, *permanent):
        reach = _GROWN * place.radius + margin + _HEALED * scale
        if place.radius > _LARGEST_STAMP * scale or _near_another(place, places, reach):
            continue
        stamp = lift_stamp(rgb, bare, place.x, place.y, reach, scale=scale, keep=place.kind in PERMANENT, tone=tone)
        if stamp is not None:
            stamps.append(stamp)
    return KnownFace(target, notes, tuple(stamps))


def _sought(skin: np.ndarray, area: np.ndarray | None, scale: float) -> np.ndarray:
    """Where spots are sought. -> [H, W] bool"""
    return spot_area(skin, scale=scale) if area is None else area


def _near_another(place: Place, places: Iterable[Place], reach: float) -> bool:
    """Whether another mark would be lifted with it."""
    return any(
        other is not place and np.hypot(other.x - place.x, other.y - place.y) < reach + other.radius for other in places
    )


def _discs(places: Iterable[Place], shape: tuple[int, ...], grown: float, margin: float) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    area = np.zeros(shape, bool)
    for place in places:
        area |= np.hypot(x - place.x, y - place.y) <= grown * place.radius + margin
    return area
