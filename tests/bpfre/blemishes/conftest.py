"""Synthetic skin: a tone, slow shading, pores and grain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from bpfre.blemishes import Mark

TONES = {"light": (0.87, 0.69, 0.60), "medium": (0.68, 0.49, 0.38), "dark": (0.38, 0.25, 0.19)}


@pytest.fixture(scope="session")
def make_skin() -> Callable[..., np.ndarray]:
    """[side, side, 3] float32 sRGB; texture multiplies light, as relief does."""

    def make(tone: str = "light", side: int = 192, seed: int = 0, texture: float = 0.03) -> np.ndarray:
        rng = np.random.default_rng(seed)
        pores = cv2.GaussianBlur(rng.normal(size=(side, side)), (0, 0), 0.9)
        shade = cv2.GaussianBlur(rng.normal(size=(side, side)), (0, 0), side / 6)
        relief = texture * pores / pores.std() + 0.05 * shade / shade.std()
        grain = rng.normal(0, 0.003, (side, side, 3))
        return np.clip(np.array(TONES[tone]) * np.exp(relief)[..., None] + grain, 0, 1).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def make_mark() -> Callable[..., Mark]:
    """A round mark without whims; any field can be set."""

    def make(kind: str = "pimple", x: float = 96, y: float = 96, **change: Any) -> Mark:
        fields: dict[str, Any] = {
            "radius": 5.0,
            "haemoglobin": 0.35,
            "melanin": 0.03,
            "edge": 0.6,
            "waves": ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0)),
            "aspect": 1.0,
            "angle": 0.0,
        }
        return Mark(kind=kind, x=x, y=y, **(fields | change))

    return make


@pytest.fixture(scope="session")
def disc() -> Callable[..., np.ndarray]:
    """[side, side] bool, pixels within a radius of a point."""

    def make(side: int, x: float, y: float, radius: float) -> np.ndarray:
        rows, columns = np.mgrid[0:side, 0:side]
        return np.hypot(columns - x, rows - y) <= radius

    return make


@pytest.fixture(scope="session")
def signal() -> Callable[[np.ndarray], np.ndarray]:
    """How spotty a pixel is, in Lab units: redness and, counted less, darkness."""

    def measure(rgb: np.ndarray) -> np.ndarray:
        lab = cv2.cvtColor(np.ascontiguousarray(rgb, np.float32), cv2.COLOR_RGB2LAB)
        return lab[..., 1] - 0.6 * lab[..., 0]

    return measure
