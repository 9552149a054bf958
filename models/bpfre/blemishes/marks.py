"""Marks on skin: what kinds there are, where they lie, and how they are drawn in the optical-density domain."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from bpfre.blemishes.density import HAEMOGLOBIN, MELANIN, to_density, to_linear, to_srgb


@dataclass(frozen=True, kw_only=True)
class MarkKind:
    """What marks of one kind look like. Ranges are drawn from uniformly; lengths are px of a 512 face crop."""

    keep: bool  # a permanent mark: part of the person, in input and target alike
    share: float  # relative frequency
    radius: tuple[float, float]  # px
    haemoglobin: tuple[float, float]  # added optical density along the haemoglobin direction
    melanin: tuple[float, float]  # added optical density along the melanin direction
    edge: tuple[float, float]  # softness of the rim as a share of the radius
    irregular: float  # waviness of the outline as a share of the radius
    head: tuple[float, float] = (0.0, 0.0)  # yellow-white centre: share of light that it replaces
    length: tuple[float, float] = (0.0, 0.0)  # for lines: length in px, the radius is half the width


MARK_KINDS: dict[str, MarkKind] = {
    "pimple": MarkKind(
        keep=False,
        share=4.0,
        radius=(2.0, 6.5),
        haemoglobin=(0.10, 0.42),
        melanin=(0.0, 0.06),
        edge=(0.45, 1.0),
        irregular=0.15,
    ),
    "pustule": MarkKind(
        keep=False,
        share=1.0,
        radius=(3.0, 6.0),
        haemoglobin=(0.15, 0.40),
        melanin=(0.0, 0.03),
        edge=(0.5, 0.9),
        irregular=0.12,
        head=(0.15, 0.5),
    ),
    "scab": MarkKind(
        keep=False,
        share=1.0,
        radius=(1.2, 4.0),
        haemoglobin=(0.35, 0.75),
        melanin=(0.05, 0.25),
        edge=(0.2, 0.6),
        irregular=0.3,
    ),
    "flat mark": MarkKind(
        keep=False,
        share=3.0,
        radius=(2.0, 6.0),
        haemoglobin=(0.03, 0.15),
        melanin=(0.03, 0.14),
        edge=(0.4, 0.9),
        irregular=0.2,
    ),
    "dot": MarkKind(
        keep=False,
        share=2.0,
        radius=(0.9, 2.0),
        haemoglobin=(0.10, 0.35),
        melanin=(0.0, 0.10),
        edge=(0.6, 1.0),
        irregular=0.1,
    ),
    "patch": MarkKind(
        keep=False,
        share=0.6,
        radius=(8.0, 18.0),
        haemoglobin=(0.06, 0.18),
        melanin=(0.0, 0.02),
        edge=(0.8, 1.0),
        irregular=0.3,
    ),
    "vessel": MarkKind(
        keep=False,
        share=0.4,
        radius=(0.5, 0.9),
        haemoglobin=(0.10, 0.35),
        melanin=(0.0, 0.0),
        edge=(0.6, 1.0),
        irregular=0.0,
        length=(6.0, 22.0),
    ),
    "mole": MarkKind(
        keep=True,
        share=1.0,
        radius=(1.3, 4.0),
        haemoglobin=(0.0, 0.10),
        melanin=(0.45, 1.3),
        edge=(0.15, 0.5),
        irregular=0.08,
    ),
    "freckle": MarkKind(
        keep=True,
        share=1.2,
        radius=(0.8, 1.8),
        haemoglobin=(0.0, 0.02),
        melanin=(0.12, 0.35),
        edge=(0.5, 0.9),
        irregular=0.15,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One mark: its place and everything that decides how it is drawn. Lengths in px of the picture."""

    kind: str
    x: float
    y: float
    radius: float
    haemoglobin: float  # optical density
    melanin: float  # optical density
    edge: float  # share of the radius
    waves: tuple[tuple[float, float], ...]  # amplitude (share of the radius) and phase of each harmonic of the outline
    aspect: float  # axis ratio, 1 and up
    angle: float  # rad
    head: float = 0.0  # share of light replaced by a yellow-white centre
    length: float = 0.0  # px; 0 for anything but lines

    @property
    def keep(self) -> bool:
        """Whether the mark belongs to the person."""
        return MARK_KINDS[self.kind].keep


