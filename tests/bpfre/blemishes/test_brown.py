"""Red marks that turn brown."""

from __future__ import annotations

import numpy as np
import pytest

from bpfre.blemishes.brown import turn_brown
from bpfre.blemishes.density import HAEMOGLOBIN, MELANIN

LUMINANCE = (0.2126, 0.7152, 0.0722)


def test_blood_becomes_pigment_that_is_as_dark() -> None:
    brown = turn_brown(0.3 * HAEMOGLOBIN, 1.0)
    assert brown / np.linalg.norm(brown) == pytest.approx(MELANIN, abs=0.01)
    assert brown @ LUMINANCE == pytest.approx(0.3 * HAEMOGLOBIN @ LUMINANCE, rel=1e-3)


def test_a_share_of_it_turns() -> None:
    red = np.random.default_rng(0).uniform(0, 0.2, (7, 7, 1)) * HAEMOGLOBIN + 0.05 * MELANIN
    none, half, all_of_it = (turn_brown(red, share) for share in (0.0, 0.5, 1.0))
    assert none.dtype == np.float32 and none == pytest.approx(red, abs=1e-6)
    assert half == pytest.approx((red + all_of_it) / 2, abs=1e-5)
    assert np.abs(all_of_it - red).max() > 0.05


@pytest.mark.parametrize("other", [0.3 * MELANIN, np.full(3, 0.2), -0.2 * HAEMOGLOBIN, np.zeros(3)])
def test_pigment_shade_and_what_is_paler_than_skin_stay(other: np.ndarray) -> None:
    assert turn_brown(other, 1.0) == pytest.approx(other, abs=1e-5)
