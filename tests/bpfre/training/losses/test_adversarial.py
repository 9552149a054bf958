from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from bpfre.network import PixelDiscriminator
from bpfre.training.config import TrainConfig
from bpfre.training.data.windows import Batch, Role
from bpfre.training.losses import discriminator_adversarial, discriminator_input, generator_adversarial
from bpfre.training.losses.adversarial import blemish_weights

S, C, U = Role.SUPERVISED, Role.CLEAN, Role.UNPAIRED
PAPER = TrainConfig(preset="tiny", balance=False, adversarial="saturating")
BALANCED = dataclasses.replace(PAPER, balance=True)
MakeBatch = Callable[..., Batch]


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def mean(values: Tensor, weights: Tensor, term: Callable[[float], float]) -> float:
    pairs = list(zip(values.flatten().tolist(), weights.flatten().tolist(), strict=True))
    return sum(w * term(v) for v, w in pairs) / len(pairs)


def test_the_discriminator_sees_raw_faces_results_and_retouched_faces(make_batch: MakeBatch) -> None:
    batch = make_batch([S, C, U])
    refined = torch.rand(3, 3, 8, 8, requires_grad=True)
    seen = discriminator_input(batch, refined)
    expected = torch.stack(
        [batch.raw[0], batch.raw[2], refined[0].detach(), refined[2].detach(), batch.target[0], batch.target[1]]
    )
    assert torch.equal(seen, expected)
    assert not seen.requires_grad


def test_adv_disc_is_the_papers_formula_with_its_sign_turned(make_batch: MakeBatch) -> None:
    batch, blemish = make_batch([S, C, U]), 0.2 + 0.6 * torch.rand(3, 1, 8, 8)
    logits = 3 * torch.randn(6, 1, 8, 8)

    def fake(logit: float) -> float:
        return math.log(1 - sigmoid(logit))

    def real(logit: float) -> float:
        return math.log(sigmoid(logit))

    raw = mean(logits[0], blemish[0], fake) + mean(logits[1], blemish[2], fake)
    refined = mean(logits[2], blemish[0], fake) + mean(logits[3], blemish[2], fake)
    target = mean(logits[4], blemish[0], real) + mean(logits[5], blemish[1], real)
    loss = discriminator_adversarial(logits, blemish, batch, PAPER)
    assert float(loss) == pytest.approx(-(raw + refined + target) / 3, rel=1e-5)


