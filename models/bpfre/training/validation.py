"""How good the network is on faces that it does not learn from, beside what doing nothing would give."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from bpfre.network import BPFRe
from bpfre.training.config import TrainConfig
from bpfre.training.data import Batch
from bpfre.training.data.window import EDIT

_ROUNDING = 0.01  # grey levels by which float pixels may miss their 8-bit value


class EditErrors(NamedTuple):
    """How near a result is to the retoucher's, on and off what the retoucher changed."""

    edited: float | None  # mean absolute error on the edits, grey levels of 255; None without edits
    elsewhere: float  # the same off the edits
    reproduced: float | None  # share of the edit that is reproduced: 1 is perfect, 0 the unedited input; None without


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


def edited_pixels(raw: Tensor, target: Tensor) -> Tensor:
    """Tell where the retoucher changed any channel by more than `EDIT` levels. [N, 3, H, W] -> [N, 1, H, W] bool"""
    return (raw - target).abs().amax(dim=1, keepdim=True) > (EDIT + _ROUNDING) / 255


def edit_errors(image: Tensor, raw: Tensor, target: Tensor) -> EditErrors:
    """Compare a result with a retoucher's, on and off the edits. [N, 3, H, W] in [0, 1] each, taken as one."""
    edited = edited_pixels(raw, target).expand_as(image)
    error, edit = (image - target).abs(), (raw - target).abs()
    off = _mean(error, ~edited) * 255
    if not edited.any():
        return EditErrors(None, off, None)
    on = _mean(error, edited)
    return EditErrors(on * 255, off, 1 - on / _mean(edit, edited))


def _measure(image: Tensor, raw: Tensor, target: Tensor, config: TrainConfig) -> dict[str, float]:
    errors = edit_errors(image, raw, target)
    on = errors.edited or 0.0
    mse = float((image - target).square().mean())
    return {
        "psnr": 10 * math.log10(1 / max(mse, 1e-10)),
        "edited": on,
        "elsewhere": errors.elsewhere,
        "reproduced": 1.0 if errors.reproduced is None else errors.reproduced,
        "score": on + config.unedited * errors.elsewhere,
    }


def _mean(values: Tensor, where: Tensor) -> float:
    return float(values[where].mean()) if where.any() else 0.0
