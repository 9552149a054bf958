from __future__ import annotations

import pytest
import torch

from bpfre.errors import UsageError
from bpfre.network import PRESETS, BPFRe, PixelDiscriminator, preset


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_preset_builds_and_runs_at_its_own_size(name: str) -> None:
    config = preset(name)
    with torch.device("meta"):  # shapes only: the large ones would need minutes
        network, x = BPFRe(config), torch.empty(2, 3, config.size, config.size)
        out = network(x)
    assert config.preset == name
    assert out.coarse.shape == out.refined.shape == x.shape
    assert out.map_e2d.shape == out.map_d2g.shape == (2, 1, config.size, config.size)
    assert len(out.weights_e2d) == len(out.weights_d2g) == len(config.channels)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_preset_has_a_discriminator_with_a_logit_a_pixel(name: str) -> None:
    with torch.device("meta"):
        discriminator = PixelDiscriminator(preset(name).discriminator_channels)
        assert discriminator(torch.empty(1, 3, 64, 64)).shape == (1, 1, 64, 64)


def test_paper_renders_whole_faces_and_the_others_correct() -> None:
    assert {name: preset(name).output for name in PRESETS} == {
        "paper": "image",
        "starter": "correction",
        "tiny": "correction",
    }


def test_unknown_preset_names_those_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        preset("huge")
    assert "huge" in caught.value.message
    assert all(name in caught.value.next_step for name in PRESETS)


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_can_work_at_another_size(name: str) -> None:
    config = preset(name, size=1024)
    assert config.size == 1024 and config.channels == preset(name).channels


def test_a_size_that_does_not_suit_is_refused_with_one_that_does() -> None:
    with pytest.raises(UsageError) as caught:
        preset("starter", size=500)
    assert str(preset("starter").stride) in caught.value.next_step
