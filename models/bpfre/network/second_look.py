"""Look twice at large faces: marks of light skin are judged at two sizes.

Seen large, a mole looks like a spot more often than seen small, and a small spot is seen more often. The mean of both
keeps the spots and saves moles. On dark skin only the large look counts: seen small, its faint marks vanish.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from bpfre.network.skin_light import skin_light
from bpfre.network.tone import change_relative, to_relative

SHARE = 0.5  # of the second look, on light skin


def second_look(
    image: Tensor, firsts: tuple[Tensor, ...], look: Callable[[Tensor], tuple[Tensor, ...]], scale: float
) -> tuple[Tensor, ...]:
    """Put a look at the network's own size to results that were made at a larger one.

    Args:
        image: [N, 3, H, W] in [0, 1].
        firsts: what was made of it, [N, 3, H, W] each.
        look: makes as many results of a smaller image.
        scale: size of the image relative to a crop of the network's own size.

    Returns:
        As many results; on dark skin they are `firsts`.
    """
    with torch.autocast(image.device.type, enabled=False):  # half precision has too few digits for small corrections
        image = image.float()
        share = SHARE * skin_light(image, scale)
    if not share.any():
        return firsts
    sides = [max(1, round(side / scale)) for side in image.shape[2:]]
    small = F.interpolate(image, sides, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    results = look(small)
    with torch.autocast(image.device.type, enabled=False):
        before, small_before = to_relative(image), to_relative(small)
        return tuple(
            torch.where(share > 0, _mean(image, first, result, share, before, small_before), first)
            for first, result in zip(firsts, results, strict=True)
        )


def _mean(image: Tensor, first: Tensor, second: Tensor, share: Tensor, before: Tensor, small: Tensor) -> Tensor:
    """Mean of two corrections on the logarithmic scale."""
    change = to_relative(second) - small
    large = F.interpolate(change, image.shape[2:], mode="bicubic", align_corners=False)
    own = to_relative(first) - before
    return change_relative(image, own + share * (large - own))
