"""The refine stage: a StyleGAN2-type generator that works on the decoder's multi-scale features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bpfre.network.layers import ModulatedConv, activate, conv, upsample


class StyleBlock(nn.Module):
    """Modulated convolution, then the side feature where StyleGAN2 has noise: concatenated behind a learned gain."""

    def __init__(self, in_channels: int, side_channels: int, out_channels: int, style_dim: int, gain: float) -> None:
        super().__init__()
        self.convolution = ModulatedConv(in_channels, out_channels, style_dim)
        self.gain = nn.Parameter(torch.full((1,), gain))
        self.join = ModulatedConv(out_channels + side_channels, out_channels, style_dim)

    def forward(self, x: Tensor, side: Tensor, style: Tensor) -> Tensor:
        """[N, C_in, H, W], [N, C_side, H, W], [N, style_dim] -> [N, C_out, H, W]"""
        y = activate(self.convolution(x, style))
        return activate(self.join(torch.cat([y, self.gain * side], dim=1), style))


class Generator(nn.Module):
    """Render an image from the decoder's features as the sum of ToRGB skips over the scales.

    Args:
        side_channels: channels of the decoder's features, finest first.
        channels: the generator's own channels, finest first.
        style_dim: length of the style vector, made from the coarsest feature by a linear layer.
        unshuffle: factor from scale 0 to the input's resolution.
        side_gain: start of the gain on side features.
        output_gain: scale of the ToRGB weights at the start.
    """

    def __init__(
        self,
        *,
        side_channels: Sequence[int],
        channels: Sequence[int],
        style_dim: int,
        unshuffle: int,
        side_gain: float,
        output_gain: float,
    ) -> None:
        super().__init__()
        self.unshuffle = unshuffle
        self.style = nn.Linear(side_channels[-1], style_dim)
        entering = [*channels[1:], side_channels[-1]]
        self.blocks = nn.ModuleList(
            StyleBlock(a, s, c, style_dim, side_gain) for a, s, c in zip(entering, side_channels, channels, strict=True)
        )
        self.to_rgb = nn.ModuleList(
            conv(c, 3 * unshuffle**2 if i == 0 else 3, 1, gain=output_gain) for i, c in enumerate(channels)
        )

    def forward(self, sides: Sequence[Tensor]) -> Tensor:
        """Decoder features, finest first -> rendering [N, 3, H * u, W * u]."""
        style = activate(self.style(sides[-1].mean(dim=(2, 3))))
        x, image = sides[-1], None
        for i in reversed(range(len(sides))):
            if i < len(sides) - 1:
                x = upsample(x)
            x = self.blocks[i](x, sides[i], style)
            rgb = self.to_rgb[i](x)
            if i == 0:
                rgb = F.pixel_shuffle(rgb, self.unshuffle)
            if image is not None:
                factor = 2 if i > 0 else 2 * self.unshuffle
                rgb = rgb + F.interpolate(image, scale_factor=factor, mode="bilinear", align_corners=False)
            image = rgb
        assert image is not None
        return image
