"""How a loss becomes one number: each sample first, then all samples of the batch."""

from __future__ import annotations

from torch import Tensor


def per_sample(values: Tensor) -> Tensor:
    """Mean of each sample. [N, ...] -> [N]"""
    return values.flatten(1).mean(dim=1)


def per_sample_where(values: Tensor, where: Tensor, *, least: float) -> Tensor:
    """Mean of each sample over a part of its pixels.

    Args:
        values: [N, 1, H, W].
        where: [N, 1, H, W], 1 on the part and 0 elsewhere.
        least: share of the pixels, above 0, that a smaller part is counted as.

    Returns:
        [N], 0 where the part is empty.
    """
    area = where.flatten(1).mean(dim=1).clamp(min=least)
    return per_sample(values * where) / area


def over_batch(values: Tensor, applies: Tensor) -> Tensor:
    """Sum over the samples that a term applies to, divided by the number of all samples. [N], [N] bool -> []"""
    return values.where(applies, 0).mean()
