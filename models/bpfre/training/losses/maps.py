"""L_blem: how far a blemish map is from the size of the edit."""

from __future__ import annotations

import torch
from torch import Tensor

from bpfre.training.config import TrainConfig
from bpfre.training.losses.reduce import per_sample

_EDITED_WEIGHT = 5.0  # of a fully edited pixel relative to an unedited one
_CERTAIN = 1e-12  # probability below which a logarithm is cut off; small, as the gradient ends there
_NEXT_TO_ONE = 2.0**-24  # what is left of 1 beside the largest float32 below it


def map_distance(
    blemish: Tensor,
    delta: Tensor,
    config: TrainConfig,
    kept: Tensor | None = None,
    trusted: Tensor | None = None,
) -> Tensor:
    """Distance of each sample's map to the edit's size.

    `config.map_loss` `l1` is the paper's mean |M - Delta|. `cross_entropy` [D] is the mean cross-entropy with edited
    pixels, and marks known to stay, weighted up to 5 times: its optimum for a map in [0, 1] is the same, and it does
    not settle at the empty map when edits are rare.

    Args:
        blemish: [N, 1, H, W] in [0, 1].
        delta: [N, 1, H, W] in [0, 1], without gradient.
        kept: [N, 1, H, W] in {0, 1}: marks known to stay; none by default.
        trusted: [N, 1, H, W] in {0, 1}: where it is 0 nothing counts; all of it by default.

    Returns:
        [N] float32.
    """
    blemish = blemish.float()
    if config.map_loss == "l1":
        error = (blemish - delta).abs()
        return per_sample(error if trusted is None else error * trusted)
    weight = 1 + (_EDITED_WEIGHT - 1) * (delta if kept is None else torch.maximum(delta, kept))
    if trusted is not None:
        weight = weight * trusted
    hit = delta * torch.log(blemish.clamp(min=_CERTAIN))
    miss = (1 - delta) * torch.log((1 - blemish).clamp(min=_NEXT_TO_ONE))
    return -(weight * (hit + miss)).flatten(1).sum(dim=1) / weight.flatten(1).sum(dim=1).clamp(min=1)
