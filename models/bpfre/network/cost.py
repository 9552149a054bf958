"""What a network costs: parameters and floating-point operations, counted without running it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bpfre.network.bpfre import BPFRe
from bpfre.network.config import BPFReConfig
from bpfre.network.discriminator import PixelDiscriminator


@dataclass(frozen=True)
class Cost:
    """Size and work of one network; a multiplication and its addition are two operations."""

    parameters: int
    flops: int  # of one forward pass over one crop


def network_cost(config: BPFReConfig, size: int) -> Cost:
    """Count both stages for a crop of `size` px."""
    with torch.device("meta"):
        return _cost(BPFRe(config), size)


def discriminator_cost(config: BPFReConfig, size: int) -> Cost:
    """Count the pixel discriminator for a crop of `size` px."""
    with torch.device("meta"):
        return _cost(PixelDiscriminator(config.discriminator_channels), size)


def _cost(module: nn.Module, size: int) -> Cost:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.empty(1, 3, size, size, device="meta"))
    return Cost(sum(p.numel() for p in module.parameters()), counter.get_total_flops())