@pytest.mark.parametrize(
    ("form", "term"),
    [
        ("saturating", lambda logit: math.log(1 - sigmoid(logit))),
        ("non_saturating", lambda logit: -math.log(sigmoid(logit))),
    ],
)
def test_adv_synt_is_the_formula_over_raw_faces(
    make_batch: MakeBatch, form: str, term: Callable[[float], float]
) -> None:
    batch, blemish, logits = make_batch([S, C, U]), 0.2 + 0.6 * torch.rand(3, 1, 8, 8), 3 * torch.randn(3, 1, 8, 8)
    loss = generator_adversarial(logits, blemish, batch, dataclasses.replace(PAPER, adversarial=form))
    expected = (mean(logits[0], blemish[0], term) + mean(logits[2], blemish[2], term)) / 3
    assert float(loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("form", ["saturating", "non_saturating"])
def test_deceiving_the_discriminator_lowers_adv_synt(make_batch: MakeBatch, form: str) -> None:
    batch, config = make_batch([S]), dataclasses.replace(PAPER, adversarial=form)
    blemish = torch.full((1, 1, 8, 8), 0.5)
    losses = [float(generator_adversarial(torch.full_like(blemish, v), blemish, batch, config)) for v in (-2, 0, 2)]
    assert losses == sorted(losses, reverse=True) and losses[0] > losses[2]


def test_the_map_is_the_weight_as_it_is() -> None:
    blemish = torch.rand(2, 1, 8, 8, requires_grad=True)
    weight = blemish_weights(blemish, PAPER)
    assert torch.equal(weight, blemish) and not weight.requires_grad


def test_with_balance_every_sample_weighs_the_same() -> None:
    blemish = torch.zeros(2, 1, 20, 20)
    blemish[0, 0, :2, :5] = 1
    blemish[1, 0, :10] = 0.5
    weight = blemish_weights(blemish, BALANCED)
    torch.testing.assert_close(weight.mean(dim=(1, 2, 3)), torch.ones(2))
    torch.testing.assert_close(weight[0, 0, 0, 0], torch.tensor(40.0))
    assert float(weight[0, 0, 5, 5]) == 0  # on the map only


@pytest.mark.parametrize(("config", "expected"), [(PAPER, 0.01), (BALANCED, 1.0)])
def test_an_empty_map_weighs_evenly(config: TrainConfig, expected: float) -> None:
    torch.testing.assert_close(blemish_weights(torch.zeros(1, 1, 4, 4), config), torch.full((1, 1, 4, 4), expected))


def test_a_nearly_empty_map_gains_what_it_lacks() -> None:
    blemish = torch.zeros(1, 1, 20, 20)
    blemish[..., 3, 3] = 1  # a mean of 0.0025
    weight = blemish_weights(blemish, PAPER)
    assert float(weight.mean()) == pytest.approx(0.01)
    assert float(weight[..., 3, 3]) == pytest.approx(1.0075) and float(weight[..., 0, 0]) == pytest.approx(0.0075)


def test_clean_faces_teach_the_discriminator_though_their_map_is_empty(make_batch: MakeBatch) -> None:
    logits = torch.zeros(1, 1, 8, 8, requires_grad=True)
    discriminator_adversarial(logits, torch.zeros(1, 1, 8, 8), make_batch([C]), BALANCED).backward()
    assert logits.grad is not None and (logits.grad < 0).all()  # up: real


def test_without_raw_faces_adv_synt_is_zero_and_still_has_a_gradient(make_batch: MakeBatch) -> None:
    logits = torch.randn(2, 1, 8, 8, requires_grad=True)
    loss = generator_adversarial(logits, torch.rand(2, 1, 8, 8), make_batch([C, C]), BALANCED)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None and float(logits.grad.abs().max()) == 0


@pytest.mark.parametrize("config", [PAPER, BALANCED, dataclasses.replace(BALANCED, adversarial="non_saturating")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("value", [-100.0, 100.0])
def test_sure_logits_give_finite_losses_and_gradients(
    make_batch: MakeBatch, config: TrainConfig, dtype: torch.dtype, value: float
) -> None:
    batch, blemish = make_batch([S, C, U]), torch.rand(3, 1, 8, 8).to(dtype)
    of_all = torch.full((6, 1, 8, 8), value, dtype=dtype, requires_grad=True)
    of_refined = torch.full((3, 1, 8, 8), value, dtype=dtype, requires_grad=True)
    for logits, loss in (
        (of_all, discriminator_adversarial(of_all, blemish, batch, config)),
        (of_refined, generator_adversarial(of_refined, blemish, batch, config)),
    ):
        assert loss.dtype == torch.float32 and loss.isfinite()
        loss.backward()
        assert logits.grad is not None and logits.grad.isfinite().all()


def test_the_non_saturating_form_learns_where_the_papers_does_not(make_batch: MakeBatch) -> None:
    gradients = {}
    for form in ("saturating", "non_saturating"):
        logits = torch.full((1, 1, 8, 8), -20.0, requires_grad=True)  # the discriminator is sure of a fake
        config = dataclasses.replace(PAPER, adversarial=form)
        generator_adversarial(logits, torch.ones(1, 1, 8, 8), make_batch([S]), config).backward()
        assert logits.grad is not None
        gradients[form] = float(logits.grad.abs().sum())
    assert gradients["saturating"] < 1e-6 and gradients["non_saturating"] == pytest.approx(1)


@pytest.fixture
def discriminator() -> PixelDiscriminator:
    return PixelDiscriminator((4, 6))


def test_adv_disc_trains_the_discriminator_alone(make_batch: MakeBatch, discriminator: PixelDiscriminator) -> None:
    batch = make_batch([S, C, U])
    refined, blemish = torch.rand(3, 3, 8, 8, requires_grad=True), torch.rand(3, 1, 8, 8, requires_grad=True)
    logits = discriminator(discriminator_input(batch, refined))
    discriminator_adversarial(logits, blemish, batch, BALANCED).backward()
    assert refined.grad is None and blemish.grad is None
    assert all(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in discriminator.parameters())


def test_adv_synt_trains_the_image_alone(make_batch: MakeBatch, discriminator: PixelDiscriminator) -> None:
    batch = make_batch([S, C, U])
    refined, blemish = torch.rand(3, 3, 8, 8, requires_grad=True), torch.rand(3, 1, 8, 8, requires_grad=True)
    discriminator.requires_grad_(False)
    generator_adversarial(discriminator(refined), blemish, batch, BALANCED).backward()
    assert blemish.grad is None
    assert all(p.grad is None for p in discriminator.parameters())
    assert refined.grad is not None
    reached = refined.grad.abs().sum(dim=(1, 2, 3))
    assert reached[0] > 0 and reached[1] == 0 and reached[2] > 0


@pytest.mark.parametrize("config", [PAPER, BALANCED])
def test_a_few_steps_tell_blemished_from_clean(make_batch: MakeBatch, config: TrainConfig) -> None:
    batch = make_batch([S, S])
    batch.raw[...] = 0.5
    batch.target[...] = 0.5
    batch.raw[:, 0, 2:5, 2:5] = 0.8  # red spots
    blemish = torch.zeros(2, 1, 8, 8)
    blemish[..., 2:5, 2:5] = 1
    discriminator = PixelDiscriminator((8, 8))
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=0.02)
    for _ in range(40):
        optimizer.zero_grad()
        logits = discriminator(discriminator_input(batch, batch.raw))
        discriminator_adversarial(logits, blemish, batch, config).backward()
        optimizer.step()
    with torch.no_grad():
        spots, clean = (discriminator(x)[..., 3, 3].mean() for x in (batch.raw, batch.target))
    assert float(spots) < 0 < float(clean)
