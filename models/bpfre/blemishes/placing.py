"""Choose marks: how many, of which kinds, where on a face, and how strong."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from bpfre.blemishes.kinds import MARK_KINDS, REGIONS, MarkKind, Range
from bpfre.blemishes.marks import Mark
from bpfre.blemishes.tone import LIGHT, darkness
from bpfre.errors import UsageError

_TRIES = 24  # places that a mark may choose from
_ELSEWHERE = 0.15  # share of a kind's marks that lie anywhere rather than in its regions
_FACE_AREA = 6e4  # px of skin of a face in a 512 crop
_CLUSTER = 13.0  # spread of a cluster, px of a 512 face crop
_HAIRS = ((0.010, 0.008, 0.007), (0.030, 0.018, 0.011), (0.075, 0.045, 0.024), (0.20, 0.13, 0.07))  # linear RGB
_METALS = ((0.45, 0.45, 0.46), (0.20, 0.20, 0.21), (0.50, 0.36, 0.14), (0.02, 0.02, 0.02))  # likewise; silver to black
_DARK_HAEMOGLOBIN = 0.30  # of an inflamed mark's haemoglobin is not seen on the darkest skin
_DARK_MELANIN = 0.50  # and as much of it comes as melanin instead
_DARK_DENSITY = 0.8  # by which marks of the darkest skin are denser, so that they stand out in Lab as well as others


def place_marks(
    skin: np.ndarray,
    rng: np.random.Generator,
    *,
    density: float,
    keep: bool,
    scale: float | None = None,
    contrast: float = 1.0,
    template: np.ndarray | None = None,
    tone: float | None = None,
    kinds: Collection[str] | None = None,
) -> list[Mark]:
    """Choose marks on skin.

    Args:
        skin: [H, W] bool or float in [0, 1]; marks are centred where it is above 0.5.
        rng: source of randomness.
        density: expected marks on 100 000 px of skin of a 512 crop (about a whole face). Marks that come by face
            (under-eye darkness, shine, hairs) come besides, if it is not 0.
        keep: marks to keep (moles, freckles, birthmarks, scars) or blemishes.
        scale: size of the picture's face relative to a 512 crop; by default the template's, or 1.
        contrast: factor on every amount of pigment and light.
        template: [2, 3] similarity from px of the picture to px of the aligned 512 crop; marks then lie where their
            kind lies on faces. Without it they lie anywhere, and kinds that need a place are left out.
        tone: typology angle of the skin, see `skin_tone`; light skin by default. On dark skin inflammation shows as
            brown rather than red, since more pigment lies above it and inflamed skin makes more of it.
        kinds: names from `MARK_KINDS` to choose from; all by default.

    Raises:
        UsageError: there is no kind of such a name.
    """
    if unknown := sorted(set(kinds or ()) - set(MARK_KINDS)):
        raise UsageError(f"There is no kind of mark {unknown[0]!r}.", f"Choose from: {', '.join(MARK_KINDS)}.")
    chosen = {n: k for n, k in MARK_KINDS.items() if k.keep == keep and (kinds is None or n in kinds)}
    rows, columns = np.nonzero(skin > 0.5)
    if not len(rows) or not density:
        return []
    if scale is None:
        scale = 1.0 if template is None else float(np.hypot(*template[:, 0])) ** -1
    place = _Places(np.c_[columns, rows], skin.shape, template, scale, rng)
    dark = darkness(LIGHT if tone is None else tone)
    marks: list[Mark] = []
    by_number = {name: kind for name, kind in chosen.items() if _share(kind, dark)}
    if by_number:
        regions = _Regions(list(by_number.values()), dark)
        for _ in range(rng.poisson(density * len(rows) / scale**2 / 1e5)):
            index, x, y = place.one(regions)
            marks.append(_mark(list(by_number)[index], x, y, rng, scale, contrast, dark))
    if template is not None:
        for name, kind in chosen.items():
            for _ in range(rng.poisson(kind.per_face) if kind.per_face else 0):
                marks += _by_face(name, kind, place, rng, scale, contrast, dark)
                if kind.mirrored:
                    break
    return marks


def _share(kind: MarkKind, dark: float) -> float:
    """Relative frequency of a kind on skin between light (0) and dark (1)."""
    return kind.share if kind.share_dark is None else kind.share + dark * (kind.share_dark - kind.share)


class _Regions:
    """How often each of several kinds lies at a place of the face."""

    def __init__(self, kinds: list[MarkKind], dark: float) -> None:
        self.shares = np.array([_share(kind, dark) for kind in kinds])
        self.cluster = np.array([kind.cluster for kind in kinds])
        ellipses = [ellipse for region in REGIONS.values() for ellipse in region]
        self.middle = np.array([(e.x, e.y) for e in ellipses])
        self.spread = np.array([(e.width, e.height) for e in ellipses])
        owner = [name for name, region in REGIONS.items() for _ in region]
        # [ellipses, kinds]: share of a kind's marks that lie in an ellipse.
        self.belongs = np.array(
            [
                [kind.regions.count(name) / max(len(kind.regions), 1) / len(REGIONS[name]) for kind in kinds]
                for name in owner
            ]
        )
        self.elsewhere = np.array([_ELSEWHERE if kind.regions else 1.0 for kind in kinds])

    def weights(self, places: np.ndarray | None, count: int) -> np.ndarray:
        """Frequency of each kind at places in the template, 1 on average over a face. -> [places, kinds]"""
        if places is None:
            return np.tile(self.shares, (count, 1))
        x, y = np.moveaxis((places[:, None] - self.middle) / self.spread, 2, 0)
        bell = np.exp(-0.5 * (x**2 + y**2)) / (2 * np.pi * self.spread.prod(axis=1)) * _FACE_AREA
        return self.shares * (self.elsewhere + (1 - self.elsewhere) * (bell @ self.belongs))


class _Places:
    """Draws places on skin."""

    def __init__(
        self,
        pixels: np.ndarray,
        shape: tuple[int, ...],
        template: np.ndarray | None,
        scale: float,
        rng: np.random.Generator,
    ) -> None:
        self.pixels, self.shape, self.template, self.scale, self.rng = pixels, shape, template, scale, rng
        self.seeds: list[np.ndarray] = []  # places of marks that others may gather around
        self._on_skin: np.ndarray | None = None

    def one(self, regions: _Regions) -> tuple[int, float, float]:
        """Draw a place, then a kind that lies there; or a place beside an earlier mark. -> kind, x, y"""
        rng = self.rng
        at = self.pixels[rng.integers(len(self.pixels), size=_TRIES)]
        places = None if self.template is None else at @ self.template[:, :2].T + self.template[:, 2]
        weights = regions.weights(places, len(at))
        chosen = int(rng.choice(len(at), p=weights.sum(axis=1) / weights.sum()))
        kind = int(rng.choice(weights.shape[1], p=weights[chosen] / weights[chosen].sum()))
        spot = at[chosen]
        if regions.cluster[kind]:
            if self.seeds and rng.uniform() < regions.cluster[kind]:
                near = self.seeds[rng.integers(len(self.seeds))] + rng.normal(0, _CLUSTER * self.scale, (_TRIES, 2))
                near = np.rint(near).astype(int)
                near = near[self._is_skin(near)]
                spot = near[0] if len(near) else spot
            self.seeds.append(spot.astype(float))
        x, y = spot + rng.uniform(-0.5, 0.5, 2)
        return kind, float(x), float(y)

    def in_template(self, kind: MarkKind, *, mirrored: bool = False) -> list[tuple[float, float]]:
        """Draw a place in a kind's regions, and its mirror image if wanted; those that are in the picture."""
        assert self.template is not None
        ellipses = REGIONS[kind.regions[self.rng.integers(len(kind.regions))]]
        ellipse = ellipses[self.rng.integers(len(ellipses))]
        x, y = self.rng.normal((ellipse.x, ellipse.y), (ellipse.width, ellipse.height))
        wanted = np.array([(x, y), (511 - x, y)] if mirrored else [(x, y)])
        linear, shift = self.template[:, :2], self.template[:, 2]
        found = (wanted - shift) @ np.linalg.inv(linear).T
        return [(float(x), float(y)) for x, y in found[self._is_near_skin(found)]]

    def _is_skin(self, at: np.ndarray) -> np.ndarray:
        if self._on_skin is None:
            self._on_skin = np.zeros(self.shape, bool)
            self._on_skin[self.pixels[:, 1], self.pixels[:, 0]] = True
        height, width = self.shape[:2]
        x, y = at.T
        inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
        return inside & self._on_skin[np.where(inside, y, 0), np.where(inside, x, 0)]

    def _is_near_skin(self, found: np.ndarray) -> np.ndarray:
        """Whether skin lies within a few px of places that need not be skin themselves."""
        around = np.array([(0, 0), (0, 8), (0, -8), (8, 0), (-8, 0)]) * self.scale
        return np.logical_or.reduce([self._is_skin(np.rint(found + shift).astype(int)) for shift in around])


