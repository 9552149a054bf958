from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from bpfre.blemishes import KEPT, PLAIN, UNKNOWN
from bpfre.network import BPFRe, BPFReOutput, PixelDiscriminator, preset
from bpfre.network.perceptual import Perceptual
from bpfre.training.config import TrainConfig
from bpfre.training.data.windows import Batch, Role
from bpfre.training.losses import (
    discriminator_adversarial,
    discriminator_input,
    generator_adversarial,
    supervised_losses,
    total_loss,
)
from bpfre.training.losses.consistency import feature_distance, pixel_distance
from bpfre.training.losses.edits import edit_size, edited_area
from bpfre.training.losses.maps import map_distance

S, C, U = Role.SUPERVISED, Role.CLEAN, Role.UNPAIRED
CONFIG = TrainConfig(preset="tiny", phi_weight=0.3)
NAMES = ("blem_coarse", "blem_refine", "cons_coarse", "cons_refine")
MakeBatch = Callable[..., Batch]
MakeOutput = Callable[[Batch], BPFReOutput]


@pytest.fixture
def phi() -> Perceptual:
    """A perceptual network in miniature."""
    layers = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, padding=1))
    return Perceptual("miniature", layers, layers=(1, 3), sha256="")


def one(batch: Batch, index: int) -> Batch:
    return Batch(*(tensor[index : index + 1] for tensor in (batch.raw, batch.target, batch.position, batch.role)))


def one_output(out: BPFReOutput, index: int) -> BPFReOutput:
    return BPFReOutput(*(tensor[index : index + 1] for tensor in out[:4]), [], [])


@pytest.mark.parametrize("balance", [True, False])
def test_every_term_is_what_the_formulas_say(
    make_batch: MakeBatch, make_output: MakeOutput, phi: Perceptual, balance: bool
) -> None:
    config = dataclasses.replace(CONFIG, balance=balance)
    batch = make_batch([S, C, U, S])
    out = make_output(batch)
    losses = supervised_losses(out, batch, config, phi)
    expected = dict.fromkeys(NAMES, 0.0)
    out = BPFReOutput(*(tensor.detach() for tensor in out[:4]), [], [])  # type: ignore[union-attr]
    for index in (0, 1, 3):  # the face without a target counts nothing, but is counted in the mean
        b, o = one(batch, index), one_output(out, index)
        edited = edited_area(b.raw, b.target, config)
        expected["blem_coarse"] += float(map_distance(o.map_e2d, edit_size(b.raw, b.target, config), config)) / 4
        expected["blem_refine"] += float(map_distance(o.map_d2g, edit_size(o.coarse, b.target, config), config)) / 4
        for name, image in (("cons_coarse", o.coarse), ("cons_refine", o.refined)):
            value = float(pixel_distance(image, b.target, edited, config))
            value += 0.3 * float(feature_distance(phi(image), phi(b.target)))
            expected[name] += value / 4
    assert losses.keys() == set(NAMES)
    for name, value in losses.items():
        assert value.item() == pytest.approx(expected[name], rel=1e-4), name


def test_clean_faces_are_to_be_left_alone(make_batch: MakeBatch, make_output: MakeOutput) -> None:
    batch = make_batch([C])
    out = make_output(batch)
    losses = supervised_losses(out, batch, CONFIG, None)
    assert float(losses["blem_coarse"].detach()) == pytest.approx(
        float(-torch.log(1 - out.map_e2d.detach()).mean()), rel=1e-4
    )
    change = (out.coarse - batch.raw).abs().mean()  # no pixel is edited: the second part of the balance alone
    assert float(losses["cons_coarse"].detach()) == pytest.approx(CONFIG.unedited * float(change.detach()), rel=1e-4)


