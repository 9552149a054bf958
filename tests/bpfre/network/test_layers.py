from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from bpfre.network.layers import ModulatedConv, ResidualBlock, conv, upsample


def stylegan2_convolution(layer: ModulatedConv, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
    """The published form: weights modulated and demodulated for each sample, one group a sample."""
    n, channels, height, width = x.shape
    scale = style @ layer.affine.weight.t() + layer.affine.bias
    weight = layer.weight[None] * scale[:, None, :, None, None]  # [N, out, in, 3, 3]
    weight = weight / (weight.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).sqrt()
    out = F.conv2d(x.reshape(1, n * channels, height, width), weight.flatten(0, 1), padding=1, groups=n)
    return out.reshape(n, -1, height, width) * 2**0.5 + layer.bias[:, None, None]


@pytest.mark.parametrize(("channels", "out_channels"), [(5, 7), (1, 3), (8, 4)])
def test_modulated_convolution_is_that_of_stylegan2(channels: int, out_channels: int) -> None:
    layer = ModulatedConv(channels, out_channels, 6).double()
    torch.nn.init.normal_(layer.affine.weight)
    torch.nn.init.normal_(layer.bias)
    x, style = torch.randn(3, channels, 9, 11).double(), torch.randn(3, 6).double()
    torch.testing.assert_close(layer(x, style), stylegan2_convolution(layer, x, style), rtol=1e-9, atol=1e-9)


def test_modulated_convolution_restores_the_variance() -> None:
    layer = ModulatedConv(32, 64, 8)
    with torch.no_grad():
        layer.affine.bias.mul_(50)  # a scale that demodulation must take out again
    out = layer(torch.randn(2, 32, 64, 64), torch.randn(2, 8))
    assert 1.8 < float(out.detach()[..., 1:-1, 1:-1].var()) < 2.2  # 2 before the activation


def test_a_style_of_one_sample_leaves_the_other_alone() -> None:
    layer = ModulatedConv(4, 4, 3)
    torch.nn.init.normal_(layer.affine.weight)
    x, style = torch.randn(2, 4, 6, 6), torch.randn(2, 3)
    changed = style.clone()
    changed[1] += 1
    before, after = layer(x, style), layer(x, changed)
    torch.testing.assert_close(before[0], after[0])
    assert not torch.allclose(before[1], after[1])


@pytest.mark.parametrize(("stride", "side"), [(1, 12), (2, 6)])
def test_conv_keeps_or_halves_sides_and_starts_without_bias(stride: int, side: int) -> None:
    layer = conv(3, 5, stride=stride)
    assert layer(torch.randn(1, 3, 12, 12)).shape == (1, 5, side, side)
    assert layer.bias is not None and not layer.bias.any()


def test_upsample_keeps_a_ramp_straight() -> None:
    ramp = torch.arange(8.0).expand(1, 1, 4, 8)
    up = upsample(ramp)
    assert up.shape == (1, 1, 8, 16)
    torch.testing.assert_close(up[0, 0, 3, 1:-1], (torch.arange(16.0) / 2 - 0.25)[1:-1])


def test_residual_block_is_the_identity_without_its_branch() -> None:
    block = ResidualBlock(4)
    x = torch.randn(1, 4, 5, 5)
    assert not torch.equal(block(x), x)
    torch.nn.init.zeros_(block.second.weight)
    assert torch.equal(block(x), x)
