"""Let the second stage decide, mark by mark, what of the first stage's correction stands.

Where the stages have jobs of their own, the first takes whatever stands out and the second gives back what belongs to
the person: all of a mole, and a part of many a blemish. How much it gives back says which of the two it is. So each
mark is decided once: where the second stage leaves a fair share of the first one's correction, all of that stands;
where it leaves less, the photo stays as it is. What share is fair depends on the light of the skin, as networks have
seen less dark skin and are less sure of it, and on the size of the mark, as moles and freckles are the smaller ones.
`benchmarks/tune_verdict.py` fits the odds to people that a network has learned from; `BIAS`, `LIGHT` and, a little,
`SIZE` are set for others, of whose marks it leaves less (see the card of the weights).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from bpfre.network.filters import blur, half, ramp
from bpfre.network.mark_size import mark_size
from bpfre.network.skin_light import skin_light

SMOOTH = 1.0  # sigma of the Gaussian that takes noise from corrections, px of a crop of the network's own size
WINDOW = 1.5  # Gaussian in which they are compared, sigma in the same px: about a mark
LEAST = 0.3 / 255  # corrections far below this have no share
SHARE, SIZE, LIGHT, SHARE_ON_LIGHT, BIAS = 7.05, 0.9, -4.8, 3.78, -0.74  # log odds that a correction stands
SOME = (0.0, 0.01)  # share left: below the first nothing stands whatever the odds, above the second they decide
STEP = (-0.4, 0.4)  # of those odds: below the first nothing stands, above the second all


class Evidence(NamedTuple):
    """What a verdict is made from; [N, 1, H, W] each."""

    share: Tensor  # of the first stage's correction that the second leaves, about [0, 1]
    size: Tensor  # of the mark, see `mark_size`
    light: Tensor  # of the skin, see `skin_light`

    @property
    def odds(self) -> Tensor:
        """Log odds that the mark is one that goes."""
        return (SHARE + SHARE_ON_LIGHT * self.light) * self.share + SIZE * self.size + LIGHT * self.light + BIAS


def verdict(image: Tensor, coarse: Tensor, refined: Tensor, scale: float = 1.0) -> Tensor:
    """Choose between the first stage's correction and none.

    Args:
        image: [N, 3, H, W] in [0, 1].
        coarse: the same, corrected by the first stage.
        refined: the same, with what the second stage gave back.
        scale: size of marks relative to a crop of the network's own size.

    Returns:
        [N, 3, H, W] float32, between `image` and `coarse`.
    """
    with torch.autocast(image.device.type, enabled=False):  # half precision has too few digits for squares
        image, coarse, refined = image.float(), coarse.float(), refined.float()
        found = evidence(image, coarse, refined, scale)
        stands = ramp(found.odds, STEP) * ramp(found.share, SOME)
        stands = F.interpolate(stands, image.shape[2:], mode="bilinear", align_corners=False)
        return image + stands * (coarse - image)


def evidence(image: Tensor, coarse: Tensor, refined: Tensor, scale: float = 1.0) -> Evidence:
    """Weigh each mark. Takes what `verdict` takes, in float32; gives pictures of half the size."""
    taken, left = (half(blur(x - image, SMOOTH * scale)) for x in (coarse, refined))
    skin, window = half(image), WINDOW / 2 * scale
    energy = taken.square().sum(1, keepdim=True)
    common = blur((taken * left).sum(1, keepdim=True), window)
    share = (common / (blur(energy, window) + 3 * LEAST**2)).clamp(-0.3, 1.3)
    spot = mark_size(skin, scale / 2)
    weight = energy * spot.contrast.square() + 1e-14
    size = blur(spot.size * weight, window) / blur(weight, window)
    return Evidence(share, size, skin_light(skin, scale / 2))
