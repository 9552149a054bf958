from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from bpfre.network import BPFRe, BPFReOutput, position_grid, preset
from bpfre.network.bpfre import MAX_SIDE
from bpfre.weights import load_network, save_network

SIZES = [(64, 64), (8, 8), (40, 24), (65, 63), (1, 1), (37, 100), (7, 9)]


def images_of(out: BPFReOutput) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return out.coarse, out.refined, out.map_e2d, out.map_d2g


def variant(**change: object) -> BPFRe:
    return BPFRe(dataclasses.replace(preset("tiny"), **change)).eval()


def capture(module: nn.Module, into: list[object]) -> None:
    module.register_forward_hook(lambda _module, _inputs, output: into.append(output))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_outputs_have_the_inputs_size_and_maps_lie_in_0_1(network: BPFRe, height: int, width: int) -> None:
    with torch.no_grad():
        out = network(torch.rand(2, 3, height, width))
    assert out.coarse.shape == out.refined.shape == (2, 3, height, width)
    for blemish in (out.map_e2d, out.map_d2g):
        assert blemish.shape == (2, 1, height, width)
        assert float(blemish.min()) >= 0 and float(blemish.max()) <= 1
    for weight in (*out.weights_e2d, *out.weights_d2g):
        assert float(weight.min()) >= 0 and float(weight.max()) <= 1
    assert all(torch.isfinite(t).all() for t in images_of(out))


def test_padding_repeats_the_rim_and_is_cut_off_again(network: BPFRe) -> None:
    x = torch.rand(1, 3, 29, 45)
    position = position_grid(29, 45, device=x.device, dtype=x.dtype)
    rows, columns = torch.arange(32).clamp(max=28), torch.arange(48).clamp(max=44)
    with torch.no_grad():
        out = network(x)
        padded = network(x[..., rows, :][..., columns], position[..., rows, :][..., columns])
    for small, large in zip(images_of(out), images_of(padded), strict=True):
        torch.testing.assert_close(small, large[..., :29, :45])


@pytest.mark.parametrize(("height", "width"), [(32, 32), (35, 29)])
def test_without_blemishes_the_input_comes_out_exactly(network: BPFRe, height: int, width: int) -> None:
    for attention in (network.attention_e2d, network.attention_d2g):
        for head in attention.head:
            nn.init.zeros_(head.weight)
            nn.init.constant_(head.bias, -1e4)
    x = torch.rand(2, 3, height, width)
    out = network(x)
    assert not out.map_e2d.any() and not out.map_d2g.any()
    assert torch.equal(out.coarse, x)
    assert torch.equal(out.refined, x)


def test_a_correction_is_base_plus_map_times_rendering(network: BPFRe) -> None:
    decoded: list = []
    rendered: list = []
    capture(network.decoder, decoded)
    capture(network.generator, rendered)
    x = torch.rand(2, 3, 32, 40)
    with torch.no_grad():
        out = network(x)
    torch.testing.assert_close(out.coarse, x + out.map_e2d * decoded[0][1] * 0.25)
    torch.testing.assert_close(out.refined, out.coarse + out.map_d2g * rendered[0] * 0.25)
    assert not torch.allclose(out.coarse, x) and not torch.allclose(out.refined, out.coarse)


def test_an_image_is_the_rendering_alone() -> None:
    network = variant(output="image", position=False)
    decoded: list = []
    rendered: list = []
    capture(network.decoder, decoded)
    capture(network.generator, rendered)
    with torch.no_grad():
        out = network(torch.rand(1, 3, 32, 32))
    torch.testing.assert_close(out.coarse, decoded[0][1] * 0.25 + 0.5)
    torch.testing.assert_close(out.refined, rendered[0] * 0.25 + 0.5)


@pytest.mark.parametrize(
    "change",
    [{}, {"output": "image", "position": False}, {"unshuffle": 1}],
    ids=["tiny", "image", "no unshuffle"],
)
def test_gradient_reaches_every_parameter(change: dict[str, object]) -> None:
    network = variant(**change)
    out = network(torch.rand(2, 3, 32, 32))
    sum((t * torch.randn_like(t)).sum() for t in images_of(out)).backward()
    silent = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


