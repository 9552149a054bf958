"""Find real spots on skin, each with its whole area."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from bpfre.blemishes.blobs import Blob, find_blobs
from bpfre.blemishes.contrast import Contrast, Plane, Surface, measure
from bpfre.blemishes.judgement import MarkSettings, SpotSettings, Verdict, judge, stands_out
from bpfre.blemishes.regions import find_hair

_CLEAR = 0.4  # optical density of a spot that stands out from any texture
_LEAST_AREA = 0.4  # of a spot, relative to the disc of its measured radius
_KEPT_MARGIN = 2.5  # around marks to keep nothing is healed, px of a 512 face crop


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
    """Find temporary spots. Arguments are those of `find_marks`.

    Returns:
        [H, W] int32 labels, 0 for none, each spot's whole area under one number.
    """
    return spots_and_kept(rgb, skin, scale=scale, settings=settings)[0]


def spots_and_kept(
    rgb: np.ndarray, skin: np.ndarray, *, scale: float = 1.0, settings: SpotSettings | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Find temporary spots and marks that belong to the person. Arguments are those of `find_marks`.

    Returns:
        [H, W] int32 labels of spots, 0 for none, each spot's whole area under one number; and [H, W] bool, marks that
        stay, with a margin.
    """
    surface = _surface(rgb, skin, scale)
    marks = _judged(surface, settings or SpotSettings())
    labels = _labels(surface, [mark for mark in marks if mark.verdict is Verdict.HEAL])
    kept = np.zeros(skin.shape, np.uint8)
    for mark in marks:
        if mark.verdict is Verdict.KEEP:
            radius = round(1.5 * mark.contrast.half * scale + _KEPT_MARGIN * scale)
            cv2.circle(kept, (mark.blob.x, mark.blob.y), radius, 1, -1)
    labels[kept > 0] = 0
    return labels, kept > 0


def find_all_marks(
    rgb: np.ndarray, skin: np.ndarray, *, scale: float = 1.0, settings: SpotSettings | None = None
) -> np.ndarray:
    """Find temporary spots, marks that belong to the person, and what cannot be told; otherwise as `find_spots`."""
    surface, faint = _surface(rgb, skin, scale), MarkSettings()
    marks = _judged(surface, settings or SpotSettings())
    return _labels(surface, [m for m in marks if m.verdict is not Verdict.SKIN or stands_out(m.contrast, faint)])


def _labels(surface: Surface, marks: Sequence[FoundMark]) -> np.ndarray:
    labels = np.zeros(surface.skin.shape, np.int32)
    for number, mark in enumerate(marks, 1):
        _label(labels, number, surface, mark)
    return labels


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
    flat = Plane(rim if rim.sum() >= 12 else skin).flat(density)
    direction = mark.contrast.density / np.square(mark.contrast.density).sum()
    share = cv2.GaussianBlur((flat @ direction).astype(np.float32), (0, 0), 0.7 * scale)
    core = radius <= max(1.0, 0.7 * blob.sigma)
    inside = ((share > 0.28 - 0.16 * clear + 0.5 * (radius / reach) ** 2) | core) & skin
    _, pieces = cv2.connectedComponents(inside.astype(np.uint8), connectivity=4)
    piece = pieces == pieces[blob.y - y0, blob.x - x0]
    # What has no area of its own size is a step in the shading.
    if skin[blob.y - y0, blob.x - x0] and piece.sum() >= _LEAST_AREA * np.pi * (mark.contrast.half * scale) ** 2:
        labels[at][piece & (labels[at] == 0)] = number
