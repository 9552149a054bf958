"""L_cons: how far a result is from its target, in pixels and in features."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bpfre.training.config import TrainConfig
from bpfre.training.losses.edits import difference_of
from bpfre.training.losses.reduce import per_sample, per_sample_where

# Share of a window that smaller areas are counted as: one small pimple in a window of 192 px. Without it three edited
# pixels would weigh as much as a cheek full of acne.
_LEAST_AREA = 0.002


def pixel_distance(
    image: Tensor,
    target: Tensor,
    edited: Tensor,
    config: TrainConfig,
    kept: Tensor | None = None,
    trusted: Tensor | None = None,
) -> Tensor:
    """Distance of each sample in pixels: the L1 term of L_cons.

    Without `config.balance` the paper's mean |image - target|. With it [D] the mean over edited pixels, plus
    `config.unedited` times the mean over the others, plus `config.gradient` times the mean difference of gradients on
    edited pixels: rare edits do not drown in the rest. Marks that stay have a mean of their own, with the weight
    `config.kept`: a mole removed is as wrong as a pimple left. An area that is empty counts nothing.

    Args:
        image: [N, 3, H, W] about [0, 1].
        target: [N, 3, H, W] in [0, 1].
        edited: [N, 1, H, W] in {0, 1}.
        kept: [N, 1, H, W] in {0, 1}: marks known to stay; none by default.
        trusted: [N, 1, H, W] in {0, 1}: where it is 0 nothing counts; all of it by default.

    Returns:
        [N] float32.
    """
    difference = difference_of(image, target, config)
    error = difference.abs().mean(dim=1, keepdim=True)
    trusted = torch.ones_like(error) if trusted is None else trusted
    if not config.balance:
        return per_sample(error * trusted)
    # Forward differences to the right and below; the last column and row have none.
    slope = F.pad(difference.diff(dim=3).abs(), (0, 1)) + F.pad(difference.diff(dim=2).abs(), (0, 0, 0, 1))
    steep = error + config.gradient * slope.mean(dim=1, keepdim=True)
    plain = 1 - edited if kept is None else (1 - edited) * (1 - kept)
    distance = per_sample_where(steep, edited * trusted, least=_LEAST_AREA)
    distance = distance + config.unedited * per_sample_where(error, plain * trusted, least=_LEAST_AREA)
    if kept is None:
        return distance
    return distance + config.kept * per_sample_where(steep, (1 - edited) * kept * trusted, least=_LEAST_AREA)


def feature_distance(features: list[Tensor], target: list[Tensor]) -> Tensor:
    """Distance of each sample in features: mean over layers of mean |phi(image) - phi(target)|.

    Args:
        features: [N, C_i, h_i, w_i] of each layer.
        target: the same of the target.

    Returns:
        [N].
    """
    distances = [per_sample((a - b).abs()) for a, b in zip(features, target, strict=True)]
    return sum(distances[1:], distances[0]) / len(distances)
