from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from bpfre.training.config import TrainConfig
from bpfre.training.losses.maps import map_distance

CROSS = TrainConfig(preset="tiny", map_loss="cross_entropy")
L1 = dataclasses.replace(CROSS, map_loss="l1")


def test_l1_is_the_papers() -> None:
    blemish, delta = torch.rand(3, 1, 4, 5), torch.rand(3, 1, 4, 5)
    expected = np.abs(blemish.numpy() - delta.numpy()).reshape(3, -1).mean(axis=1)
    np.testing.assert_allclose(map_distance(blemish, delta, L1), expected, rtol=1e-5)


def test_cross_entropy_weights_edits_within_each_sample() -> None:
    blemish = torch.tensor([[0.2, 0.9, 0.5], [0.1, 0.2, 0.3]]).view(2, 1, 1, 3)
    delta = torch.tensor([[0.0, 1.0, 0.25], [0.0, 0.0, 0.0]]).view(2, 1, 1, 3)
    first = [-math.log(0.8), -math.log(0.9), -(0.25 * math.log(0.5) + 0.75 * math.log(0.5))]
    weights = [1.0, 5.0, 2.0]
    expected = [
        sum(w * t for w, t in zip(weights, first, strict=True)) / sum(weights),
        -(math.log(0.9) + math.log(0.8) + math.log(0.7)) / 3,
    ]
    np.testing.assert_allclose(map_distance(blemish, delta, CROSS), expected, rtol=1e-5)


@pytest.mark.parametrize("config", [CROSS, L1])
def test_least_at_the_edits_size(config: TrainConfig) -> None:
    delta = torch.full((1, 1, 1, 1), 0.3)
    losses = {
        guess: float(map_distance(torch.full_like(delta, guess), delta, config)) for guess in (0, 0.2, 0.3, 0.4, 1)
    }
    assert min(losses, key=losses.__getitem__) == 0.3
    assert all(math.isfinite(loss) for loss in losses.values())


@pytest.mark.parametrize("config", [CROSS, L1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_certain_and_wrong_maps_are_finite_with_finite_gradients(config: TrainConfig, dtype: torch.dtype) -> None:
    logits = torch.tensor([-100.0, 100.0, -100.0, 100.0, 0.0], dtype=dtype).view(1, 1, 1, 5).requires_grad_()
    delta = torch.tensor([1.0, 0.0, 0.0, 1.0, 0.5]).view(1, 1, 1, 5)
    loss = map_distance(torch.sigmoid(logits), delta, config)
    assert loss.dtype == torch.float32 and loss.isfinite().all()
    loss.sum().backward()
    assert logits.grad is not None and logits.grad.isfinite().all()


def test_a_sure_miss_still_learns() -> None:
    logits = torch.full((1, 1, 1, 1), -20.0, requires_grad=True)  # a probability of 2e-9 where there is a blemish
    map_distance(torch.sigmoid(logits), torch.ones(1, 1, 1, 1), CROSS).sum().backward()
    assert logits.grad is not None and float(logits.grad) == pytest.approx(-1, rel=1e-3)
