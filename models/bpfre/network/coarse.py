"""The coarse stage: a U-Net encoder and decoder."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from bpfre.network.layers import ResidualBlock, activate, conv, upsample


class Encoder(nn.Module):
    """Multi-scale features of the input.

    Args:
        in_channels: channels of the input, after the unshuffle and with the position's two.
        channels: channels at each scale, finest first.
        blocks: residual blocks at each scale.
    """

    def __init__(self, in_channels: int, *, channels: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        self.enter = nn.ModuleList(
            [conv(in_channels, channels[0])] + [conv(a, b, stride=2) for a, b in itertools.pairwise(channels)]
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(c) for _ in range(n))) for c, n in zip(channels, blocks, strict=True)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """[N, in_channels, H, W] -> features [N, C_i, H / 2^i, W / 2^i], finest first."""
        features = []
        for enter, blocks in zip(self.enter, self.blocks, strict=True):
            x = blocks(enter(x))
            features.append(x)
        return features


class Decoder(nn.Module):
    """Join the suppressed encoder features from the coarsest scale to the finest and render an image of 3 channels."""

    def __init__(self, *, channels: Sequence[int], unshuffle: int, output_gain: float) -> None:
        super().__init__()
        self.unshuffle = unshuffle
        self.down_channels = nn.ModuleList(conv(b, a, 1) for a, b in itertools.pairwise(channels))
        self.blocks = nn.ModuleList(ResidualBlock(c) for c in channels)
        self.to_rgb = conv(channels[0], 3 * unshuffle**2, gain=output_gain)

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """Features as from the encoder -> decoder features (same shapes) and the rendering [N, 3, H * u, W * u]."""
        out = list(features)
        out[-1] = self.blocks[-1](features[-1])
        for i in reversed(range(len(features) - 1)):
            # 1 x 1 before the enlargement: the same result for a quarter of the work.
            out[i] = self.blocks[i](features[i] + upsample(self.down_channels[i](out[i + 1])))
        return out, F.pixel_shuffle(self.to_rgb(activate(out[0])), self.unshuffle)