def test_faces_without_a_target_pull_nothing(make_batch: MakeBatch, make_output: MakeOutput, phi: Perceptual) -> None:
    batch = make_batch([U, S])
    out = make_output(batch)
    total_loss(supervised_losses(out, batch, CONFIG, phi), CONFIG).backward()
    for tensor in out[:4]:
        assert isinstance(tensor, Tensor) and tensor.grad is not None
        assert float(tensor.grad[0].abs().max()) == 0 and float(tensor.grad[1].abs().max()) > 0


def test_a_batch_of_nothing_else_is_zero_and_still_has_a_gradient(
    make_batch: MakeBatch, make_output: MakeOutput, phi: Perceptual
) -> None:
    batch = make_batch([U, U])
    out = make_output(batch)
    loss = total_loss(supervised_losses(out, batch, CONFIG, phi), CONFIG)
    loss.backward()  # several processes would wait for each other for ever without one
    assert loss.item() == 0
    assert all(isinstance(tensor, Tensor) and tensor.grad is not None for tensor in out[:4])


def test_a_perfect_result_costs_nothing_to_speak_of(phi: Perceptual) -> None:
    raw = torch.full((1, 3, 4, 4), 0.6)
    target = raw.clone()
    target[..., 0] = 0.5
    spot = torch.zeros(1, 1, 4, 4)
    spot[..., 0] = 1
    out = BPFReOutput(target, target, spot, torch.zeros(1, 1, 4, 4), [], [])
    batch = Batch(raw, target, torch.zeros(1, 2, 4, 4), torch.tensor([S]))
    assert float(total_loss(supervised_losses(out, batch, CONFIG, phi), CONFIG)) < 1e-5


@pytest.mark.parametrize("map_loss", ["l1", "cross_entropy"])
@pytest.mark.parametrize("delta", ["fixed", "per_image"])
def test_the_maps_losses_move_the_maps_alone(
    make_batch: MakeBatch, make_output: MakeOutput, map_loss: str, delta: str
) -> None:
    config = dataclasses.replace(CONFIG, map_loss=map_loss, delta=delta)
    batch = make_batch([S, C])
    batch.raw.requires_grad_()
    batch.target.requires_grad_()
    out = make_output(Batch(batch.raw.detach(), batch.target, batch.position, batch.role))
    losses = supervised_losses(out, batch, config, None)
    (losses["blem_coarse"] + losses["blem_refine"]).backward()
    assert out.coarse.grad is None and out.refined.grad is None
    assert batch.raw.grad is None and batch.target.grad is None
    for blemish in (out.map_e2d, out.map_d2g):
        assert blemish.grad is not None and float(blemish.grad.abs().sum()) > 0


def test_the_images_losses_move_the_images_alone(
    make_batch: MakeBatch, make_output: MakeOutput, phi: Perceptual
) -> None:
    batch = make_batch([S, C])
    out = make_output(batch)
    losses = supervised_losses(out, batch, CONFIG, phi)
    (losses["cons_coarse"] + losses["cons_refine"]).backward()
    assert out.map_e2d.grad is None and out.map_d2g.grad is None
    for image in (out.coarse, out.refined):
        assert image.grad is not None and float(image.grad.abs().sum()) > 0
    assert all(parameter.grad is None for parameter in phi.parameters())


@pytest.mark.parametrize(("phi_weight", "given"), [(0.0, True), (0.3, False)])
def test_without_weight_or_network_there_is_no_perceptual_part(
    make_batch: MakeBatch, make_output: MakeOutput, phi: Perceptual, phi_weight: float, given: bool
) -> None:
    config = dataclasses.replace(CONFIG, phi_weight=phi_weight, balance=False)
    batch = make_batch([S, S])
    out = make_output(batch)
    losses = supervised_losses(out, batch, config, phi if given else None)
    assert float(losses["cons_refine"].detach()) == pytest.approx(
        float((out.refined - batch.target).abs().mean().detach()), rel=1e-5
    )


def test_half_precision_outputs_give_full_precision_losses(
    make_batch: MakeBatch, make_output: MakeOutput, phi: Perceptual
) -> None:
    batch = make_batch([S, C, U])
    out = BPFReOutput(*(tensor.bfloat16() for tensor in make_output(batch)[:4]), [], [])  # type: ignore[union-attr]
    losses = supervised_losses(out, batch, CONFIG, phi)
    assert all(value.dtype == torch.float32 and value.isfinite() for value in losses.values())


