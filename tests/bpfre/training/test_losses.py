from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from bpfre.network import BPFReOutput
from bpfre.training import TrainConfig
from bpfre.training.losses import balanced_l1, edit_measures, edit_size, map_loss, supervised_losses, total_loss

CONFIG = TrainConfig(preset="tiny")


def pixels(*values: float, channels: int = 3) -> Tensor:
    """[1, C, 1, W] with the same value in every channel."""
    return torch.tensor(values).expand(1, channels, 1, len(values)).clone()


def output(coarse: Tensor, refined: Tensor, e2d: Tensor, d2g: Tensor) -> BPFReOutput:
    return BPFReOutput(coarse, refined, e2d, d2g, [], [])


def test_edit_size_is_the_mean_over_channels_up_to_the_scale() -> None:
    image = torch.tensor([[0.50, 0.5], [0.53, 0.5], [0.50, 0.9]]).view(1, 3, 1, 2)
    delta = edit_size(image, torch.full((1, 3, 1, 2), 0.5), 0.04)
    assert delta.shape == (1, 1, 1, 2)
    torch.testing.assert_close(delta.flatten(), torch.tensor([0.01 / 0.04, 1.0]))


def test_edit_size_passes_no_gradient() -> None:
    image, target = torch.rand(1, 3, 4, 4, requires_grad=True), torch.rand(1, 3, 4, 4, requires_grad=True)
    assert not edit_size(image, target, 0.04).requires_grad


def test_map_loss_is_the_weighted_cross_entropy() -> None:
    blemish, delta = pixels(0.2, 0.9, 0.5, channels=1), pixels(0.0, 1.0, 0.25, channels=1)
    terms = [-math.log(0.8), -math.log(0.9), -(0.25 * math.log(0.5) + 0.75 * math.log(0.5))]
    weights = [1.0, 5.0, 2.0]
    expected = sum(w * t for w, t in zip(weights, terms, strict=True)) / sum(weights)
    assert map_loss(blemish, delta).item() == pytest.approx(expected, rel=1e-5)


def test_map_loss_is_least_at_the_edits_size() -> None:
    delta = torch.full((1, 1, 1, 1), 0.3)
    losses = {guess: map_loss(torch.full_like(delta, guess), delta).item() for guess in (0.0, 0.2, 0.3, 0.4, 1.0)}
    assert min(losses, key=losses.__getitem__) == 0.3
    assert all(math.isfinite(loss) for loss in losses.values())


def test_balanced_l1_averages_edits_and_the_rest_apart() -> None:
    image, target = pixels(0.5, 0.7, 0.5, 0.5), pixels(0.5, 0.5, 0.5, 0.6)
    edited = pixels(0, 1, 0, 0, channels=1)
    # On the edit: |0.2| + half the difference to the right (0 - 0.2); elsewhere: (0 + 0 + 0.1) / 3.
    expected = (0.2 + 0.5 * 0.2) / 1 + 2.0 * 0.1 / 3
    assert balanced_l1(image, target, edited, unedited=2.0).item() == pytest.approx(expected, rel=1e-5)


def test_balanced_l1_looks_at_both_directions() -> None:
    difference = torch.tensor([[0.1, 0.4], [0.0, 0.2]]).expand(1, 3, 2, 2)
    ones = torch.ones(1, 1, 2, 2)
    across, down = 0.3 + 0.2, 0.1 + 0.2
    expected = (0.7 + 0.5 * (across + down)) / 4
    assert balanced_l1(difference, torch.zeros_like(difference), ones, unedited=9.0).item() == pytest.approx(expected)


@pytest.mark.parametrize("edited", [0.0, 1.0])
def test_balanced_l1_bears_an_empty_area(edited: float) -> None:
    image, target = pixels(0.6, 0.6), pixels(0.5, 0.5)
    loss = balanced_l1(image, target, pixels(edited, edited, channels=1), unedited=2.0)
    assert loss.item() == pytest.approx(0.1 if edited else 0.2, rel=1e-4)


