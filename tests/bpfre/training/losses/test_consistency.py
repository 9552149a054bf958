from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from bpfre.training.config import TrainConfig
from bpfre.training.losses.consistency import feature_distance, pixel_distance

CONFIG = TrainConfig(preset="tiny", balance=True, unedited=2.0, gradient=0.5)
PLAIN = dataclasses.replace(CONFIG, balance=False)


def by_hand(image: Tensor, target: Tensor, edited: Tensor) -> float:
    """The balanced distance of one sample, [3, H, W] twice and [H, W], pixel by pixel."""
    _, height, width = image.shape
    on = off = slope = 0.0
    for y in range(height):
        for x in range(width):
            difference = [float(image[c, y, x] - target[c, y, x]) for c in range(3)]
            error = sum(map(abs, difference)) / 3
            if not edited[y, x]:
                off += error
                continue
            on += error
            for v, u in ((y, x + 1), (y + 1, x)):
                if v < height and u < width:
                    beside = [float(image[c, v, u] - target[c, v, u]) for c in range(3)]
                    slope += sum(abs(b - a) for a, b in zip(difference, beside, strict=True)) / 3
    area = int(edited.sum())
    count_on, count_off = max(area, 0.002 * height * width), max(height * width - area, 0.002 * height * width)
    return on / count_on + 2.0 * off / count_off + 0.5 * slope / count_on


def test_balanced_averages_edits_the_rest_and_gradients_apart_in_each_sample() -> None:
    image, target = torch.rand(3, 3, 5, 6), torch.rand(3, 3, 5, 6)
    edited = torch.zeros(3, 1, 5, 6)
    edited[0, 0, 1:3, 2:] = 1  # up to the border
    edited[1, 0, 4, 5] = 1  # the last pixel alone
    expected = [by_hand(image[i], target[i], edited[i, 0]) for i in range(3)]
    np.testing.assert_allclose(pixel_distance(image, target, edited, CONFIG), expected, rtol=1e-5)


def test_unbalanced_is_the_papers_l1() -> None:
    image, target = torch.rand(3, 3, 5, 6), torch.rand(3, 3, 5, 6)
    expected = np.abs(image.numpy() - target.numpy()).reshape(3, -1).mean(axis=1)
    np.testing.assert_allclose(pixel_distance(image, target, torch.ones(3, 1, 5, 6), PLAIN), expected, rtol=1e-5)


@pytest.mark.parametrize("edited", [0.0, 1.0])
def test_an_empty_area_counts_nothing(edited: float) -> None:
    image, target = torch.full((1, 3, 2, 2), 0.6), torch.full((1, 3, 2, 2), 0.5)
    loss = pixel_distance(image, target, torch.full((1, 1, 2, 2), edited), CONFIG)
    assert float(loss) == pytest.approx(0.1 if edited else 0.2, rel=1e-4)


def test_three_edited_pixels_do_not_speak_for_a_whole_window() -> None:
    target = torch.zeros(2, 3, 100, 100)
    edited = torch.zeros(2, 1, 100, 100)
    edited[0, 0, 50, 50:53] = 1
    edited[1, 0, 40:60, 40:60] = 1
    few, many = pixel_distance(
        0.1 * edited.expand_as(target), target, edited, dataclasses.replace(CONFIG, gradient=0.0)
    )
    assert float(many) == pytest.approx(0.1, rel=1e-4)
    assert float(few) == pytest.approx(0.1 * 3 / 20, rel=1e-4)  # as if 0.2 % of the window were edited


def test_rare_edits_weigh_more_than_their_area() -> None:
    target = torch.zeros(1, 3, 100, 100)
    edited = torch.zeros(1, 1, 100, 100)
    edited[..., :10, :10] = 1
    missed = (0.1 * edited).expand_as(target)
    assert float(pixel_distance(missed, target, edited, CONFIG)) > 90 * float(
        pixel_distance(missed, target, edited, PLAIN)
    )


def test_features_are_averaged_within_layers_and_over_them() -> None:
    a = [torch.rand(2, 4, 6, 6), torch.rand(2, 8, 3, 3)]
    b = [torch.rand(2, 4, 6, 6), torch.rand(2, 8, 3, 3)]
    expected = [
        np.mean([np.abs(p[i].numpy() - q[i].numpy()).mean() for p, q in zip(a, b, strict=True)]) for i in range(2)
    ]
    np.testing.assert_allclose(feature_distance(a, b), expected, rtol=1e-5)


def test_half_precision_is_measured_in_full() -> None:
    image = torch.rand(1, 3, 4, 4).bfloat16()
    target = image.float() + 0.001
    loss = pixel_distance(image, target, torch.ones(1, 1, 4, 4), PLAIN)
    assert loss.dtype == torch.float32 and float(loss) == pytest.approx(0.001, rel=1e-2)


def test_relative_errors_count_alike_on_light_and_dark_skin() -> None:
    target = torch.tensor([0.7, 0.25]).view(2, 1, 1, 1).expand(2, 3, 6, 6)
    image = (target + 0.05) * 1.02 - 0.05
    edited = torch.ones(2, 1, 6, 6)
    for config in (CONFIG, PLAIN):
        light, dark = pixel_distance(image, target, edited, dataclasses.replace(config, relative=True)).tolist()
        assert light == pytest.approx(dark, rel=1e-4)
        light, dark = pixel_distance(image, target, edited, config).tolist()
        assert light == pytest.approx(2.5 * dark, rel=1e-4)
