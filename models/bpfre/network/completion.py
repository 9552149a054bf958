"""Make of a correction that the network is not sure of a retoucher's: whole marks, and no pores.

Where more than one answer may be right, training teaches a network their mean: half of a blemish goes, which leaves a
paler blemish, and a little of every pore goes with it. Three things that retouchers do set that right. Frequency
separation: only what is smooth in a correction is used, so the fine texture of the skin is the photo's. One choice
per mark: a correction that takes a fair share of its mark is raised until it takes the whole, one that hardly touches
its mark is undone. And healing: what is left of a chosen mark, colours that the network did not see among it, gives way
to the tone of the skin around (see `healing`). Corrections that darken are used as they are: what is lighter than skin
is shine, which a retoucher dims but does not take, and which is fine texture itself.

All this happens in evaluation only. A network that is trained through it learns to hesitate again, one step further on.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from bpfre.network.filters import blur, half, largest, ramp
from bpfre.network.healing import leftover
from bpfre.network.skin_light import skin_light

WINDOW = 3.0  # Gaussian in which correction and mark are compared, sigma in px of a crop of the network's own size
SMOOTH = 1.7  # sigma of the Gaussian that makes a correction smooth, in the same px
WHOLE = 0.95  # share of a mark that is taken at the end
LEAST = 0.02  # smallest share that is told from none
NEED_DARK, NEED_LIGHT = 0.06, 0.24  # share of a mark that says it is to go, on dark and on light skin
UNDONE = (0.64, 1.18)  # of that share: what takes less than the first is undone, more than the second left
SHARE = (0.82, 1.18)  # likewise: what takes less than the first is not raised, more than the second carried through
LIKENESS = (0.25, 0.45)  # the same for the squared correlation of correction and mark: pores and edges are unlike
DARKENS = (0.1, 0.5)  # mean change below 0, relative to its size: above the second, it is what the network says
UNSEEN = (4 / 255, 6 / 255)  # mean over channels: corrections that stay below the first all around are left out
NEAR = 4.0  # how far around that is, px of a crop of the network's own size
VISIBLE = 0.6 / 255  # standard deviation of a correction in the window from which it counts


class Judgement(NamedTuple):
    """What a correction is, around each pixel; [N, 1, H, W] each."""

    factor: Tensor  # by which it is multiplied so that it takes a whole mark, or none
    chosen: Tensor  # in [0, 1]: how surely its mark is to go
    darkens: Tensor  # in [0, 1]: how surely it makes darker


def complete(image: Tensor, corrected: Tensor, scale: float = 1.0) -> Tensor:
    """Smooth a correction, carry it through mark by mark, and heal what is left of those marks.

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
        skin, small = half(image), half(change)
        verdict = _judge(skin, small, WINDOW / 2 * scale)
        carried = small * verdict.factor
        rest = leftover(skin, small, carried, verdict.chosen, scale / 2, visible=VISIBLE) * (1 - verdict.darkens)
        sure = verdict.darkens * half(own) + (1 - verdict.darkens) * carried + rest
        parts = torch.cat([verdict.factor, verdict.darkens, rest, _seen(sure, scale / 2)], dim=1)
        parts = F.interpolate(parts, image.shape[2:], mode="bilinear", align_corners=False)
        factor, darkens, rest, seen = parts.split([1, 1, 3, 1], dim=1)
        return image + seen * (darkens * own + (1 - darkens) * change * factor + rest)


def _seen(change: Tensor, scale: float) -> Tensor:
    """How surely anybody sees a correction, or one beside it. [N, 3, H, W] -> [N, 1, H, W] in [0, 1]"""
    size = largest(change.abs().mean(dim=1, keepdim=True), NEAR * scale)
    return blur(ramp(size, UNSEEN), NEAR / 2 * scale)


def _judge(image: Tensor, change: Tensor, window: float) -> Judgement:
    """Judge a correction by regression.

    In a window around each pixel the picture is regressed on the correction, over all channels: the slope says
    which share of the mark the correction takes, the correlation whether it is this mark's at all.

    Args:
        image: [N, 3, H, W].
        change: [N, 3, H, W], smooth.
        window: sigma of the Gaussian window, px.
    """
    centre, level = blur(image, window), blur(change, window)
    covariance = (blur(image * change, window) - centre * level).sum(1, keepdim=True)
    variance = (blur(change * change, window) - level * level).sum(1, keepdim=True).clamp_min(0)
    contrast = (blur(image * image, window) - centre * centre).sum(1, keepdim=True)
    against = covariance < 0  # as a correction goes against its mark
    taken = torch.where(against, variance / (-covariance).clamp_min(1e-9), 1.0).clamp(LEAST, WHOLE)
    likeness = covariance.square() / (variance * contrast).clamp_min(1e-12) * against
    need = _need(image, window / WINDOW)
    chosen = ramp(taken / need, SHARE) * ramp(likeness, LIKENESS) * variance / (variance + VISIBLE**2)
    stays = torch.where(variance > VISIBLE**2, ramp(taken / need, UNDONE), 1.0)
    raised = 1 + blur((WHOLE / taken - 1) * chosen, window / 2)
    size = blur(change.abs(), window).sum(1, keepdim=True)
    darker = -level.sum(1, keepdim=True) / (size + 3 * VISIBLE)
    return Judgement(raised * blur(stays, window / 2), chosen, ramp(darker, DARKENS))


def _need(image: Tensor, scale: float) -> Tensor:
    """Share of a mark that a correction has to take for it to be the mark's. [N, 3, H, W] -> [N, 1, H, W]

    Networks take less of the marks of dark skin, which differ less from it and which they have seen less of: the share
    that parts the marks that go from those that stay grows with the light of the skin.
    """
    return NEED_DARK + (NEED_LIGHT - NEED_DARK) * skin_light(image, scale)
