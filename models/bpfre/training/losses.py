"""The supervised losses of the paper (poster, «Training Loss»), each by its name."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bpfre.network import BPFReOutput
from bpfre.training.config import TrainConfig


def edit_size(image: Tensor, target: Tensor, scale: float) -> Tensor:
    """Delta of the paper: mean absolute difference over channels, `scale` and above counted as 1.

    [N, 3, H, W] twice -> [N, 1, H, W] in [0, 1], without gradient.
    """
    return ((image - target).detach().abs().mean(dim=1, keepdim=True) / scale).clamp(max=1)


def map_loss(blemish: Tensor, delta: Tensor, *, edited_weight: float = 5.0) -> Tensor:
    """L_blem: cross-entropy of a map against the edit's size, edited pixels weighted up.

    The paper has an L1 distance; cross-entropy has the same optimum for a map in [0, 1] and does not settle at
    the empty map when edits are rare.

    Args:
        blemish: [N, 1, H, W] in [0, 1].
        delta: [N, 1, H, W] in [0, 1].
        edited_weight: weight of a fully edited pixel relative to an unedited one.
    """
    weight = 1 + (edited_weight - 1) * delta
    loss = F.binary_cross_entropy(blemish.float().clamp(1e-6, 1 - 1e-6), delta, reduction="none")
    return (weight * loss).sum() / weight.sum()


def balanced_l1(image: Tensor, target: Tensor, edited: Tensor, *, unedited: float) -> Tensor:
    """L_cons: mean error on edits, mean error of gradients on edits, and `unedited` times the mean error elsewhere.

    Averaging both areas apart keeps the rare edits from drowning in the unedited rest.

    Args:
        image: [N, 3, H, W].
        target: [N, 3, H, W].
        edited: [N, 1, H, W] in {0, 1}.
        unedited: weight of the second area.
    """
    error = (image - target).abs().mean(dim=1, keepdim=True)
    difference = image - target
    gradient = F.pad(difference.diff(dim=3).abs(), (0, 1)) + F.pad(difference.diff(dim=2).abs(), (0, 0, 0, 1))
    on = (error + 0.5 * gradient.mean(dim=1, keepdim=True)) * edited
    off = error * (1 - edited)
    return on.sum() / edited.sum().clamp(min=1) + unedited * off.sum() / (1 - edited).sum().clamp(min=1)


def supervised_losses(out: BPFReOutput, raw: Tensor, target: Tensor, config: TrainConfig) -> dict[str, Tensor]:
    """Every supervised term by its name, unweighted.

    Args:
        out: what the network made of `raw`.
        raw: [N, 3, H, W] in [0, 1].
        target: [N, 3, H, W] in [0, 1].
        config: balance between areas, scale of the maps' targets.
    """
    delta = edit_size(raw, target, config.map_scale)
    edited = (delta > 0.05).float()
    return {
        "blem_coarse": map_loss(out.map_e2d, delta),
        "blem_refine": map_loss(out.map_d2g, edit_size(out.coarse, target, config.map_scale)),
        "cons_coarse": balanced_l1(out.coarse, target, edited, unedited=config.unedited),
        "cons_refine": balanced_l1(out.refined, target, edited, unedited=config.unedited),
    }


def total_loss(losses: dict[str, Tensor], config: TrainConfig) -> Tensor:
    """Weighted sum of the terms, weights from the configuration."""
    return torch.stack([getattr(config, name) * value for name, value in losses.items()]).sum()


@torch.no_grad()
def edit_measures(image: Tensor, raw: Tensor, target: Tensor, config: TrainConfig) -> dict[str, float]:
    """How much of the edit is reproduced, and what changed elsewhere.

    Returns:
        `reproduced`: 1 - error / edit on the edited area (1 is perfect, 0 is the unedited input);
        `elsewhere`: mean absolute change off the edits in grey levels of 255.
    """
    edited = (edit_size(raw, target, config.map_scale) > 0.05).float()
    on = edited.sum().clamp(min=1) * 3
    error, edit = ((image - target).abs() * edited).sum() / on, ((raw - target).abs() * edited).sum() / on
    off = ((image - raw).abs() * (1 - edited)).sum() / ((1 - edited).sum().clamp(min=1) * 3)
    return {"reproduced": float(1 - error / edit.clamp(min=1e-6)), "elsewhere": float(off) * 255}
