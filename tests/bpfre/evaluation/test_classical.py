"""The retoucher without learning."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from bpfre.evaluation.classical import ClassicalRetoucher, ClassicalSettings, retouch_classically
from bpfre.evaluation.contrast import high_pass_energy, local_contrast, to_lab


@pytest.fixture
def crop() -> np.ndarray:
    """[512, 512, 3] float32: grainy skin with a red spot on the left cheek and a mole on the right."""
    noise = np.random.default_rng(3).normal(0, 0.01, (512, 512, 1))
    rgb = (np.array([0.78, 0.62, 0.54]) + noise).astype(np.float32)
    cover = np.zeros((512, 512), np.float32)
    for at, colour in (((175, 315), (0.70, 0.42, 0.40)), ((338, 315), (0.45, 0.33, 0.27))):
        cover[:] = 0
        cv2.circle(cover, at, 4, 1.0, -1)
        soft = cv2.GaussianBlur(cover, (0, 0), 0.8)[..., None]
        rgb += soft * (np.array(colour, np.float32) - rgb)
    return rgb


def contrast(crop: np.ndarray, x: int, y: int) -> float:
    return float(np.linalg.norm(local_contrast(to_lab(crop), x, y, disc=4, ring=(8, 12))))


def test_heals_the_red_spot_and_keeps_the_mole(crop: np.ndarray) -> None:
    done = retouch_classically(crop, ClassicalSettings())
    assert contrast(done, 175, 315) < 0.4 * contrast(crop, 175, 315)
    assert contrast(done, 338, 315) > 0.8 * contrast(crop, 338, 315)


def test_leaves_the_rest_alone_and_the_healed_place_grainy(crop: np.ndarray) -> None:
    done = retouch_classically(crop, ClassicalSettings())
    near = np.hypot(*np.mgrid[-315:197, -175:337]) < 25
    assert (done[~near] == crop[~near]).mean() > 0.99
    spot = np.hypot(*np.mgrid[-315:197, -175:337]) < 5
    elsewhere = np.hypot(*np.mgrid[-350:162, -175:337]) < 5
    assert high_pass_energy(done, spot) > 0.3 * high_pass_energy(crop, elsewhere)


def test_finds_nothing_where_there_is_no_skin() -> None:
    grey = np.full((512, 512, 3), 0.1, np.float32)
    grey[:, ::3] = (0.0, 0.9, 0.0)
    assert (retouch_classically(grey, ClassicalSettings()) == grey).mean() > 0.99


def test_is_called_like_a_network(crop: np.ndarray) -> None:
    retoucher = ClassicalRetoucher()
    x = torch.from_numpy(crop).permute(2, 0, 1)[None].repeat(2, 1, 1, 1)
    refined = retoucher(x).refined
    assert refined.shape == x.shape and refined.dtype == x.dtype
    torch.testing.assert_close(refined[0], refined[1])
    assert (refined[0] != x[0]).any()
