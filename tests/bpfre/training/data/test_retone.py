"""Skin shown in another tone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bpfre.blemishes import darkness, skin_tone
from bpfre.blemishes.density import HAEMOGLOBIN, MELANIN, from_density, to_density
from bpfre.training.data.retone import retone

SKIN = np.zeros((64, 64), np.float32)
SKIN[4:60, 4:60] = 1
MIDDLE = np.s_[28:36, 28:36]


def shown(colour: tuple[float, float, float], count: int = 60) -> np.ndarray:
    """Means of even skin, shown as that of others. -> [count, 3]"""
    picture = np.full((64, 64, 3), colour, np.float32)
    results = [retone(picture, picture, SKIN, np.random.default_rng(seed)) for seed in range(count)]
    assert all(raw is target for raw, target in results), "alike they stay"
    return np.array([target.mean(axis=(0, 1)) for _, target in results])


def test_light_skin_is_shown_as_dark_as_anybody_s() -> None:
    means = shown((0.74, 0.62, 0.56))
    assert np.percentile(means.mean(axis=1), 10) < 0.3 and np.percentile(means.mean(axis=1), 90) > 0.5
    dark = means[means.mean(axis=1) < 0.35].mean(axis=0)
    assert dark[0] / dark[2] > 1.1 * 0.74 / 0.56, "pigment takes most of the blue"


def test_dark_skin_is_lightened_within_bounds() -> None:
    means = shown((0.30, 0.23, 0.20)).mean(axis=1)
    assert means.max() < 0.6 and np.median(means) > 0.25


@pytest.fixture
def retoned() -> list[tuple[np.ndarray, np.ndarray]]:
    """Light skin with a red mark, and without it, in many tones."""
    noise = np.random.default_rng(0).normal(0, 0.01, (64, 64, 1))
    bare = np.clip(np.array((0.85, 0.68, 0.58)) + noise, 0, 1).astype(np.float32)
    spot = 0.3 * np.exp(-0.5 * (((np.mgrid[:64, :64] - 31.5) / 5) ** 2).sum(axis=0))
    spot[spot < 0.01] = 0
    marked = np.where(spot[..., None] > 0, from_density(to_density(bare) + spot[..., None] * HAEMOGLOBIN), bare)
    marked = marked.astype(np.float32)
    before = marked.copy(), bare.copy()
    results = [retone(marked, bare, SKIN, np.random.default_rng(seed)) for seed in range(60)]
    assert np.array_equal(marked, before[0]) and np.array_equal(bare, before[1]), "the input is left as it is"
    return results


def redness(raw: np.ndarray, target: np.ndarray) -> float:
    """What the mark adds, along what parts blood from pigment and shade, as a share of what it adds."""
    added = (to_density(raw) - to_density(target))[MIDDLE].mean(axis=(0, 1))
    odd = np.linalg.lstsq(np.stack([MELANIN, HAEMOGLOBIN, np.ones(3)]).T, added, rcond=None)[0]
    return float(odd[1] / np.abs(added).sum())


def test_red_marks_turn_more_or_less_brown_on_dark_skin(retoned: list[tuple[np.ndarray, np.ndarray]]) -> None:
    dark = np.array([darkness(skin_tone(target, SKIN)) for _, target in retoned])
    red = np.array([redness(*pair) for pair in retoned])
    assert dark.max() > 0.9 and dark.min() < 0.1
    assert red[dark > 0.8].min() < 0.3 * red[dark < 0.1].min(), "brown"
    assert red[dark > 0.8].max() > 0.7 * red[dark < 0.1].max(), "or red"
    assert red[dark < 0.1].min() > 0.85 * red.max(), "but red on light skin"


def test_marks_stay_as_dark_and_skin_without_them_stays_alike(retoned: list[tuple[np.ndarray, np.ndarray]]) -> None:
    grey = [cv2.cvtColor(np.hstack(pair), cv2.COLOR_RGB2GRAY) for pair in retoned]
    ratios = np.array([side[MIDDLE].mean() / side[:, 64:][MIDDLE].mean() for side in grey])
    assert ratios.max() < 0.95 and np.ptp(ratios) < 0.06
    for raw, target in retoned:
        assert np.array_equal(raw[:8], target[:8]) and raw.min() >= 0 and raw.max() <= 1
