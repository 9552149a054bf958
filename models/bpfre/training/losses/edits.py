"""Where and by how much a retoucher changed an image, and how much of that a result reproduces."""

from __future__ import annotations

import torch
from torch import Tensor

from bpfre.network.tone import relative_weight
from bpfre.training.config import TrainConfig
from bpfre.training.data.windows import Batch, Role

# Largest edit that an image is divided by, at least: 3 of 255 is where edits end and noise begins.
_LEAST_PEAK = 3 / 255


def difference_of(image: Tensor, target: Tensor, config: TrainConfig) -> Tensor:
    """Subtract a target; with `config.relative` as errors count that are judged relative to the light.

    Args:
        image: [N, 3, H, W] about [0, 1].
        target: [N, 3, H, W] in [0, 1]; gets no gradient through the weight.

    Returns:
        [N, 3, H, W] float32.
    """
    difference = image.float() - target.float()
    return difference * relative_weight(target) if config.relative else difference


def edit_size(image: Tensor, target: Tensor, config: TrainConfig) -> Tensor:
    """Delta of the paper: mean absolute difference over channels, brought to [0, 1].

    `config.delta` says how: `fixed` counts `map_scale` and above as 1; `per_image` divides by each image's own
    maximum, so that weak edits count, but by 3/255 at least: an image without edits gives 0 and its noise stays small.

    Args:
        image: [N, 3, H, W] in [0, 1]; of Delta_coarse the raw face, of Delta_refine the coarse result.
        target: [N, 3, H, W] in [0, 1].

    Returns:
        [N, 1, H, W] in [0, 1] float32, without gradient.
    """
    return _share(_size(image, target, config), config)


def harm_size(image: Tensor, raw: Tensor, target: Tensor, config: TrainConfig) -> Tensor:
    """How much further from its target an image is than the raw face, brought to [0, 1] as `edit_size` does.

    Args:
        image: [N, 3, H, W] about [0, 1].
        raw: [N, 3, H, W] in [0, 1].
        target: [N, 3, H, W] in [0, 1].

    Returns:
        [N, 1, H, W] in [0, 1] float32, without gradient.
    """
    worse = _size(image, target, config) - _size(raw, target, config)
    return _share(worse.clamp(min=0), config)


def edited_area(raw: Tensor, target: Tensor, config: TrainConfig) -> Tensor:
    """Tell edited pixels from the others. [N, 3, H, W] twice -> [N, 1, H, W] in {0, 1} float32, without gradient."""
    return (_size(raw, target, config) > config.edited_from).float()


@torch.no_grad()
def edit_measures(image: Tensor, batch: Batch, config: TrainConfig) -> dict[str, float]:
    """How much of the edit is reproduced, and what changed elsewhere, over all pixels of samples with a target.

    Args:
        image: [N, 3, H, W] about [0, 1]: a result for `batch.raw`.

    Returns:
        `reproduced`: 1 - error / edit on the edited area (1 is perfect or nothing to do, 0 is the unedited input);
        `elsewhere`: mean absolute change off the edits in grey levels of 255; `on_kept`: the same on marks to stay.
    """
    known = batch.role != Role.UNPAIRED
    image, raw, target = image[known].float(), batch.raw[known].float(), batch.target[known].float()
    edited = edited_area(raw, target, config)
    on = edited.sum().clamp(min=1) * 3
    error, edit = ((image - target).abs() * edited).sum() / on, ((raw - target).abs() * edited).sum() / on
    change = (image - raw).abs()
    trusted, kept = batch.trusted[known] * (1 - edited), batch.kept[known] * (1 - edited)
    off, on_kept = ((change * area).sum() / (area.sum().clamp(min=1) * 3) for area in (trusted, kept))
    return {
        "reproduced": float(1 - error / edit.clamp(min=1e-6)),
        "elsewhere": float(off) * 255,
        "on_kept": float(on_kept) * 255,
    }


def _share(difference: Tensor, config: TrainConfig) -> Tensor:
    if config.delta == "fixed":
        return (difference / config.map_scale).clamp(max=1)
    return difference / difference.amax(dim=(1, 2, 3), keepdim=True).clamp(min=_LEAST_PEAK)


def _size(image: Tensor, target: Tensor, config: TrainConfig) -> Tensor:
    return difference_of(image.detach(), target.detach(), config).abs().mean(dim=1, keepdim=True)