def _by_face(
    name: str, kind: MarkKind, place: _Places, rng: np.random.Generator, scale: float, contrast: float, dark: float
) -> list[Mark]:
    places = place.in_template(kind, mirrored=kind.mirrored)
    state = rng.bit_generator.state
    marks = []
    for x, y in places:
        rng.bit_generator.state = state  # both sides alike
        marks.append(_mark(name, x, y, rng, scale, contrast, dark))
    return marks


def _mark(name: str, x: float, y: float, rng: np.random.Generator, scale: float, contrast: float, dark: float) -> Mark:
    """Draw everything about a mark but its place."""
    kind = MARK_KINDS[name]

    def low(span: Range, power: float = 2.0) -> float:
        """Nearer to the lower end most of the time."""
        return float(span[0] + (span[1] - span[0]) * rng.uniform() ** power)

    def even(span: Range) -> float:
        return low(span, 1.0)

    haemoglobin, melanin = low(kind.haemoglobin, 1.5), low(kind.melanin, 1.5)
    if kind.inflamed:
        melanin += _DARK_MELANIN * dark * haemoglobin
        haemoglobin *= 1 - _DARK_HAEMOGLOBIN * dark
    haemoglobin, melanin = ((1 + _DARK_DENSITY * dark) * amount for amount in (haemoglobin, melanin))
    length = even(kind.length)
    sway = 0.12 if length else kind.irregular
    waves = tuple((float(rng.normal(0, sway / n)), float(rng.uniform(0, 2 * np.pi))) for n in (2, 3, 5))
    grain = tuple(
        (float(k * np.cos(a)), float(k * np.sin(a)), float(phase))
        for k, a, phase in rng.uniform((1.5, 0, 0), (5.0, 2 * np.pi, 2 * np.pi), (4, 3))
    )
    flat = kind.mirrored  # under the eyes
    return Mark(
        kind=name,
        x=x,
        y=y,
        radius=low(kind.radius) * scale,
        haemoglobin=haemoglobin * contrast,
        melanin=melanin * contrast,
        grey=even(kind.grey) * max(0.0, haemoglobin + melanin) * contrast,
        edge=even(kind.edge),
        waves=waves,
        aspect=even(kind.aspect),
        angle=0.0 if flat else float(rng.uniform(0, np.pi)),
        length=length * scale,
        bend=3.0 * scale if flat else float(rng.normal(0, 0.12)) * length * scale,
        mottle=even(kind.mottle),
        grain=grain if kind.mottle[1] else (),
        halo=even(kind.halo),
        relief=low(kind.relief) * contrast,
        head=even(kind.head),
        glint=low(kind.glint) * contrast,
        shine=low(kind.shine) * contrast,
        opacity=even(kind.opacity),
        colour=_colour(kind, dark, rng),
    )


def _colour(kind: MarkKind, dark: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """Linear RGB of what lies on the skin."""
    if not kind.opacity[1]:
        return 0.0, 0.0, 0.0
    if kind.metal:
        return _METALS[rng.integers(len(_METALS))]
    return _HAIRS[rng.integers(len(_HAIRS) if dark < 0.3 else 2)]