def place_marks(
    skin: np.ndarray,
    rng: np.random.Generator,
    *,
    density: float,
    keep: bool,
    scale: float = 1.0,
    contrast: float = 1.0,
) -> list[Mark]:
    """Choose marks at random places on skin.

    Args:
        skin: [H, W] bool or float in [0, 1]; marks are centred where it is above 0.5.
        rng: source of randomness.
        density: expected marks on 100 000 px of skin (about a whole face at 512).
        keep: marks to keep (moles, freckles) or blemishes.
        scale: size of the picture's face relative to a 512 crop.
        contrast: factor on every amplitude.
    """
    rows, columns = np.nonzero(skin > 0.5)
    count = rng.poisson(density * len(rows) / scale**2 / 1e5) if len(rows) else 0
    kinds = {name: kind for name, kind in MARK_KINDS.items() if kind.keep == keep}
    shares = np.array([kind.share for kind in kinds.values()])
    marks = []
    for name in rng.choice(list(kinds), size=count, p=shares / shares.sum()):
        kind, at = kinds[name], rng.integers(len(rows))
        waves = tuple(
            (float(rng.normal(0, kind.irregular / order)), float(rng.uniform(0, 2 * np.pi))) for order in (2, 3, 5)
        )
        # Small marks outnumber large ones: the square keeps most radii near the lower end.
        radius = kind.radius[0] + (kind.radius[1] - kind.radius[0]) * rng.uniform() ** 2
        marks.append(
            Mark(
                kind=str(name),
                x=float(columns[at] + rng.uniform(-0.5, 0.5)),
                y=float(rows[at] + rng.uniform(-0.5, 0.5)),
                radius=radius * scale,
                haemoglobin=float(rng.uniform(*kind.haemoglobin)) * contrast,
                melanin=float(rng.uniform(*kind.melanin)) * contrast,
                edge=float(rng.uniform(*kind.edge)),
                waves=waves,
                aspect=float(rng.uniform(1.0, 1.5)),
                angle=float(rng.uniform(0, np.pi)),
                head=float(rng.uniform(*kind.head)),
                length=float(rng.uniform(*kind.length)) * scale,
            )
        )
    return marks


def draw_marks(rgb: np.ndarray, marks: list[Mark]) -> np.ndarray:
    """Draw marks onto skin, keeping its texture.

    Args:
        rgb: [H, W, 3] float sRGB in [0, 1]; left as it is.
        marks: places in px of this picture.

    Returns:
        [H, W, 3] float32 sRGB in [0, 1]; pixels that no mark reaches are exactly those of `rgb`.
    """
    out = np.array(rgb, np.float32)
    height, width = rgb.shape[:2]
    for mark in marks:
        reach = int(np.ceil(mark.radius * mark.aspect * 1.6 * (1 + mark.edge) + mark.length / 2 + 2))
        x0, x1 = max(0, int(mark.x) - reach), min(width, int(mark.x) + reach + 1)
        y0, y1 = max(0, int(mark.y) - reach), min(height, int(mark.y) + reach + 1)
        if x0 >= x1 or y0 >= y1:
            continue
        x, y = np.meshgrid(np.arange(x0, x1) - mark.x, np.arange(y0, y1) - mark.y)
        cover = _line_cover(mark, x, y) if mark.length else _blob_cover(mark, x, y)
        touched = cover > 1e-3
        patch = out[y0:y1, x0:x1]
        amount = cover[..., None] * (mark.haemoglobin * HAEMOGLOBIN + mark.melanin * MELANIN)
        light = np.exp(-(to_density(patch) + amount))
        if mark.head:
            light = _with_head(mark, light, to_linear(patch), x, y)
        patch[touched] = to_srgb(light)[touched]
    return out


def _blob_cover(mark: Mark, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Coverage in [0, 1] of a wavy ellipse with a soft rim at offsets x, y from its centre."""
    c, s = np.cos(mark.angle), np.sin(mark.angle)
    u, v = (c * x + s * y) / mark.aspect**0.5, (c * y - s * x) * mark.aspect**0.5
    theta = np.arctan2(v, u)
    outline = sum(a * np.cos(order * theta + p) for order, (a, p) in zip((2, 3, 5), mark.waves, strict=True))
    distance = np.hypot(u, v) / (mark.radius * np.clip(1 + outline, 0.4, 1.6))
    t = np.clip((1 + mark.edge * 0.6 - distance) / (1.2 * mark.edge + 1e-6), 0, 1)
    # The optics of a camera never show a rim sharper than about a pixel.
    return cv2.GaussianBlur((t * t * (3 - 2 * t)).astype(np.float32), (0, 0), 0.6)


def _line_cover(mark: Mark, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Coverage in [0, 1] of a gently bent line (a broken vessel)."""
    c, s = np.cos(mark.angle), np.sin(mark.angle)
    u, v = c * x + s * y, c * y - s * x
    t = u / (mark.length / 2)
    bend = mark.length * (mark.waves[0][1] / np.pi - 1) * 0.15 * (1 - t * t)
    along = np.clip((1 - np.abs(t)) * 4, 0, 1)
    return (np.exp(-(((v - bend) / (mark.radius * (1 + mark.edge))) ** 2)) * along * (np.abs(t) < 1)).astype(np.float32)


def _with_head(mark: Mark, light: np.ndarray, bare: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mix a yellow-white centre into linear light, brighter than the bare skin around it."""
    share = mark.head * np.exp(-((np.hypot(x, y) / (0.45 * mark.radius)) ** 2))[..., None]
    pus = bare.mean(axis=(0, 1)) * np.array([1.25, 1.2, 1.0], np.float32)
    return light * (1 - share) + np.clip(pus, 0, 1) * share
