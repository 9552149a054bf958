"""Let the second stage decide, mark by mark, what of the first stage's correction stands.

Where the stages have jobs of their own, the first takes whatever stands out and the second gives back what belongs to
the person: all of a mole, and a part of many a blemish. How much it gives back says which of the two it is. So each
mark is decided once: where the second stage leaves a fair share of the first one's correction, all of that stands;
where it leaves less, the photo stays as it is.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bpfre.network.filters import blur, half, ramp
from bpfre.network.skin_light import skin_light

SMOOTH = 1.0  # sigma of the Gaussian that takes noise from corrections, px of a crop of the network's own size
WINDOW = 1.5  # Gaussian in which they are compared, sigma in the same px: about a mark
LEFT_DARK, LEFT_LIGHT = 0.06, 0.36  # share left of a correction that says it stands, on dark and on light skin
STEP = (0.85, 1.15)  # of that share: below the first nothing stands, above the second all
LEAST = 0.3 / 255  # corrections far below this have no share


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
        taken, left = (half(blur(x - image, SMOOTH * scale)) for x in (coarse, refined))
        window = WINDOW / 2 * scale
        common = blur((taken * left).sum(1, keepdim=True), window)
        share = common / (blur(taken.square().sum(1, keepdim=True), window) + 3 * LEAST**2)
        light = skin_light(half(image), scale / 2)
        stands = ramp(share / (LEFT_DARK + (LEFT_LIGHT - LEFT_DARK) * light), STEP)
        stands = F.interpolate(stands, image.shape[2:], mode="bilinear", align_corners=False)
        return image + stands * (coarse - image)
