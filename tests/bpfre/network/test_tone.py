from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from bpfre.network import BPFRe, preset
from bpfre.network.tone import change_relative, from_relative, relative_weight, to_relative


def test_the_scale_goes_there_and_back() -> None:
    x = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(from_relative(to_relative(x)), x, rtol=0, atol=1e-5)
    change = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(
        to_relative(change_relative(x, change).clamp(min=0)),
        (to_relative(x) + change).clamp(min=float(to_relative(torch.zeros(1)))),
        rtol=0,
        atol=1e-4,
    )


def test_no_change_is_none_to_the_last_bit() -> None:
    x = torch.rand(1, 3, 64, 64)
    assert torch.equal(change_relative(x, torch.zeros_like(x)), x)


def test_a_mark_is_as_large_on_dark_skin_as_on_light_skin() -> None:
    """Pigment takes a share of the light."""
    sizes = [float(to_relative(torch.tensor(skin)) - to_relative(torch.tensor(0.9 * skin))) for skin in (0.75, 0.25)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.15)
    assert 0.75 - 0.9 * 0.75 > 2.9 * (0.25 - 0.9 * 0.25)  # in sRGB values it is not


def test_weights_undo_what_dark_skin_does_to_errors() -> None:
    target = torch.tensor([0.7, 0.25, 0.0]).view(3, 1, 1, 1).expand(-1, 3, 2, 2).clone().requires_grad_()
    weight = relative_weight(target)
    assert weight.shape == (3, 1, 2, 2) and not weight.requires_grad
    assert weight[:, 0, 0, 0].tolist() == pytest.approx([1.0, 2.5, 4.0])


@pytest.mark.parametrize("name", ["tiny", "paper"])
def test_relative_networks_see_and_correct_on_this_scale(name: str) -> None:
    torch.manual_seed(0)
    network = BPFRe(preset(name, size=64, relative=True)).eval()
    x = torch.rand(1, 3, 64, 64)
    seen: list[torch.Tensor] = []
    network.encoder.register_forward_pre_hook(lambda _module, args: seen.append(args[0]))
    with torch.inference_mode():
        refined = network(x).refined
        same = BPFRe(preset(name, size=64)).eval()
        same.load_state_dict(network.state_dict())
        other = same(x).refined
    assert refined.shape == x.shape and refined.isfinite().all() and not torch.equal(refined, other)
    inputs = seen[0][:, : 3 * network.config.unshuffle**2]
    assert torch.equal(inputs, F.pixel_unshuffle(to_relative(x), network.config.unshuffle))
