"""Blemishes on unpaired faces, as many and as strong as a retoucher's edits on the pairs.

Windows of unpaired faces teach how much there is to do as well as what. Where they hold fewer or fainter blemishes than
pairs hold edits, the network learns from them to do less than the retoucher did (`benchmarks/unpaired.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch

from bpfre.network.tone import relative_weight
from bpfre.training.config import TrainConfig
from bpfre.training.data.window import Window

_ROUNDS = 4
_DENSITY = (0.25, 8.0)  # factors beyond which something else is wrong
_CONTRAST = (0.5, 3.0)


@dataclass(frozen=True)
class Edits:
    """What there is to do in windows."""

    share: float  # of their pixels that are edited
    size: float  # mean absolute edit there, [0, 1] grey scale


@dataclass(frozen=True)
class MarkFactors:
    """On the density and the contrast of drawn blemishes."""

    density: float = 1.0
    contrast: float = 1.0


def edits_of(windows: Iterable[Window], config: TrainConfig) -> Edits:
    """Measure edits as the losses see them.

    Args:
        windows: of which raw and target differ by what there is to do.
        config: says from where on a pixel is edited.
    """
    edited, total, error = 0, 0, 0.0
    for window in windows:
        difference = np.abs(window.raw - window.target).mean(axis=2)
        if config.relative:
            target = torch.from_numpy(window.target).permute(2, 0, 1)[None]
            difference = difference * relative_weight(target)[0, 0].numpy()
        there = difference > config.edited_from
        edited, total, error = edited + int(there.sum()), total + there.size, error + float(difference[there].sum())
    return Edits(share=edited / max(total, 1), size=error / max(edited, 1))


def match_marks(goal: Edits, measure: Callable[[MarkFactors], Edits]) -> MarkFactors:
    """Find the factors under which drawn blemishes are as much work as the edits of pairs.

    Args:
        goal: edits of the pairs; without any, nothing is changed.
        measure: edits of windows whose blemishes are drawn with given factors, ever the same windows.
    """
    factors = MarkFactors()
    if not goal.share:
        return factors
    for _ in range(_ROUNDS):
        seen = measure(factors)
        if not seen.share:
            factors = MarkFactors(min(2 * factors.density, _DENSITY[1]), factors.contrast)
            continue
        factors = MarkFactors(
            density=float(np.clip(factors.density * goal.share / seen.share, *_DENSITY)),
            contrast=float(np.clip(factors.contrast * goal.size / seen.size, *_CONTRAST)),
        )
    return factors
