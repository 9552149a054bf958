"""Numbers as pixels."""

from __future__ import annotations

import cv2
import numpy as np

from bpfre.evaluation.pictures import difference, fit, heat


def test_lightness_of_map_colours_rises_evenly() -> None:
    ramp = heat(np.linspace(0, 1, 256, dtype=np.float32)[None])
    lightness = cv2.cvtColor(ramp.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0, ::16, 0]
    steps = np.diff(lightness)
    assert steps.min() > 0.7 * steps.mean() and steps.max() < 1.3 * steps.mean()
    assert lightness[-1] - lightness[0] > 60


def test_values_outside_the_range_take_the_end_colours() -> None:
    assert np.array_equal(heat(np.array([[-1.0, 2.0]])), heat(np.array([[0.0, 1.0]])))


def test_differences_are_grey_plus_four_times_themselves() -> None:
    values = np.array([[[0.0, 0.1, -0.12], [1.0, -1.0, 0.05]]])
    assert difference(values).tolist() == [[[128, 230, 5], [255, 0, 178]]]


def test_fit_keeps_pixels_where_it_can() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    assert fit(pixels, 8) is pixels
    assert np.array_equal(fit(pixels, 24)[1::3, 1::3], pixels)
    assert np.array_equal(fit(np.full((8, 8), 0.25, np.float32), 12), np.full((12, 12), 0.25, np.float32))
    assert abs(fit(pixels, 4).mean() - pixels.mean()) < 0.5
