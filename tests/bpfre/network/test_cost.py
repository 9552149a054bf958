from __future__ import annotations

import pytest

from bpfre.network import BPFRe, PixelDiscriminator, preset
from bpfre.network.cost import discriminator_cost, network_cost


def test_parameters_are_those_of_the_network() -> None:
    config = preset("tiny")
    assert network_cost(config, 64).parameters == sum(p.numel() for p in BPFRe(config).parameters())
    disc = PixelDiscriminator(config.discriminator_channels)
    assert discriminator_cost(config, 64).parameters == sum(p.numel() for p in disc.parameters())


def test_work_grows_with_the_area() -> None:
    config = preset("tiny")
    small, large = network_cost(config, 64).flops, network_cost(config, 128).flops
    assert large == pytest.approx(4 * small, rel=0.01)


def test_work_of_one_convolution_by_hand() -> None:
    # The discriminator's last layer: 8 channels to one, 3 x 3, on 32 x 32 px: two operations a tap.
    config = preset("tiny")
    counted = discriminator_cost(config, 32).flops
    stem, score = 2 * 32 * 32 * 9 * 3 * 8, 2 * 32 * 32 * 9 * 8
    down = 2 * 17 * 17 * 16 * 8 * 12 + 2 * 9 * 9 * 16 * 12 * 16
    up = 2 * 16 * 16 * 9 * 16 * 12 + 2 * 32 * 32 * 9 * 12 * 8
    assert counted == stem + score + down + up


def test_the_starter_is_small_and_the_paper_large() -> None:
    starter, paper = network_cost(preset("starter"), 512), network_cost(preset("paper"), 512)
    assert starter.parameters < 5e6 < 50e6 < paper.parameters
    assert starter.flops < 60e9 < paper.flops
