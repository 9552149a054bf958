"""What sets one place apart from the skin around it: how much, in which colour, how crisp, how alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from bpfre.blemishes.blobs import Blob, blur_inside, curvatures
from bpfre.blemishes.density import to_density

_SECTORS = 8  # directions in which a spot has to end
_LEAST_RING = 20  # px of skin around a spot; fewer tell nothing
_LEAST_SKIN = 0.9  # share of skin in a spot and its rim; the others are parts of eyes, nostrils, lips
_LEAST_NOISE = 0.004  # optical density
_LAB_PER_DENSITY = 18.0  # a little less than on light skin
_HAIR_CURVATURE = 2.5  # of a hair's line in red light, relative to the median of skin
_HAIR_AREA = 9.0  # sigma of the neighbourhood in which hairs are counted, px of a 512 face crop


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A spot against the ring around it. Pigments add density, so it does not depend on the strength of the light."""

    density: np.ndarray  # [3] optical density, R, G, B
    lab: np.ndarray  # [3] CIE Lab units
    half: float  # radius at which half of it is left, px of a 512 face crop
    crispness: float  # steepest fall times `half`: 0.7 a Gaussian, 1.2 and more a sharp rim; means little below 2 px
    darkness_ratio: float  # darkness over its variation in the ring
    redness_ratio: float  # redness over its variation in the ring
    darkness_closed: float  # 1: darker than the skin in all directions but one; 0: it goes on in two of them
    redness_closed: float  # the same of redness
    hairs: float  # share of the neighbourhood with lines as hairs have them; about 0.15 on bare skin

    @property
    def strength(self) -> float:
        """Optical density in green, where both pigments absorb."""
        return float(self.density[1])

    @property
    def redness(self) -> float:
        """Share of the strength that is missing in red: 0 for grey, 0.3 for melanin, 0.85 for haemoglobin."""
        return float(1 - self.density[0] / max(self.strength, 1e-3))

    @property
    def excess(self) -> float:
        """Optical density by which green exceeds red: what is red about it."""
        return float(self.density[1] - self.density[0])

    @property
    def blueness(self) -> float:
        """Density in blue relative to green: 0.7 for haemoglobin, 1 for grey, up to 1.7 for melanin."""
        return float(self.density[2] / max(self.strength, 1e-3))

    @property
    def difference(self) -> float:
        """Colour difference, CIE Lab units; on dark skin at least what it would be on light skin by its density.

        Lab counts what is seen side by side with white: by it alone marks on dark skin would be half as important.
        """
        return max(float(np.linalg.norm(self.lab)), _LAB_PER_DENSITY * self.strength)

    @property
    def visible(self) -> float:
        """How much it strikes the eye: colour difference times radius, Lab units times px."""
        return self.difference * self.half


class Surface:
    """A face's skin, prepared for measuring.

    Args:
        rgb: [H, W, 3] float sRGB in [0, 1].
        skin: [H, W] bool.
        scale: size of the face relative to a 512 crop.
    """

    def __init__(self, rgb: np.ndarray, skin: np.ndarray, *, scale: float) -> None:
        self.skin, self.scale = skin, scale
        self.density = to_density(rgb)
        self.lab = cv2.cvtColor(np.ascontiguousarray(rgb, np.float32), cv2.COLOR_RGB2LAB)
        red, green = self.density[..., 0], self.density[..., 1]
        self.darkness = 2 * green - red  # red counts less: it is where pores, lines and hairs are darkest
        self.redness = green - red
        self.hairs = self._hair_share(red) if skin.any() else np.zeros(skin.shape, np.float32)

    def _hair_share(self, red: np.ndarray) -> np.ndarray:
        """Share of the neighbourhood that dark lines and dots take up in red light, where blood is not seen."""
        weight, step = self.skin.astype(np.float32), max(1, round(self.scale))
        _, larger = curvatures(blur_inside(red, weight, 0.8 * self.scale), step)
        usual = np.median(np.maximum(larger[self.skin], 0))
        hair = (larger > _HAIR_CURVATURE * usual).astype(np.float32)
        return blur_inside(hair, weight, _HAIR_AREA * self.scale)


