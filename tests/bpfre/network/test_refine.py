from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bpfre.network.refine import Generator, StyleBlock

SIDES = (4, 6, 8)


def make(side_gain: float = 1.0, unshuffle: int = 2) -> Generator:
    return Generator(
        side_channels=SIDES, channels=(5, 7, 9), style_dim=6, unshuffle=unshuffle, side_gain=side_gain, output_gain=1.0
    )


def sides() -> list[Tensor]:
    return [torch.randn(2, c, 16 >> i, 16 >> i) for i, c in enumerate(SIDES)]


@pytest.mark.parametrize("unshuffle", [1, 2, 4])
def test_renders_at_full_size(unshuffle: int) -> None:
    assert make(unshuffle=unshuffle)(sides()).shape == (2, 3, 16 * unshuffle, 16 * unshuffle)


def test_a_gain_of_zero_mutes_the_side_features() -> None:
    given = sides()
    other = [torch.randn_like(given[0]), torch.randn_like(given[1]), given[2]]  # the coarsest enters as the start too
    muted, open_ = make(side_gain=0.0), make(side_gain=1.0)
    torch.testing.assert_close(muted(given), muted(other))
    assert not torch.allclose(open_(given), open_(other))


def test_side_features_join_behind_the_gain() -> None:
    block = StyleBlock(3, 2, 4, 5, gain=0.5)
    x, side, style = torch.randn(1, 3, 8, 8), torch.randn(1, 2, 8, 8), torch.randn(1, 5)
    doubled = StyleBlock(3, 2, 4, 5, gain=1.0)
    doubled.load_state_dict(block.state_dict() | {"gain": torch.ones(1)})
    torch.testing.assert_close(block(x, 2 * side, style), doubled(x, side, style))


def test_the_image_is_the_sum_of_all_scales() -> None:
    generator, given = make(), sides()
    with torch.no_grad():
        whole = generator(given)
        for muted in range(len(SIDES)):
            weights = [layer.weight.clone() for layer in generator.to_rgb]
            generator.to_rgb[muted].weight.zero_()
            assert not torch.allclose(generator(given), whole)
            generator.to_rgb[muted].weight.copy_(weights[muted])
        for layer in generator.to_rgb:
            layer.weight.zero_()
        assert not generator(given).any()
