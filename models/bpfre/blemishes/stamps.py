"""Real marks lifted off one face and put onto another, in the optical-density domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from bpfre.blemishes.brown import turn_brown
from bpfre.blemishes.density import from_density, to_density
from bpfre.blemishes.tone import darkness

_SIZE = (0.75, 1.3)  # factor on a stamp's size
_STRENGTH = (0.6, 1.35)  # factor on its density
_TONES = 15.0  # degrees of typology angle over which a stamp from other skin becomes unlikely
_EVEN = 0.02  # and how likely it stays


@dataclass(frozen=True, eq=False)
class Stamp:
    """What one real mark adds to the skin around it."""

    density: np.ndarray  # [K, K, 3] float32 optical density, K odd, the mark in the middle; 0 around it
    scale: float  # size of its face relative to a 512 crop
    keep: bool  # whether it belongs to the person
    tone: float  # typology angle of the skin it lay on, degrees


@dataclass(frozen=True, eq=False)
class PlacedStamp:
    """A stamp at a place of a picture."""

    stamp: Stamp
    matrix: np.ndarray  # [2, 3] from px of the stamp to px of the picture
    strength: float
    brown: float = 0.0  # share of its haemoglobin that is melanin instead


def lift_stamp(
    rgb: np.ndarray, bare: np.ndarray, x: float, y: float, radius: float, *, scale: float, keep: bool, tone: float
) -> Stamp | None:
    """Take a mark off a face.

    Args:
        rgb: [H, W, 3] float sRGB in [0, 1], with the mark.
        bare: the same, healed.
        x: centre, px.
        y: centre, px.
        radius: beyond which the mark adds nothing, px.
        scale: size of the face relative to a 512 crop.
        keep: whether it belongs to the person.
        tone: typology angle of the skin, degrees.

    Returns:
        None where it reaches over the picture's edge.
    """
    reach, column, row = int(np.ceil(radius)), round(x), round(y)
    height, width = rgb.shape[:2]
    if row < reach or column < reach or row + reach >= height or column + reach >= width:
        return None
    at = np.s_[row - reach : row + reach + 1, column - reach : column + reach + 1]
    distance = np.hypot(*(np.mgrid[-reach : reach + 1, -reach : reach + 1]))
    inside = np.clip(radius - distance, 0, 1).astype(np.float32)[..., None]
    return Stamp((to_density(rgb[at]) - to_density(bare[at])) * inside, scale, keep, tone)


def place_stamps(
    skin: np.ndarray,
    rng: np.random.Generator,
    stamps: Sequence[Stamp],
    *,
    density: float,
    scale: float,
    tone: float,
) -> list[PlacedStamp]:
    """Choose stamps, mostly from skin of a like tone, and where they go: anywhere on skin, turned, sized, paler or not.
    Blemishes of lighter skin turn more or less brown.

    Args:
        skin: [H, W] bool.
        rng: source of randomness.
        stamps: to choose from.
        density: expected stamps on 100 000 px of skin of a 512 crop.
        scale: size of the picture's face relative to a 512 crop.
        tone: typology angle of the skin, degrees.
    """
    rows, columns = np.nonzero(skin)
    if not len(rows) or not stamps or not density:
        return []
    likely = np.exp(-np.abs([stamp.tone - tone for stamp in stamps]) / _TONES) + _EVEN
    placed = []
    for _ in range(rng.poisson(density * len(rows) / scale**2 / 1e5)):
        stamp = stamps[rng.choice(len(stamps), p=likely / likely.sum())]
        at = rng.integers(len(rows))
        angle, size = rng.uniform(0, 2 * np.pi), np.exp(rng.uniform(*np.log(_SIZE))) * scale / stamp.scale
        c, s = size * np.cos(angle), size * np.sin(angle)
        linear = np.array([[c, -s], [s, c]]) @ np.diag([rng.choice((-1.0, 1.0)), 1.0])
        middle = np.array([columns[at], rows[at]]) + rng.uniform(-0.5, 0.5, 2)
        shift = middle - linear @ np.full(2, len(stamp.density) // 2)
        strength = float(np.exp(rng.uniform(*np.log(_STRENGTH))))
        darker = 0.0 if stamp.keep else max(darkness(tone) - darkness(stamp.tone), 0.0)
        placed.append(PlacedStamp(stamp, np.c_[linear, shift], strength, rng.uniform() * darker))
    return placed


def draw_stamps(rgb: np.ndarray, placed: Sequence[PlacedStamp], *, skin: np.ndarray | None = None) -> np.ndarray:
    """Put stamps onto skin, keeping its texture.

    Args:
        rgb: [H, W, 3] float sRGB in [0, 1]; left as it is.
        placed: places in px of this picture.
        skin: [H, W] float in [0, 1], share of every stamp that shows; all of it by default.

    Returns:
        [H, W, 3] float32 sRGB in [0, 1]; pixels that no stamp reaches are exactly those of `rgb`.
    """
    out = np.array(rgb, np.float32)
    height, width = out.shape[:2]
    added = np.zeros_like(out)
    for one in placed:
        corner = len(one.stamp.density) - 1
        ends = np.array([[0, 0], [corner, 0], [0, corner], [corner, corner]]) @ one.matrix[:, :2].T + one.matrix[:, 2]
        x0, y0 = np.maximum(np.floor(ends.min(axis=0)).astype(int), 0)
        x1, y1 = np.minimum(np.ceil(ends.max(axis=0)).astype(int) + 1, (width, height))
        if x0 >= x1 or y0 >= y1:
            continue
        matrix = one.matrix - np.array([[0, 0, x0], [0, 0, y0]])
        density = one.strength * turn_brown(one.stamp.density, one.brown)
        added[y0:y1, x0:x1] += cv2.warpAffine(density, matrix, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR)
    if skin is not None:
        added *= skin[..., None]
    touched = cv2.inRange(added, (0, 0, 0), (0, 0, 0)) == 0
    out[touched] = from_density(to_density(out[touched]) + added[touched])
    return out
