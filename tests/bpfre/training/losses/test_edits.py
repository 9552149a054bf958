from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from bpfre.blemishes import KEPT, PLAIN, UNKNOWN
from bpfre.training.config import TrainConfig
from bpfre.training.data.windows import Batch, Role
from bpfre.training.losses import edit_measures
from bpfre.training.losses.edits import edit_size, edited_area, harm_size

CONFIG = TrainConfig(preset="tiny")
PER_IMAGE = dataclasses.replace(CONFIG, delta="per_image")


def batch(raw: Tensor, target: Tensor, *roles: Role) -> Batch:
    n, _, height, width = raw.shape
    return Batch(raw, target, torch.zeros(n, 2, height, width), torch.tensor(roles or [Role.SUPERVISED] * n))


def test_the_fixed_size_is_the_mean_over_channels_up_to_the_scale() -> None:
    image = torch.tensor([[0.50, 0.5], [0.53, 0.5], [0.50, 0.9]]).view(1, 3, 1, 2)
    delta = edit_size(image, torch.full((1, 3, 1, 2), 0.5), CONFIG)
    assert delta.shape == (1, 1, 1, 2)
    torch.testing.assert_close(delta.flatten(), torch.tensor([0.01 / 0.04, 1.0]))


def test_relative_sizes_are_alike_on_light_and_dark_skin() -> None:
    target = torch.tensor([0.7, 0.25]).view(2, 1, 1, 1).expand(2, 3, 4, 4)
    image = (target + 0.05) * 0.97 - 0.05  # as much of the light
    relative = dataclasses.replace(CONFIG, relative=True)
    light, dark = edit_size(image, target, relative).mean(dim=(1, 2, 3)).tolist()
    assert light == pytest.approx(dark, rel=1e-4) and light == pytest.approx(0.03 * 0.75 / 0.04, rel=1e-4)
    light, dark = edit_size(image, target, CONFIG).mean(dim=(1, 2, 3)).tolist()
    assert light > 2 * dark
    faint = target - 0.0012  # seen on dark skin alone
    assert edited_area(faint, target, relative).mean(dim=(1, 2, 3)).tolist() == [0.0, 1.0]
    assert not edited_area(faint, target, CONFIG).any()


def test_the_size_per_image_is_divided_by_each_images_own_maximum() -> None:
    image, target = torch.rand(4, 3, 6, 5), torch.rand(4, 3, 6, 5)
    image[1] = target[1] + 0.1 * (image[1] - target[1])  # weak edits count as much
    delta = edit_size(image, target, PER_IMAGE).numpy()
    for index in range(4):
        difference = np.abs(image[index].numpy() - target[index].numpy()).mean(axis=0)
        np.testing.assert_allclose(delta[index, 0], difference / difference.max(), rtol=1e-5)


def test_an_image_without_edits_is_zero_and_its_noise_stays_small() -> None:
    image = torch.full((2, 3, 4, 4), 0.5)
    target = image.clone()
    target[1] += torch.empty(3, 4, 4).uniform_(-0.5, 0.5) / 255  # rounding
    delta = edit_size(image, target, PER_IMAGE)
    assert float(delta[0].max()) == 0
    assert 0 < float(delta[1].max()) < 0.17


def test_harm_is_what_an_image_is_further_from_its_target_than_the_raw_face() -> None:
    raw = torch.full((1, 3, 1, 4), 0.5)
    target = raw + torch.tensor([0.0, 0.1, 0.1, 0.0])
    image = raw + torch.tensor([0.0, 0.06, -0.01, 0.03])  # untouched, a half of the edit, the wrong way, a mark lost
    torch.testing.assert_close(harm_size(image, raw, target, CONFIG).flatten() * 0.04, torch.tensor([0, 0, 0.01, 0.03]))
    per_image = harm_size(image, raw, target, PER_IMAGE).flatten()
    torch.testing.assert_close(per_image, torch.tensor([0, 0, 1 / 3, 1]))


