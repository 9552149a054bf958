"""Make of a correction that the network is not sure of a retoucher's: whole marks, and no pores.

Where more than one answer may be right, training teaches a network their mean: half of a blemish goes, which leaves a
paler blemish, and a little of every pore goes with it. Two things that retouchers do set that right. Frequency
separation: only what is smooth in a correction is used, so the fine texture of the skin is the photo's. And one choice
per mark: a correction that takes a fair share of its mark is raised until it takes the whole, one that hardly touches
its mark is left. Corrections that darken are used as they are: what is lighter than skin is shine, which a retoucher
dims but does not take, and which is fine texture itself.

Both happen in evaluation only. A network that is trained through them learns to hesitate again, one step further on.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bpfre.network.filters import blur

WINDOW = 3.0  # Gaussian in which correction and mark are compared, sigma in px of a crop of the network's own size
SMOOTH = 1.0  # sigma of the Gaussian that makes a correction smooth, in the same px
WHOLE = 0.95  # share of a mark that is taken at the end
SHARE = (0.12, 0.2)  # taken shares below the first are left as they are, above the second carried through
LIKENESS = (0.25, 0.5)  # the same for the squared correlation of correction and mark: pores and edges are unlike
DARKENS = (0.1, 0.5)  # mean change below 0, relative to its size: above the second, it is what the network says
VISIBLE = 0.6 / 255  # standard deviation of a correction in the window from which it counts


def complete(image: Tensor, corrected: Tensor, scale: float = 1.0) -> Tensor:
    """Smooth a correction and carry it through mark by mark.

    In a window around each pixel the picture is regressed on the correction, over all channels: the slope says
    which share of the mark the correction takes, the correlation whether it is this mark's at all.

    Args:
        image: [N, 3, H, W] in [0, 1].
        corrected: the same, retouched.
        scale: size of marks relative to a crop of the network's own size.

    Returns:
        [N, 3, H, W] float32; further than the Gaussian reaches from any correction it is `image`.
    """
    with torch.autocast(image.device.type, enabled=False):  # half precision has too few digits for a variance
        image, corrected = image.float(), corrected.float()
        own = corrected - image
        change = blur(own, SMOOTH * scale)
        small, window = _half(change), WINDOW / 2 * scale
        parts = torch.cat([_missing(_half(image), small, window), _darkens(small, window)], dim=1)
        parts = F.interpolate(parts, image.shape[2:], mode="bilinear", align_corners=False)
        missing, darkens = parts[:, :1], parts[:, 1:]
        return image + darkens * own + (1 - darkens) * change * (1 + missing)


def _darkens(change: Tensor, window: float) -> Tensor:
    """How surely a correction makes darker. [N, 3, H, W] -> [N, 1, H, W] in [0, 1]"""
    level, size = blur(change, window), blur(change.abs(), window)
    share = -level.sum(1, keepdim=True) / (size.sum(1, keepdim=True) + 3 * VISIBLE)
    return _ramp(share, DARKENS)


def _missing(image: Tensor, change: Tensor, window: float) -> Tensor:
    """How often each pixel's change is to be added to itself. [N, 3, H, W] each -> [N, 1, H, W]"""
    centre, level = blur(image, window), blur(change, window)
    covariance = (blur(image * change, window) - centre * level).sum(1, keepdim=True)
    variance = (blur(change * change, window) - level * level).sum(1, keepdim=True).clamp_min(0)
    contrast = (blur(image * image, window) - centre * centre).sum(1, keepdim=True)
    taken = variance / (-covariance).clamp_min(1e-9)  # a correction goes against its mark
    taken = torch.where(covariance < 0, taken, 1.0).clamp(SHARE[0], WHOLE)
    likeness = covariance.square() / (variance * contrast).clamp_min(1e-12)
    sure = _ramp(taken, SHARE) * _ramp(likeness, LIKENESS) * variance / (variance + VISIBLE**2)
    return blur((WHOLE / taken - 1) * sure, window / 2)


def _half(x: Tensor) -> Tensor:
    """Half the size: marks are larger than two pixels, and pores are not wanted."""
    return F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)


def _ramp(value: Tensor, ends: tuple[float, float]) -> Tensor:
    """0 below the first end, 1 above the second."""
    return ((value - ends[0]) / (ends[1] - ends[0])).clamp(0, 1)