def test_total_is_the_sum_under_the_configurations_weights() -> None:
    config = dataclasses.replace(
        CONFIG, blem_coarse=2.0, blem_refine=3.0, cons_coarse=5.0, cons_refine=7.0, adv_synt=11.0, adv_disc=13.0
    )
    losses = {name: torch.tensor(10.0**-i) for i, name in enumerate((*NAMES, "adv_synt"))}
    assert float(total_loss(losses, config)) == pytest.approx(2 + 0.3 + 0.05 + 0.007 + 0.0011)
    without = {name: losses[name] for name in NAMES} | {"adv_disc": torch.tensor(1e6)}  # the discriminator's own
    assert float(total_loss(without, config)) == pytest.approx(2 + 0.3 + 0.05 + 0.007)


ROLES = [
    [S, S, S, S],
    [S, C, U, S],
    [U, U, S, C],  # a half without a target
    [C, C, S, U],  # a half without a raw face
]


@pytest.mark.parametrize("roles", ROLES)
@pytest.mark.parametrize("balance", [True, False])
def test_the_gradients_of_two_halves_average_to_those_of_the_whole(
    make_batch: MakeBatch, phi: Perceptual, roles: list[Role], balance: bool
) -> None:
    config = dataclasses.replace(CONFIG, balance=balance, adv_synt=0.5, map_loss="l1" if balance else "cross_entropy")
    whole = make_batch(roles, 16)
    network = BPFRe(preset("tiny")).double()
    discriminator = PixelDiscriminator((4, 6)).double().eval()
    parameters = [*network.parameters(), *discriminator.parameters()]

    def gradients(batch: Batch) -> list[Tensor]:
        out = network(batch.raw.double(), batch.position.double())
        losses = supervised_losses(out, batch, config, phi)
        discriminator.requires_grad_(False)
        logits = discriminator(out.refined)
        losses["adv_synt"] = generator_adversarial(logits, out.map_d2g, batch, config)
        discriminator.requires_grad_(True)
        judged = discriminator(discriminator_input(batch, out.refined).double())
        loss = total_loss(losses, config) + discriminator_adversarial(judged, out.map_d2g, batch, config)
        return list(torch.autograd.grad(loss, parameters))

    halves = [
        gradients(Batch(*(t[part] for t in (whole.raw, whole.target, whole.position, whole.role))))
        for part in (slice(0, 2), slice(2, 4))
    ]
    for together, first, second in zip(gradients(whole), *halves, strict=True):
        scale = float(together.abs().max()) + 1e-12
        assert float((together - (first + second) / 2).abs().max()) < 1e-5 * scale


def noted(batch: Batch, value: int) -> Batch:
    """The same with the lower right quarter noted."""
    notes = torch.full_like(batch.raw[:, :1], PLAIN, dtype=torch.uint8)
    notes[..., 4:, 4:] = value
    return dataclasses.replace(batch, notes=notes)


@pytest.mark.parametrize("balance", [True, False])
@pytest.mark.parametrize("map_loss", ["cross_entropy", "l1"])
def test_where_nobody_knows_nothing_is_learned(
    make_batch: MakeBatch, make_output: MakeOutput, balance: bool, map_loss: str
) -> None:
    batch = noted(make_batch([S, C]), UNKNOWN)
    out = make_output(batch)
    config = dataclasses.replace(CONFIG, balance=balance, gradient=0.0, map_loss=map_loss)
    total_loss(supervised_losses(out, batch, config, None), config).backward()
    for tensor in (out.coarse, out.refined, out.map_e2d, out.map_d2g):
        assert tensor.grad is not None
        assert not tensor.grad[..., 4:, 4:].any() and tensor.grad[..., :4, :4].any()