@pytest.mark.parametrize("config", [CONFIG, PER_IMAGE])
def test_the_size_passes_no_gradient_and_bears_half_precision(config: TrainConfig) -> None:
    image, target = (torch.rand(2, 3, 4, 4, requires_grad=True) for _ in range(2))
    assert not edit_size(image, target, config).requires_grad
    assert not harm_size(image, target, target.detach(), config).requires_grad
    half = edit_size(image.bfloat16(), target, config)
    assert half.dtype == torch.float32 and half.isfinite().all()


def test_the_edited_area_is_the_same_whatever_delta_is() -> None:
    raw = torch.full((1, 3, 1, 3), 0.5)
    target = raw + torch.tensor([0.0, 0.0019, 0.0021])
    for config in (CONFIG, PER_IMAGE):
        assert edited_area(raw, target, config).flatten().tolist() == [0, 0, 1]


@pytest.fixture
def edit() -> Batch:
    """Raw and target that differ in the left half by 0.1."""
    raw = torch.full((1, 3, 4, 8), 0.6)
    target = raw.clone()
    target[..., :4] -= 0.1
    return batch(raw, target)


def test_the_input_reproduces_nothing(edit: Batch) -> None:
    assert edit_measures(edit.raw, edit, CONFIG) == {
        "reproduced": pytest.approx(0, abs=1e-6),
        "elsewhere": 0.0,
        "on_kept": 0.0,
    }


def test_the_target_reproduces_all(edit: Batch) -> None:
    assert edit_measures(edit.target, edit, CONFIG) == {
        "reproduced": pytest.approx(1),
        "elsewhere": 0.0,
        "on_kept": 0.0,
    }


def test_half_an_edit_and_a_change_elsewhere_are_counted_apart(edit: Batch) -> None:
    image = (edit.raw + edit.target) / 2
    image[..., 4:6] += 2 / 255  # half of the other half, by two grey levels
    measures = edit_measures(image, edit, CONFIG)
    assert measures["reproduced"] == pytest.approx(0.5, abs=1e-5)
    assert measures["elsewhere"] == pytest.approx(1.0, abs=1e-4)


def test_making_it_worse_is_negative(edit: Batch) -> None:
    assert edit_measures(2 * edit.raw - edit.target, edit, CONFIG)["reproduced"] == pytest.approx(-1, abs=1e-5)


def test_faces_without_a_target_are_left_out(edit: Batch) -> None:
    with_another = batch(
        torch.cat([edit.raw, torch.rand(1, 3, 4, 8)]),
        torch.cat([edit.target, torch.rand(1, 3, 4, 8)]),
        Role.SUPERVISED,
        Role.UNPAIRED,
    )
    image = torch.cat([edit.target + 0.01, torch.rand(1, 3, 4, 8)])
    assert edit_measures(image, with_another, CONFIG) == edit_measures(image[:1], edit, CONFIG)


@pytest.mark.parametrize("role", [Role.CLEAN, Role.UNPAIRED])
def test_no_edit_is_no_division_by_zero(edit: Batch, role: Role) -> None:
    measures = edit_measures(edit.raw, batch(edit.raw, edit.raw, role), CONFIG)
    assert measures.keys() == {"reproduced", "elsewhere", "on_kept"}  # the same in every process
    assert all(math.isfinite(value) for value in measures.values())


def test_what_was_done_to_marks_that_stay_and_to_unknown_places_is_told_apart() -> None:
    raw = torch.full((1, 3, 8, 8), 0.5)
    notes = torch.full((1, 1, 8, 8), PLAIN, dtype=torch.uint8)
    notes[..., :2], notes[..., 6:] = KEPT, UNKNOWN
    image = raw.clone()
    image[..., :2] += 4 / 255
    image[..., 6:] += 0.4
    measures = edit_measures(image, dataclasses.replace(batch(raw, raw), notes=notes), CONFIG)
    assert measures["on_kept"] == pytest.approx(4, rel=1e-4)
    assert measures["elsewhere"] == pytest.approx(4 / 3, rel=1e-4)  # a third of what is known
