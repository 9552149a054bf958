"""The pixel-level discriminator: one real/fake score per location, so that a blemish map can weight it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from bpfre.network.layers import activate, conv, upsample


class PixelDiscriminator(nn.Module):
    """A U-Net with spectral norm whose output is a logit per pixel; positive means retouched (real).

    Args:
        channels: channels at each scale, finest first. Sides must be multiples of 2 ** (len(channels) - 1).
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        pairs = list(itertools.pairwise(channels))
        self.stem = spectral_norm(conv(3, channels[0]))
        self.down = nn.ModuleList(spectral_norm(conv(a, b, 4, stride=2)) for a, b in pairs)
        self.up = nn.ModuleList(spectral_norm(conv(b, a)) for a, b in pairs)
        self.score = spectral_norm(conv(channels[0], 1))

    def forward(self, x: Tensor) -> Tensor:
        """[N, 3, H, W] in [0, 1] -> logits [N, 1, H, W]."""
        x = activate(self.stem((x - 0.5) * 4))
        skips = []
        for down in self.down:
            skips.append(x)
            x = activate(down(x))[..., : skips[-1].shape[-2] // 2, : skips[-1].shape[-1] // 2]
        for up, skip in zip(reversed(self.up), reversed(skips), strict=True):
            x = activate(up(upsample(x))) + skip
        return self.score(x)