def measure(surface: Surface, blob: Blob, others: Iterable[Blob] = ()) -> Contrast | None:
    """Measure a blob against its ring.

    Args:
        surface: the skin.
        blob: where.
        others: blobs near it that are no skin to compare with.

    Returns:
        None where there is too little skin around it.
    """
    scale, sigma = surface.scale, blob.sigma
    reach = int(np.ceil(3.6 * sigma + 5 * scale))
    height, width = surface.skin.shape
    y0, x0 = max(0, blob.y - reach), max(0, blob.x - reach)
    at = np.s_[y0 : min(height, blob.y + reach + 1), x0 : min(width, blob.x + reach + 1)]
    x = np.arange(at[1].start, at[1].stop)[None] - blob.x
    y = np.arange(at[0].start, at[0].stop)[:, None] - blob.y
    radius = np.hypot(x, y)
    skin, free = surface.skin[at], np.ones(radius.shape, bool)
    for other in others:
        if other is not blob and np.hypot(other.x - blob.x, other.y - blob.y) < reach + 2 * other.sigma:
            free &= np.hypot(x + blob.x - other.x, y + blob.y - other.y) > 1.6 * other.sigma + 1
    ring = free & skin & (radius > 2.4 * sigma + 2 * scale) & (radius <= 3.6 * sigma + 5 * scale)
    if ring.sum() < _LEAST_RING or skin[radius <= 2.5 * sigma + 1].mean() < _LEAST_SKIN:
        return None
    # What lies around is a plane: across a cheek light falls off faster than faint spots stand out.
    plane = Plane(ring)
    density, lab = plane.flat(surface.density[at]), plane.flat(surface.lab[at])
    darkness, redness = 2 * density[..., 1] - density[..., 0], density[..., 1] - density[..., 0]
    half, crispness = _profile(darkness, radius, sigma)
    weight = np.exp(-((radius / max(1.0, min(sigma, half))) ** 2))
    weight /= weight.sum()
    centre = (blob.y - y0, blob.x - x0)
    near = free & (radius > 2 * sigma + 1) & (radius <= 2.9 * sigma + 2)
    sector = np.floor((np.arctan2(y, x) / (2 * np.pi) + 1 / (2 * _SECTORS)) * _SECTORS).astype(int) % _SECTORS
    dark = _stands_out(darkness, centre, ring, near, sector, sigma)
    red = _stands_out(redness, centre, ring, near, sector, sigma)
    return Contrast(
        density=np.einsum("yx,yxc->c", weight, density),
        lab=np.einsum("yx,yxc->c", weight, lab),
        half=half / scale,
        crispness=crispness,
        darkness_ratio=dark[0],
        redness_ratio=red[0],
        darkness_closed=dark[1],
        redness_closed=red[1],
        hairs=float(surface.hairs[blob.y, blob.x]),
    )


class Plane:
    """Least-squares plane through chosen pixels of a window, the oddest ones left out."""

    def __init__(self, where: np.ndarray) -> None:
        rows, columns = np.mgrid[: where.shape[0], : where.shape[1]].astype(np.float32)
        self.where = where
        self.terms = np.stack([np.ones_like(rows), rows, columns], axis=-1)

    def flat(self, values: np.ndarray) -> np.ndarray:
        """[H, W, C] values less their plane."""
        terms, chosen = self.terms[self.where], values[self.where]
        fit, *_ = np.linalg.lstsq(terms, chosen, rcond=None)
        rest = np.abs(chosen - terms @ fit).sum(axis=1)
        usual = rest <= 2.5 * np.median(rest)
        fit, *_ = np.linalg.lstsq(terms[usual], chosen[usual], rcond=None)
        return (values - self.terms @ fit).astype(np.float32)


def _profile(values: np.ndarray, radius: np.ndarray, sigma: float) -> tuple[float, float]:
    """Radius at which half is left [px], and the steepest fall times that radius."""
    steps = np.array([values[np.abs(radius - r) < 0.7].mean() for r in range(int(3.2 * sigma) + 3) if r < radius.max()])
    top = steps[: round(0.6 * sigma) + 1].max()
    if top <= 0:
        return 0.0, 0.0
    steps = steps / top
    below = np.flatnonzero(steps[1:] < 0.5)
    if not len(below):
        return float(len(steps) - 1), 0.0
    i = below[0] + 1
    half = i - 1 + (steps[i - 1] - 0.5) / max(steps[i - 1] - steps[i], 1e-3)
    return float(half), float(-np.diff(steps).min() * half)


def _stands_out(
    values: np.ndarray,
    centre: tuple[int, int],
    ring: np.ndarray,
    near: np.ndarray,
    sector: np.ndarray,
    sigma: float,
) -> tuple[float, float]:
    """Height over the ring's variation, and how far it falls in all directions but the worst."""
    smooth = cv2.GaussianBlur(values, (0, 0), 0.8 * sigma)
    base = np.median(smooth[ring])
    noise = max(1.48 * float(np.median(np.abs(smooth[ring] - base))), _LEAST_NOISE)
    height = max(float(smooth[centre] - base), 1e-4)
    sides = sorted(np.median(smooth[near & (sector == i)]) for i in range(_SECTORS) if (near & (sector == i)).any())
    # One direction may hold a neighbour; a line or an edge goes on in two and more.
    return height / noise, float(1 - (sides[-2] - base) / height) if len(sides) > 1 else 0.0
