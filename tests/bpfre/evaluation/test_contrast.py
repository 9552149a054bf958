"""Measures of what stands out and what changed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bpfre.evaluation.contrast import colour_difference, high_pass_energy, local_contrast, to_lab


@pytest.fixture
def spot() -> np.ndarray:
    """[60, 80, 3] Lab: a disc of radius 6 at (50.5, 20.25), 10 darker and 4 redder than what is around."""
    rows, columns = np.mgrid[0:60, 0:80]
    lab = np.full((60, 80, 3), (70.0, 12.0, 16.0), np.float32)
    lab[np.hypot(columns - 50.5, rows - 20.25) <= 6] += (-10, 4, 0)
    return lab


def test_lab_of_bytes_and_of_floats_is_the_same() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (8, 9, 3), np.uint8)
    np.testing.assert_allclose(to_lab(rgb), to_lab(rgb / 255.0), atol=1e-3)
    np.testing.assert_allclose(to_lab(np.full((1, 1, 3), 255, np.uint8))[0, 0], (100, 0, 0), atol=0.05)


def test_contrast_is_the_step_of_a_disc(spot: np.ndarray) -> None:
    np.testing.assert_allclose(local_contrast(spot, 50.5, 20.25, disc=5, ring=(8, 12)), (-10, 4, 0), atol=1e-4)


def test_contrast_is_nothing_on_even_skin(spot: np.ndarray) -> None:
    np.testing.assert_allclose(local_contrast(spot, 15, 40, disc=5, ring=(8, 12)), 0, atol=1e-4)


def test_a_neighbour_in_the_ring_counts_only_in_the_mean(spot: np.ndarray) -> None:
    spot[:12] = (20, 0, 0)  # hair over a third of the ring
    ring = {"disc": 5, "ring": (8, 12)}
    np.testing.assert_allclose(local_contrast(spot, 50.5, 20.25, **ring), (-10, 4, 0), atol=1e-4)
    assert local_contrast(spot, 50.5, 20.25, **ring, ring_average=np.mean)[0] > -5


def test_what_is_ignored_is_left_out_of_the_ring(spot: np.ndarray) -> None:
    others = np.zeros(spot.shape[:2], bool)
    others[:, :54] = True
    spot[others] = (20, 0, 0)
    inside = np.hypot(*np.mgrid[-20.25:39.75, -50.5:29.5]) <= 6
    spot[inside & others] = (60, 16, 16)
    ring = {"disc": 5, "ring": (8, 12)}
    assert local_contrast(spot, 50.5, 20.25, **ring)[0] != pytest.approx(-10)
    np.testing.assert_allclose(local_contrast(spot, 50.5, 20.25, **ring, ignore=others), (-10, 4, 0), atol=1e-4)


def test_a_ring_that_is_ignored_as_a_whole_is_used_all_the_same(spot: np.ndarray) -> None:
    everything = np.ones(spot.shape[:2], bool)
    contrast = local_contrast(spot, 50.5, 20.25, disc=5, ring=(8, 12), ignore=everything)
    np.testing.assert_allclose(contrast, (-10, 4, 0), atol=1e-4)


def test_a_mark_at_the_edge_of_the_photo_is_measured(spot: np.ndarray) -> None:
    spot[:4, :4] += (-10, 0, 0)
    assert local_contrast(spot, 0, 0, disc=2, ring=(7, 11)) == pytest.approx([-10, 0, 0], abs=1e-4)


def test_colour_difference_is_the_distance_in_lab_and_local(spot: np.ndarray) -> None:
    after = spot.copy()
    after[30:, :40] += (3, 4, 0)
    assert colour_difference(spot, after, 20, 45, disc=5) == pytest.approx(5, abs=1e-4)
    assert colour_difference(spot, after, 60, 45, disc=5) == 0


def test_changes_that_cancel_out_are_still_changes(spot: np.ndarray) -> None:
    after = spot.copy()
    after[::2] += (2, 0, 0)
    after[1::2] -= (2, 0, 0)
    assert colour_difference(spot, after, 20, 45, disc=5) == pytest.approx(2, abs=1e-4)


def test_high_pass_energy_falls_with_blur_and_ignores_shading() -> None:
    rng = np.random.default_rng(2)
    grain = rng.normal(0.5, 0.05, (64, 64, 1)).repeat(3, axis=2)
    where = np.ones((64, 64), bool)
    where[:8] = where[-8:] = where[:, :8] = where[:, -8:] = False
    energy = high_pass_energy(grain, where)
    assert high_pass_energy(cv2.GaussianBlur(grain, (0, 0), 1), where) < 0.3 * energy
    shaded = grain + np.linspace(0, 0.3, 64)[:, None, None]
    assert high_pass_energy(shaded, where) == pytest.approx(energy, rel=0.01)
