"""How good the network is on faces that it does not learn from, beside what doing nothing would give."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from bpfre.network import BPFRe
from bpfre.training.config import TrainConfig
from bpfre.training.data import Batch
from bpfre.training.data.window import EDIT


@torch.no_grad()
def validate(
    network: BPFRe, batches: Iterable[Batch], config: TrainConfig, device: torch.device
) -> dict[str, dict[str, float]]:
    """Measure both stages on whole crops.

    Returns:
        For `unedited`, `coarse` and `refined`, means over the faces of: `psnr` [dB] against the target, `edited` and
        `elsewhere` (mean absolute error on and off the retoucher's edits, grey levels of 255), `reproduced` (share of
        the edit that is reproduced, 1 is perfect) and `score` (edited plus `config.unedited` times elsewhere, lower
        is better). Empty without faces.
    """
    rows: dict[str, list[dict[str, float]]] = {}
    for batch in batches:
        raw, target, position = (t.to(device) for t in (batch.raw, batch.target, batch.position))
        out = network(raw.contiguous(memory_format=torch.channels_last), position)
        for name, image in (("unedited", raw), ("coarse", out.coarse), ("refined", out.refined)):
            rows.setdefault(name, []).append(_measure(image.float().clamp(0, 1), raw, target, config))
    return {name: {key: sum(row[key] for row in all_) / len(all_) for key in all_[0]} for name, all_ in rows.items()}


def _measure(image: Tensor, raw: Tensor, target: Tensor, config: TrainConfig) -> dict[str, float]:
    edited = ((raw - target).abs().amax(dim=1, keepdim=True) > EDIT / 255).expand_as(image)
    error, edit = (image - target).abs(), (raw - target).abs()
    on, off = _mean(error, edited) * 255, _mean(error, ~edited) * 255
    mse = float((image - target).square().mean())
    return {
        "psnr": 10 * math.log10(1 / max(mse, 1e-10)),
        "edited": on,
        "elsewhere": off,
        "reproduced": 1 - on / max(_mean(edit, edited) * 255, 1e-6) if edited.any() else 1.0,
        "score": on + config.unedited * off,
    }


def _mean(values: Tensor, where: Tensor) -> float:
    return float(values[where].mean()) if where.any() else 0.0
