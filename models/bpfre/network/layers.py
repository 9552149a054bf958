"""Layers that several parts of the network share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2  # negative slope of every leaky ReLU


def conv(in_channels: int, out_channels: int, kernel: int = 3, *, stride: int = 1, gain: float = 1.0) -> nn.Conv2d:
    """Build a same-padded convolution with Kaiming weights times `gain` and zero bias."""
    layer = nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=kernel // 2)
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    assert layer.bias is not None
    with torch.no_grad():
        layer.weight.mul_(gain)
        layer.bias.zero_()
    return layer


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU with the slope used throughout."""
    return F.leaky_relu(x, SLOPE)


def upsample(x: Tensor) -> Tensor:
    """Double the sides bilinearly, pixel centres kept. [N, C, H, W] -> [N, C, 2H, 2W]"""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside an identity; channels and sides stay."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv(channels, channels)
        # A small second convolution keeps the variance of the sum near that of its input at the start.
        self.second = conv(channels, channels, gain=0.3)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(activate(self.first(activate(x))))


class ModulatedConv(nn.Module):
    """3 x 3 convolution whose input channels are scaled by a style, output variance restored (StyleGAN2, eq. 1-3).

    Scaling the activations instead of the weights gives the same result with one shared kernel, which is
    several times faster on a CPU than one group a sample.
    """

    def __init__(self, in_channels: int, out_channels: int, style_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, 3, 3))
        nn.init.kaiming_normal_(self.weight, a=SLOPE)
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.affine = nn.Linear(style_dim, in_channels)
        nn.init.normal_(self.affine.weight, std=style_dim**-0.5 * 0.1)
        nn.init.ones_(self.affine.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """[N, C_in, H, W], [N, style_dim] -> [N, C_out, H, W]"""
        scale = self.affine(style)  # [N, C_in]
        energy = self.weight.square().sum(dim=(2, 3))  # [C_out, C_in]
        demodulation = torch.rsqrt(scale.square() @ energy.t() + 1e-8)  # [N, C_out]
        # With unit-variance input, demodulation gives unit variance; sqrt(2) makes up for the activation.
        y = F.conv2d(x * scale[:, :, None, None], self.weight, padding=1) * (demodulation[:, :, None, None] * 2**0.5)
        return y + self.bias[None, :, None, None]
