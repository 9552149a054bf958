"""How light the skin is around each pixel."""

from __future__ import annotations

from torch import Tensor

from bpfre.network.filters import blur, ramp

DARK, LIGHT = 0.42, 0.62  # mean of the channels around marks of such skin, in [0, 1]
AROUND = 18.0  # sigma in which that mean is taken, px of a crop of the network's own size


def skin_light(image: Tensor, scale: float) -> Tensor:
    """Tell light skin from dark skin.

    Args:
        image: [N, 3, H, W] in [0, 1].
        scale: size of the image relative to a crop of the network's own size.

    Returns:
        [N, 1, H, W]: 0 on dark skin, 1 on light skin.
    """
    return ramp(blur(image.mean(dim=1, keepdim=True), AROUND * scale), (DARK, LIGHT))
