"""Light on a logarithmic scale, on which a mark is as large on dark skin as on light skin.

Pigment takes a share of the light: what it takes from the sRGB values of dark skin is a third of what it takes from
those of light skin. A network that sees sRGB values learns the marks of light skin first.
"""

from __future__ import annotations

import torch
from torch import Tensor

FLOOR = 0.05  # sRGB value added to all: below it there is more noise than skin
LIGHT, MOST = 0.7, 4.0  # sRGB value at which errors count once; darkest skin and hair at most so many times
MIDDLE, SPREAD = 0.5, 0.3  # sRGB value that becomes 0, and the logarithm's step that becomes 1


def to_relative(x: Tensor) -> Tensor:
    """Take sRGB in [0, 1], any shape, to the logarithmic scale: about [-8, 2.2]."""
    return torch.log((x.float().clamp(min=0) + FLOOR) / (MIDDLE + FLOOR)) / SPREAD


def from_relative(y: Tensor) -> Tensor:
    """Undo `to_relative`."""
    return torch.exp(y.float() * SPREAD) * (MIDDLE + FLOOR) - FLOOR


def change_relative(x: Tensor, change: Tensor) -> Tensor:
    """Add `change` on the logarithmic scale to sRGB values; where it is 0 they stay exactly what they are."""
    return x + (x.clamp(min=0) + FLOOR) * torch.expm1(change.float() * SPREAD)


def relative_weight(target: Tensor) -> Tensor:
    """How often an error counts that is to be judged relative to the light: about 1 on light skin, 3 on dark skin.

    Args:
        target: [N, 3, H, W] sRGB in [0, 1].

    Returns:
        [N, 1, H, W] float32, without gradient.
    """
    grey = target.detach().float().mean(dim=1, keepdim=True)
    return ((LIGHT + FLOOR) / (grey.clamp(min=0) + FLOOR)).clamp(max=MOST)