def test_supervised_losses_are_put_together_as_the_paper_says() -> None:
    torch.manual_seed(0)
    raw = torch.rand(2, 3, 8, 8)
    target = raw.clone()
    target[..., :3] = torch.rand(2, 3, 8, 3)
    out = output(raw * 0.9, raw * 0.8, torch.rand(2, 1, 8, 8), torch.rand(2, 1, 8, 8))
    losses = supervised_losses(out, raw, target, CONFIG)
    delta = edit_size(raw, target, CONFIG.map_scale)
    left = edit_size(out.coarse, target, CONFIG.map_scale)  # the second map looks at what the first stage left
    edited = (delta > 0.05).float()
    assert losses.keys() == {"blem_coarse", "blem_refine", "cons_coarse", "cons_refine"}
    torch.testing.assert_close(losses["blem_coarse"], map_loss(out.map_e2d, delta))
    torch.testing.assert_close(losses["blem_refine"], map_loss(out.map_d2g, left))
    torch.testing.assert_close(losses["cons_coarse"], balanced_l1(out.coarse, target, edited, unedited=CONFIG.unedited))
    torch.testing.assert_close(
        losses["cons_refine"], balanced_l1(out.refined, target, edited, unedited=CONFIG.unedited)
    )


def test_a_perfect_result_costs_nothing_to_speak_of() -> None:
    raw = torch.full((1, 3, 4, 4), 0.6)
    target = raw.clone()
    target[..., 0] = 0.5
    spot = torch.zeros(1, 1, 4, 4)
    spot[..., 0] = 1
    out = output(target, target, spot, torch.zeros(1, 1, 4, 4))
    assert total_loss(supervised_losses(out, raw, target, CONFIG), CONFIG).item() < 1e-4


def test_the_maps_loss_moves_the_map_alone() -> None:
    coarse = torch.rand(1, 3, 4, 4, requires_grad=True)
    blemish = torch.full((1, 1, 4, 4), 0.5, requires_grad=True)
    raw, target = torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4)
    losses = supervised_losses(output(coarse, coarse.detach(), blemish, blemish), raw, target, CONFIG)
    (losses["blem_coarse"] + losses["blem_refine"]).backward()
    assert coarse.grad is None
    assert blemish.grad is not None and float(blemish.grad.abs().sum()) > 0


def test_total_is_the_sum_under_the_configurations_weights() -> None:
    config = dataclasses.replace(CONFIG, blem_coarse=2.0, blem_refine=3.0, cons_coarse=5.0, cons_refine=7.0)
    names = ("blem_coarse", "blem_refine", "cons_coarse", "cons_refine")
    losses = {name: torch.tensor(10.0**-i) for i, name in enumerate(names)}
    assert total_loss(losses, config).item() == pytest.approx(2 + 0.3 + 0.05 + 0.007)


@pytest.fixture
def edit() -> tuple[Tensor, Tensor]:
    """Raw and target that differ in the left half by 0.1."""
    raw = torch.full((1, 3, 4, 8), 0.6)
    target = raw.clone()
    target[..., :4] -= 0.1
    return raw, target


def test_the_input_reproduces_nothing(edit: tuple[Tensor, Tensor]) -> None:
    raw, target = edit
    measures = edit_measures(raw, raw, target, CONFIG)
    assert measures == {"reproduced": pytest.approx(0, abs=1e-6), "elsewhere": 0.0}


def test_the_target_reproduces_all(edit: tuple[Tensor, Tensor]) -> None:
    raw, target = edit
    measures = edit_measures(target, raw, target, CONFIG)
    assert measures == {"reproduced": pytest.approx(1), "elsewhere": 0.0}


def test_half_an_edit_and_a_change_elsewhere_are_counted_apart(edit: tuple[Tensor, Tensor]) -> None:
    raw, target = edit
    image = (raw + target) / 2
    image[..., 4:6] += 2 / 255  # half of the other half, by two grey levels
    measures = edit_measures(image, raw, target, CONFIG)
    assert measures == {"reproduced": pytest.approx(0.5, abs=1e-5), "elsewhere": pytest.approx(1.0, abs=1e-4)}


def test_making_it_worse_is_negative(edit: tuple[Tensor, Tensor]) -> None:
    raw, target = edit
    assert edit_measures(2 * raw - target, raw, target, CONFIG)["reproduced"] == pytest.approx(-1, abs=1e-5)


def test_no_edit_is_no_division_by_zero(edit: tuple[Tensor, Tensor]) -> None:
    raw, _ = edit
    assert all(math.isfinite(value) for value in edit_measures(raw, raw, raw, CONFIG).values())