def test_a_mark_that_stays_weighs_as_much_as_an_edit(make_batch: MakeBatch, make_output: MakeOutput) -> None:
    plain = make_batch([C], size=64)
    notes = torch.full_like(plain.raw[:, :1], PLAIN, dtype=torch.uint8)
    notes[..., 20:24, 20:24] = KEPT
    batch = dataclasses.replace(plain, notes=notes)
    pulls = []
    for each in (plain, batch):
        out = make_output(each)
        supervised_losses(out, each, dataclasses.replace(CONFIG, gradient=0.0), None)["cons_refine"].backward()
        assert isinstance(out.refined, Tensor) and out.refined.grad is not None
        pulls.append(float(out.refined.grad[..., 20:24, 20:24].abs().sum() / out.refined.grad.abs().sum()))
    assert pulls[0] == pytest.approx(16 / 64**2, rel=1e-3)
    assert pulls[1] == pytest.approx((16 / 16) / (1 + CONFIG.unedited), rel=1e-2)


def test_stages_apart_leave_marks_that_stay_to_the_second_one(make_batch: MakeBatch, make_output: MakeOutput) -> None:
    batch = noted(make_batch([C]), KEPT)
    out = make_output(batch)
    config = dataclasses.replace(CONFIG, apart=True, gradient=0.0)
    total_loss(supervised_losses(out, batch, config, None), config).backward()
    for tensor, told in ((out.coarse, False), (out.map_e2d, False), (out.refined, True), (out.map_d2g, True)):
        assert tensor.grad is not None and tensor.grad[..., :4, :4].any()
        assert bool(tensor.grad[..., 4:, 4:].any()) == told


@pytest.mark.parametrize("lost", [False, True], ids=["blemish", "mole"])
def test_the_second_map_of_stages_apart_looks_for_harm_alone(make_batch: MakeBatch, lost: bool) -> None:
    """A half of a blemish that is left is no reason to give all of it back; a mole taken in half is."""
    plain = make_batch([S], size=16)
    mark = plain.raw + 0.2 * (torch.arange(16) < 4)
    notes = torch.where(mark[:, :1] != plain.raw[:, :1], KEPT if lost else PLAIN, PLAIN).to(torch.uint8)
    batch = dataclasses.replace(plain, raw=mark, target=mark if lost else plain.raw, notes=notes)
    config = dataclasses.replace(CONFIG, apart=True)
    costs = []
    for place in (0.02, 0.98):
        blemish = torch.where(mark[:, :1] != plain.raw[:, :1], place, 0.02)
        half = (mark + plain.raw) / 2
        out = BPFReOutput(half, half, torch.full_like(blemish, 0.02), blemish, [], [])
        costs.append(float(supervised_losses(out, batch, config, None)["blem_refine"]))
    assert (costs[0] > 10 * costs[1]) if lost else (costs[1] > 10 * costs[0])


def test_stages_apart_both_learn_of_edits_on_marks_that_stay(make_batch: MakeBatch, make_output: MakeOutput) -> None:
    plain = make_batch([S])
    batch = dataclasses.replace(plain, notes=torch.full_like(plain.raw[:, :1], KEPT, dtype=torch.uint8))
    out = make_output(batch)
    config = dataclasses.replace(CONFIG, apart=True, gradient=0.0)
    total_loss(supervised_losses(out, batch, config, None), config).backward()
    edited = edited_area(batch.raw, batch.target, config) > 0
    assert edited.any() and not edited.all() and out.coarse.grad is not None
    assert torch.equal(out.coarse.grad.abs().sum(1, keepdim=True) > 0, edited)


def test_a_map_on_a_mark_that_stays_costs_more() -> None:
    delta, kept = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    kept[..., 2:4, 2:4] = 1
    claim = 0.01 + 0.8 * kept
    costs = [float(map_distance(claim, delta, CONFIG, area)) for area in (None, kept)]
    assert costs[1] == pytest.approx(costs[0] * 5 * 64 / 80, rel=0.15)
