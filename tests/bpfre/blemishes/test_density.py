from __future__ import annotations

import numpy as np
import pytest

from bpfre.blemishes.density import HAEMOGLOBIN, MELANIN, from_density, to_density, to_linear, to_srgb


def test_density_round_trip() -> None:
    rgb = np.random.default_rng(0).uniform(0.002, 1, (40, 50, 3)).astype(np.float32)
    rgb[0, 0] = 1
    np.testing.assert_allclose(from_density(to_density(rgb)), rgb, atol=2e-6)


def test_white_has_no_density_and_black_a_finite_one() -> None:
    density = to_density(np.array([[[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]]))
    assert not density[0, 0].any()
    assert np.isfinite(density).all() and (density[0, 1] > 9).all()
    assert (from_density(density)[0, 1] < 0.002).all()


def test_srgb_curve_known_values() -> None:
    np.testing.assert_allclose(to_linear(np.array([0, 0.04045, 0.5, 1.0])), [0, 0.0031308, 0.2140411, 1], atol=1e-6)
    np.testing.assert_allclose(to_srgb(np.array([0, 0.0031308, 0.18, 1.0])), [0, 0.04045, 0.4613561, 1], atol=1e-5)
    np.testing.assert_allclose(to_linear(np.array([-1.0, 2.0])), [0, 1])


def test_half_the_light_adds_ln_2() -> None:
    light = np.full((1, 1, 3), 0.6)
    added = to_density(to_srgb(light / 2)) - to_density(to_srgb(light))
    np.testing.assert_allclose(added, np.log(2), atol=1e-4)


def test_pigments_follow_their_absorption() -> None:
    melanin = np.array([610.0, 545.0, 465.0]) ** -3.33
    np.testing.assert_allclose(MELANIN, melanin / np.linalg.norm(melanin), atol=2e-3)
    for pigment in (MELANIN, HAEMOGLOBIN):
        assert np.linalg.norm(pigment) == pytest.approx(1, abs=0.01)
    assert HAEMOGLOBIN.argmax() == 1 and HAEMOGLOBIN.argmin() == 0
