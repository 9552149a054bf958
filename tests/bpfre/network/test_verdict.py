from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from bpfre.network import BPFRe, preset
from bpfre.network.skin_light import DARK, LIGHT
from bpfre.network.verdict import verdict

SIDE = 96
PLACES = ((24, 24), (24, 72), (72, 24), (72, 72))  # of marks, y and x


def skin(light: float) -> Tensor:
    """Even skin with pores. -> [1, 3, SIDE, SIDE]"""
    return light + 0.01 * torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def spot(place: tuple[int, int], sigma: float = 3.0) -> Tensor:
    """A mark of height 1. -> [1, 1, SIDE, SIDE]"""
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    return torch.exp(-((y - place[0]) ** 2 + (x - place[1]) ** 2) / (2 * sigma**2))[None, None]


def decided(light: float, *shares: float, height: float = 0.08, sigma: float = 3.0) -> list[float]:
    """Which share of the first stage's correction stands where the second one leaves `shares`, mark by mark."""
    taken = [height * spot(place, sigma) for place in PLACES[: len(shares)]]
    image = skin(light) - sum(taken)
    coarse = image + sum(taken)
    refined = image + sum(share * mark for share, mark in zip(shares, taken, strict=True))
    change = verdict(image, coarse, refined) - image
    return [float(change[0, :, y, x].mean()) / height for y, x in PLACES[: len(shares)]]


def share_needed(light: float, sigma: float) -> float:
    """Share of a correction at which its odds are even."""
    low, high = -0.3, 1.3
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (low, middle) if decided(light, middle, sigma=sigma)[0] > 0.5 else (middle, high)
    return (low + high) / 2


@pytest.mark.parametrize("light", [LIGHT + 0.1, DARK - 0.1], ids=["light", "dark"])
def test_each_mark_goes_as_the_first_stage_has_it_or_stays(light: float) -> None:
    assert decided(light, 1.0, 0.7, 0.0, -0.5) == pytest.approx([1, 1, 0, 0], abs=1e-3)


def test_more_has_to_be_left_on_light_skin_and_of_small_marks() -> None:
    assert 0 < share_needed(DARK - 0.1, 3.0) < share_needed(LIGHT + 0.1, 3.0) < 0.6
    assert share_needed(DARK - 0.1, 3.0) + 0.02 < share_needed(DARK - 0.1, 1.8) < 0.6


def test_faint_marks_are_decided_alike() -> None:
    assert decided(DARK - 0.1, 0.9, 0.0, height=2 / 255) == pytest.approx([1, 0], abs=0.02)


def test_a_correction_turned_round_does_not_stand() -> None:
    assert decided(LIGHT + 0.1, -1.0) == pytest.approx([0], abs=1e-6)


def test_without_a_correction_the_picture_stays_to_the_bit() -> None:
    image = skin(LIGHT)
    assert torch.equal(verdict(image, image, image), image)
    assert torch.equal(verdict(image, image, image + 0.1), image)


def test_noise_far_below_a_grey_level_has_no_share() -> None:
    image = skin(LIGHT)
    noise = 0.02 / 255 * spot(PLACES[0])
    assert torch.equal(verdict(image, image + noise, image + noise), image)


def test_a_larger_picture_is_decided_alike() -> None:
    mark, mole = (0.08 * spot(place, sigma=6.0) for place in (PLACES[0], PLACES[3]))
    image = skin(LIGHT + 0.1) - mark - mole
    result = verdict(image, image + mark + mole, image + 0.6 * mark, scale=2.0)
    torch.testing.assert_close(result, image + mark, atol=0.01, rtol=0)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("completion", [False, True])
def test_networks_with_stages_apart_decide_in_use(apart: bool, completion: bool, training: bool) -> None:
    torch.manual_seed(0)
    shape = dataclasses.replace(preset("tiny"), apart=apart, completion=completion)
    network = BPFRe(shape).train(training)
    x = skin(LIGHT)[..., :64, :64]
    with torch.no_grad():
        out, look = network.stages(x), network.look(x)
    torch.testing.assert_close(out.coarse, look.coarse)
    decides = apart and completion and not training
    wanted = verdict(x, look.coarse, look.refined) if decides else look.refined
    torch.testing.assert_close(out.refined, wanted)
