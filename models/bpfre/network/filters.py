"""Filters of pictures."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian of each channel, edges repeated. [N, C, H, W] -> the same"""
    radius = round(2.5 * sigma)
    offsets = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-0.5 * (offsets / sigma).square())
    kernel = kernel / kernel.sum()
    n, channels, height, width = x.shape
    x = x.reshape(n * channels, 1, height, width)
    x = F.conv2d(F.pad(x, (0, 0, radius, radius), mode="replicate"), kernel[:, None][None, None])
    x = F.conv2d(F.pad(x, (radius, radius, 0, 0), mode="replicate"), kernel[None, :][None, None])
    return x.reshape(n, channels, height, width)


def ramp(value: Tensor, ends: tuple[float, float]) -> Tensor:
    """0 below the first end, 1 above the second, a straight line between."""
    return ((value - ends[0]) / (ends[1] - ends[0])).clamp(0, 1)


def largest(x: Tensor, reach: float) -> Tensor:
    """Largest value within `reach` px, in a square. [N, C, H, W] -> the same"""
    reach = round(reach)
    return F.max_pool2d(x, 2 * reach + 1, stride=1, padding=reach) if reach > 0 else x


def half(x: Tensor) -> Tensor:
    """Half the size, odd sides rounded up: marks are larger than two pixels, and pores are not wanted.

    [N, C, H, W] -> [N, C, H / 2, W / 2]
    """
    return F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)
