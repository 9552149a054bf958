from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from bpfre.network import BPFRe, preset
from bpfre.network.second_look import MISSED, SHARE, fill_in, look_small, second_look
from bpfre.network.skin_light import DARK, LIGHT
from bpfre.network.tone import FLOOR, to_relative

SIDE, SCALE = 96, 1.5


def skin(light: float, seed: int = 0) -> Tensor:
    """Even skin with pores. -> [1, 3, SIDE, SIDE]"""
    generator = torch.Generator().manual_seed(seed)
    return light + 0.01 * torch.randn(1, 3, SIDE, SIDE, generator=generator)


def by(factor: float, x: Tensor) -> Tensor:
    """A correction that raises the light by the same factor everywhere."""
    return (x + FLOOR) * factor - FLOOR


class Recorder:
    """A look that remembers what it saw."""

    def __init__(self, *factors: float) -> None:
        self.factors = factors
        self.seen: list[tuple[int, ...]] = []

    def __call__(self, x: Tensor) -> tuple[Tensor, ...]:
        self.seen.append(tuple(x.shape))
        return tuple(by(factor, x) for factor in self.factors)


def test_on_light_skin_the_result_is_the_mean_of_both_looks() -> None:
    image, look = skin(LIGHT + 0.1), Recorder(1.0, 1.2)
    coarse, refined = second_look(image, (by(1.1, image), by(1.1, image)), look, SCALE)
    assert look.seen == [(1, 3, 64, 64)]  # the network's own size
    for result, second in ((coarse, 1.0), (refined, 1.2)):
        wanted = by(1.1 ** (1 - SHARE) * second**SHARE, image)
        torch.testing.assert_close(result, wanted, atol=1e-5, rtol=0)


def test_on_dark_skin_there_is_one_look_and_its_result_stays_to_the_bit() -> None:
    image, look = skin(DARK - 0.1), Recorder(1.5)
    first = by(1.1, image)
    (result,) = second_look(image, (first,), look, SCALE)
    assert result is first and not look.seen


def test_a_face_does_not_change_with_what_shares_its_batch() -> None:
    dark, light = skin(DARK - 0.1), skin(LIGHT + 0.1, seed=1)
    both = torch.cat([dark, light])
    (together,) = second_look(both, (by(1.1, both),), Recorder(1.3), SCALE)
    (alone,) = second_look(light, (by(1.1, light),), Recorder(1.3), SCALE)
    assert torch.equal(together[:1], by(1.1, both)[:1])
    torch.testing.assert_close(together[1:], alone, atol=1e-6, rtol=0)


def test_a_small_look_is_put_onto_the_picture_and_keeps_its_texture() -> None:
    image, look = skin(DARK), Recorder(1.0, 1.2)
    same, brighter = look_small(image, look, SCALE)
    assert look.seen == [(1, 3, 64, 64)]
    torch.testing.assert_close(same, image, atol=1e-6, rtol=0)
    torch.testing.assert_close(brighter, by(1.2, image), atol=1e-5, rtol=0)


def test_the_second_look_counts_where_the_first_saw_nothing() -> None:
    image = skin(LIGHT)
    seen, first, second = image.clone(), image + 0.01, image + 0.02
    seen[..., :40] += 3 * MISSED[1]
    (result,) = fill_in(image, seen, (first,), (second,), SCALE)
    torch.testing.assert_close(result[..., :32], first[..., :32])
    torch.testing.assert_close(result[..., 48:], second[..., 48:])


def test_what_is_far_below_a_grey_level_was_not_seen() -> None:
    image = skin(LIGHT)
    (result,) = fill_in(image, image + 0.3 * MISSED[0], (image,), (image + 0.1,), SCALE)
    torch.testing.assert_close(result, image + 0.1)


def test_where_neither_look_changes_anything_the_picture_stays() -> None:
    image = skin(LIGHT)
    (result,) = second_look(image, (image.clone(),), Recorder(1.0), SCALE)
    torch.testing.assert_close(result, image, atol=1e-6, rtol=0)


def test_a_spot_that_only_the_small_look_sees_is_put_in_its_place() -> None:
    image = torch.full((1, 3, SIDE, SIDE), LIGHT + 0.1)

    def look(x: Tensor) -> tuple[Tensor]:
        result = x.clone()
        result[..., 20:24, 40:44] *= 1.2  # of 64 px
        return (result,)

    (result,) = second_look(image, (image.clone(),), look, SCALE)
    change = (to_relative(result) - to_relative(image)).mean(dim=1)[0]
    y, x = divmod(int(F.avg_pool2d(change[None], 5, 1, 2).argmax()), SIDE)
    assert abs(y - 32.5) <= 1 and abs(x - 62.5) <= 1
    assert float(change[:20].abs().max()) < 1e-3


@pytest.mark.parametrize(
    ("side", "windowed", "training", "apart", "twice"),
    [
        (96, False, False, False, True),
        (64, False, False, False, False),  # the network's own size
        (96, True, False, False, False),
        (96, False, True, False, False),
        (96, False, False, True, True),
        (64, False, False, True, False),
    ],
)
def test_networks_look_twice_at_large_whole_crops_in_use(
    side: int, windowed: bool, training: bool, apart: bool, twice: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    network = BPFRe(dataclasses.replace(preset("tiny"), completion=True, apart=apart)).train(training)
    seen: list[tuple[int, ...]] = []
    look = network.look
    monkeypatch.setattr(network, "look", lambda x, position=None: seen.append(tuple(x.shape)) or look(x, position))
    position = torch.zeros(1, 2, side, side) if windowed else None
    with torch.no_grad():
        out = network.stages(torch.full((1, 3, side, side), LIGHT), position)
    assert out.refined.shape == (1, 3, side, side) and bool(out.refined.isfinite().all())
    assert seen == [(1, 3, side, side), (1, 3, 64, 64)][: 2 if twice else 1]


def test_networks_that_do_not_finish_look_once() -> None:
    network = BPFRe(preset("tiny")).eval()
    image = torch.full((1, 3, 96, 96), LIGHT)
    with torch.no_grad():
        assert torch.equal(network.stages(image).refined, network.look(image).refined)
