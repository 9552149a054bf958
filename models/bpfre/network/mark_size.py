"""How large the dark spot around each pixel is: scale space of Gaussian differences [Lindeberg 1998]."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import torch
from torch import Tensor

from bpfre.network.filters import blur

SIGMAS = (0.8, 1.1, 1.5, 2.0, 2.7, 3.6, 4.8, 6.4)  # of the Gaussians, px of a crop of the network's own size
SHARPNESS = 4.0  # power by which the difference that answers most outweighs the others


class MarkSize(NamedTuple):
    """What is seen around each pixel; [N, 1, H, W] each."""

    size: Tensor  # natural logarithm of the sigma of the spot, px of a crop of the network's own size
    contrast: Tensor  # how much darker than its surroundings it is, logarithm of green light; 0 where it is not


def mark_size(image: Tensor, scale: float) -> MarkSize:
    """Measure dark spots in green light, which both blood and pigment take.

    Args:
        image: [N, 3, H, W] in [0, 1].
        scale: size of the image relative to a crop of the network's own size.
    """
    green = (image[:, 1:2] + 0.02).log()
    levels = [blur(green, sigma * scale) for sigma in SIGMAS]
    darker = torch.cat([b - a for a, b in itertools.pairwise(levels)], dim=1).clamp_min(0)
    sizes = [0.5 * math.log(a * b) for a, b in itertools.pairwise(SIGMAS)]
    answer = darker**SHARPNESS
    total = answer.sum(1, keepdim=True)
    size = (answer * image.new_tensor(sizes)[:, None, None]).sum(1, keepdim=True) / total.clamp_min(1e-12)
    return MarkSize(size, total ** (1 / SHARPNESS))
