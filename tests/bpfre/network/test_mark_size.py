from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bpfre.network.mark_size import mark_size

SIDE = 96
MIDDLE = SIDE // 2


def picture(sigma: float, height: float = -0.12, colour: tuple[float, float, float] = (0.4, 1.0, 0.9)) -> Tensor:
    """Even skin with a spot in the middle. -> [1, 3, SIDE, SIDE]"""
    y, x = torch.meshgrid(torch.arange(SIDE) - MIDDLE, torch.arange(SIDE) - MIDDLE, indexing="ij")
    spot = torch.exp(-(x**2 + y**2) / (2 * sigma**2))
    skin = torch.tensor([0.75, 0.58, 0.5])[:, None, None]
    return (skin + height * spot * torch.tensor(colour)[:, None, None])[None]


@pytest.mark.parametrize("sigma", [1.2, 1.8, 2.5, 3.5, 5.0])
def test_size_is_that_of_the_spot(sigma: float) -> None:
    found = mark_size(picture(sigma), 1.0)
    assert math.exp(found.size[0, 0, MIDDLE, MIDDLE]) == pytest.approx(sigma, rel=0.25)


def test_size_does_not_depend_on_strength_light_or_enlargement() -> None:
    wanted = float(mark_size(picture(2.5), 1.0).size[0, 0, MIDDLE, MIDDLE])
    for found in (
        mark_size(picture(2.5, height=-0.03), 1.0),
        mark_size(0.5 * picture(2.5), 1.0),
        mark_size(picture(5.0), 2.0),
    ):
        assert float(found.size[0, 0, MIDDLE, MIDDLE]) == pytest.approx(wanted, abs=0.1)


def test_contrast_grows_with_the_spot_and_is_highest_in_it() -> None:
    faint, strong = (mark_size(picture(2.5, height), 1.0).contrast[0, 0] for height in (-0.03, -0.12))
    assert 0 < faint[MIDDLE, MIDDLE] < strong[MIDDLE, MIDDLE]
    assert strong.argmax() == MIDDLE * SIDE + MIDDLE
    assert strong[4, 4] < 0.01 * strong[MIDDLE, MIDDLE]


def test_red_spots_are_seen_as_brown_ones_are() -> None:
    red, brown = (mark_size(picture(2.5, colour=c), 1.0) for c in ((0.0, 1.0, 0.8), (1.0, 1.0, 1.0)))
    torch.testing.assert_close(red.size, brown.size)


@pytest.mark.parametrize("height", [0.0, 0.1], ids=["nothing", "bright spot"])
def test_where_nothing_is_darker_there_is_no_contrast(height: float) -> None:
    found = mark_size(picture(2.5, height), 1.0)
    assert float(found.contrast[0, 0, MIDDLE, MIDDLE]) < 1e-3
    assert all(value.isfinite().all() for value in found)
