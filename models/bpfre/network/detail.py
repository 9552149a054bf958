"""Local contrast: what stands out from the skin around it, made as large as light and shade are.

A faint mark differs from its skin by a few hundredths of what a face's light and shade differ by. A network that has to
find that difference in its first layers learns for long what a mark is; one that is shown it begins with it.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from bpfre.network.filters import blur

GAIN = 10.0
CELL = 4  # px whose mean is taken before the Gaussian
SIGMA = 1.5  # of the Gaussian in cells: about the size of a large pimple
MOST = 4.0  # brows, lips and outlines stand out by more than any mark


def local_contrast(seen: Tensor) -> Tensor:
    """Subtract what is smooth and enlarge the rest.

    Args:
        seen: [N, C, H, W] as the network sees it, of about unit variance; sides are multiples of 4.

    Returns:
        [N, C, H, W] in [-4, 4].
    """
    smooth = blur(F.avg_pool2d(seen, CELL), SIGMA)
    around = F.interpolate(smooth, scale_factor=CELL, mode="bilinear", align_corners=False)
    return (GAIN * (seen - around)).clamp(-MOST, MOST)
