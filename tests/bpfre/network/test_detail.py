from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from bpfre.network import BPFRe, BPFReConfig, preset
from bpfre.network.detail import GAIN, MOST, local_contrast
from bpfre.network.tone import to_relative


def test_what_is_even_has_none_and_light_is_no_matter() -> None:
    grey = torch.full((1, 3, 32, 32), 0.4)
    assert local_contrast(grey).abs().max() < 1e-5
    noise = 0.01 * torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(local_contrast(grey + noise), local_contrast(noise - 1.3), rtol=0, atol=1e-4)


def test_slow_shading_vanishes_beside_a_small_mark() -> None:
    shade = torch.linspace(-1, 1, 128).expand(1, 3, 128, 128)
    marked = shade.clone()
    marked[..., 63:66, 63:66] -= 0.1
    contrast = local_contrast(marked)
    assert contrast[..., 64, 64].max() < -0.8 * 0.1 * GAIN
    assert contrast[..., 20:44, 20:108].abs().max() < 0.02 * GAIN


def test_outlines_are_bounded() -> None:
    edge = torch.zeros(1, 3, 32, 32)
    edge[..., 16:] = 5.0
    assert local_contrast(edge).abs().max() == MOST


@pytest.mark.parametrize("relative", [False, True])
def test_networks_see_it_beside_the_pixels(relative: bool) -> None:
    torch.manual_seed(0)
    network = BPFRe(preset("tiny", relative=relative, detail=True)).eval()
    x = torch.rand(1, 3, 64, 48)
    seen: list[torch.Tensor] = []
    network.encoder.register_forward_pre_hook(lambda _module, args: seen.append(args[0]))
    with torch.inference_mode():
        refined = network(x).refined
    assert refined.shape == x.shape and refined.isfinite().all()
    pixels = to_relative(x) if relative else (x - network.mean) / network.std
    both = F.pixel_unshuffle(torch.cat([pixels, local_contrast(pixels)], dim=1), network.config.unshuffle)
    assert torch.equal(seen[0][:, : both.shape[1]], both)


def test_a_checkpoint_tells_whether_it_does() -> None:
    config = preset("tiny", detail=True)
    assert BPFReConfig.from_json(config.to_json()).detail
    assert not BPFReConfig.from_json(preset("tiny").to_json()).detail
