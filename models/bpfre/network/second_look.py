"""Look twice at large faces: at the size they have, and at the network's own size.

Marks of light skin are judged at both. Seen large, a mole looks like a spot more often than seen small, and a small
spot is seen more often: the mean of both keeps the spots and saves moles. On dark skin only the large look counts: seen
small, its faint marks vanish. Where the stages are apart, marks are decided one by one (`verdict`), the better the
larger they are seen; but broad marks that the large look misses are seen small.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from bpfre.network.filters import blur, half, ramp
from bpfre.network.skin_light import skin_light
from bpfre.network.tone import change_relative, to_relative

SHARE = 0.5  # of the second look, on light skin
WINDOW = 1.5  # Gaussian in which a correction is looked for, sigma in px of a crop of the network's own size
MISSED = (1 / 255, 3 / 255)  # its size there, root mean square: below the first the large look saw nothing

Look = Callable[[Tensor], tuple[Tensor, ...]]


def look_small(image: Tensor, look: Look, scale: float) -> tuple[Tensor, ...]:
    """Make corrections at the network's own size and put them onto the larger image, on the logarithmic scale.

    Args:
        image: [N, 3, H, W] in [0, 1].
        look: makes results of a smaller image.
        scale: size of the image relative to a crop of the network's own size.

    Returns:
        As many results, [N, 3, H, W] float32 each.
    """
    sides = [max(1, round(side / scale)) for side in image.shape[2:]]
    with torch.autocast(image.device.type, enabled=False):  # half precision has too few digits for small corrections
        image = image.float()
        small = F.interpolate(image, sides, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    results = look(small)
    with torch.autocast(image.device.type, enabled=False):
        before = to_relative(small)
        changes = (to_relative(result.float()) - before for result in results)
        sized = (F.interpolate(c, image.shape[2:], mode="bicubic", align_corners=False) for c in changes)
        return tuple(change_relative(image, change) for change in sized)


def second_look(image: Tensor, firsts: tuple[Tensor, ...], look: Look, scale: float) -> tuple[Tensor, ...]:
    """Take the mean of results that were made at a larger size and of a look at the network's own size.

    Args:
        image: [N, 3, H, W] in [0, 1].
        firsts: what was made of it, [N, 3, H, W] each.
        look: makes as many results of a smaller image.
        scale: size of the image relative to a crop of the network's own size.

    Returns:
        As many results; on dark skin they are `firsts`.
    """
    with torch.autocast(image.device.type, enabled=False):
        share = SHARE * skin_light(image.float(), scale)
    if not share.any():
        return firsts
    seconds = look_small(image, look, scale)
    with torch.autocast(image.device.type, enabled=False):
        image = image.float()
        before = to_relative(image)

        def mean(first: Tensor, second: Tensor) -> Tensor:
            own, other = to_relative(first.float()) - before, to_relative(second) - before
            return torch.where(share > 0, change_relative(image, own + share * (other - own)), first)

        return tuple(mean(first, second) for first, second in zip(firsts, seconds, strict=True))


def fill_in(
    image: Tensor, seen: Tensor, firsts: tuple[Tensor, ...], seconds: tuple[Tensor, ...], scale: float
) -> tuple[Tensor, ...]:
    """Use the second look where the first saw nothing.

    Args:
        image: [N, 3, H, W] in [0, 1].
        seen: the same with all that the first look would correct.
        firsts: results of the first look, [N, 3, H, W] each.
        seconds: as many of the second look, on the same image.
        scale: size of the image relative to a crop of the network's own size.

    Returns:
        As many results, [N, 3, H, W] float32 each.
    """
    with torch.autocast(image.device.type, enabled=False):
        energy = half(seen.float() - image.float()).square().mean(dim=1, keepdim=True)
        low, high = MISSED
        missed = 1 - ramp(blur(energy, WINDOW / 2 * scale), (low**2, high**2))
        missed = F.interpolate(missed, image.shape[2:], mode="bilinear", align_corners=False)
        pairs = ((first.float(), second.float()) for first, second in zip(firsts, seconds, strict=True))
        return tuple(first + missed * (second - first) for first, second in pairs)
