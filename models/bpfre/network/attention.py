"""The blemish-aware attention module (used twice: encoder to decoder, decoder to generator)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bpfre.network.layers import activate, conv, upsample


class BlemishAttention(nn.Module):
    """Find blemishes in multi-scale features and suppress them on their way to the next stage.

    At each scale a blemish map `M` in [0, 1] is inferred from the features and a context handed down from the
    coarser scales. Weights `w = sigmoid(alpha * M + beta)`, with alpha and beta predicted from the image, then
    mix the feature with a learned replacement: `f * (1 - w) + r * w`.

    Args:
        channels: channels of the features, finest scale first.
        context: width of the top-down context.
        unshuffle: factor from scale 0 to the input's resolution.
        prior: probability the maps start from.
    """

    def __init__(self, channels: Sequence[int], *, context: int, unshuffle: int, prior: float) -> None:
        super().__init__()
        self.unshuffle = unshuffle
        self.lateral = nn.ModuleList(conv(c, context, 1) for c in channels)
        self.smooth = nn.ModuleList(conv(context, context) for _ in channels)
        self.head = nn.ModuleList(
            conv(context, unshuffle**2 if scale == 0 else 1, gain=0.1) for scale in range(len(channels))
        )
        self.replacement = nn.ModuleList(conv(c, c, 1) for c in channels)
        self.strength = nn.Linear(channels[-1], 2 * len(channels))
        for head in self.head:
            assert isinstance(head, nn.Conv2d) and head.bias is not None
            nn.init.constant_(head.bias, math.log(prior / (1 - prior)))
        nn.init.zeros_(self.strength.weight)
        with torch.no_grad():  # w starts near 0.05 off blemishes and 0.73 on them
            self.strength.bias.copy_(torch.tensor([4.0, -3.0]).repeat(len(channels)))

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], Tensor, list[Tensor]]:
        """Suppress blemishes.

        Args:
            features: [N, C_i, H / 2^i, W / 2^i], finest first.

        Returns:
            The mixed features (same shapes), the map at the input's resolution [N, 1, H * u, W * u] in [0, 1],
            and the weights w of each scale [N, 1, H / 2^i, W / 2^i] in [0, 1].
        """
        strength = self.strength(features[-1].mean(dim=(2, 3)))  # [N, 2 * scales]
        mixed: list[Tensor] = [features[-1]] * len(features)
        weights: list[Tensor] = [features[-1]] * len(features)
        full = features[-1]
        above: Tensor | None = None
        for i in reversed(range(len(features))):
            context = self.lateral[i](features[i])
            if above is not None:
                context = context + upsample(above)
            above = activate(self.smooth[i](activate(context)))
            blemish = torch.sigmoid(self.head[i](above))
            if i == 0:
                full = F.pixel_shuffle(blemish, self.unshuffle)
                blemish = blemish.amax(dim=1, keepdim=True)
            alpha, beta = strength[:, 2 * i, None, None, None], strength[:, 2 * i + 1, None, None, None]
            w = torch.sigmoid(alpha * blemish + beta)
            mixed[i] = features[i] * (1 - w) + self.replacement[i](features[i]) * w
            weights[i] = w
        return mixed, full, weights