@pytest.mark.parametrize("relative", [False, True], ids=["sRGB", "relative"])
def test_a_stage_apart_chooses_between_the_coarse_result_and_a_correction_of_its_own(relative: bool) -> None:
    network = variant(apart=True, relative=relative)
    x = 0.1 + 0.8 * torch.rand(2, 3, 32, 40)
    biases = [head.bias for head in network.attention_d2g.head]

    def refined(bias: float) -> BPFReOutput:
        for each in biases:
            torch.nn.init.constant_(each, bias)
        with torch.no_grad():
            return network(x)

    keep, anew = refined(-200.0), refined(200.0)
    assert not torch.allclose(keep.coarse, x, atol=1e-3)
    assert torch.equal(keep.refined, keep.coarse)
    for layer in network.generator.to_rgb:
        torch.nn.init.zeros_(layer.weight)
    torch.testing.assert_close(refined(200.0).refined, x)
    assert not torch.allclose(anew.refined, x, atol=1e-3) and not torch.allclose(anew.refined, anew.coarse, atol=1e-3)


def test_the_error_of_a_stage_apart_does_not_reach_the_coarse_result() -> None:
    gradients = []
    for network in (variant(apart=False), variant(apart=True)):
        network(torch.rand(1, 3, 32, 32)).refined.square().sum().backward()
        gradients.append(network.get_parameter("decoder.to_rgb.weight").grad)
        features = network.get_parameter("decoder.blocks.0.first.weight").grad
        assert features is not None and features.any()
    assert gradients[0] is not None and gradients[0].any() and gradients[1] is None


def test_the_position_of_a_whole_crop_is_the_default(network: BPFRe) -> None:
    x = torch.rand(2, 3, 32, 48)
    grid = position_grid(32, 48, device=x.device, dtype=x.dtype).expand(2, -1, -1, -1)
    with torch.no_grad():
        given, default, elsewhere = network(x, grid), network(x), network(x, grid * 0.5)
    for a, b, c in zip(images_of(given), images_of(default), images_of(elsewhere), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_position_grid_holds_pixel_centres() -> None:
    grid = position_grid(2, 4, device=torch.device("cpu"), dtype=torch.float32)
    torch.testing.assert_close(grid[0, 0], torch.tensor([[-0.75, -0.25, 0.25, 0.75]] * 2))
    torch.testing.assert_close(grid[0, 1], torch.tensor([[-0.5] * 4, [0.5] * 4]))


def test_without_position_channels_position_is_not_looked_at() -> None:
    network, x = variant(position=False), torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(network(x).refined, network(x, torch.zeros(1, 2, 16, 16)).refined)


def test_faces_of_a_batch_do_not_mix(network: BPFRe) -> None:
    x = torch.rand(3, 3, 32, 32)
    with torch.no_grad():
        together, alone = network(x), network(x[1:2])
    for a, b in zip(images_of(together), images_of(alone), strict=True):
        torch.testing.assert_close(a[1:2], b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("half", [False, True])
def test_build_save_load_gives_the_same_network(network: BPFRe, tmp_path: Path, half: bool) -> None:
    if half:  # weights that a half-precision file can hold
        network.load_state_dict({k: v.half().float() for k, v in network.state_dict().items()})
    save_network(network, tmp_path / "net.safetensors", {}, half=half)
    loaded, x = load_network(tmp_path / "net.safetensors"), torch.rand(2, 3, 40, 33)
    assert loaded.config == network.config
    with torch.no_grad():
        for a, b in zip(images_of(network(x)), images_of(loaded(x)), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 4, 16, 16), (1, 1, 16, 16), (1, 3, 0, 16), (1, 3, 8, MAX_SIDE + 1)])
def test_input_that_is_no_batch_of_crops_is_refused(network: BPFRe, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        network(torch.zeros(shape))


def test_a_muted_side_gain_can_learn() -> None:
    network = variant(side_gain=0.0)
    network(torch.rand(1, 3, 32, 32)).refined.square().sum().backward()
    assert all(block.gain.grad.abs() > 0 for block in network.generator.blocks)
