"""A picture of what the network does at this moment of its training."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from bpfre.network import BPFRe
from bpfre.photos import to_bytes, write_png
from bpfre.training.data import Batch


@torch.no_grad()
def sample_sheet(network: BPFRe, batch: Batch, *, rows: int = 6) -> Tensor:
    """Lay out a row a window: raw, map E2D, coarse, map D2G, refined, target.

    Args:
        network: in evaluation mode.
        batch: windows; the target of a window without one is its raw side.
        rows: windows shown at most.

    Returns:
        [3, rows * H, 6 * W] in [0, 1], on the CPU.
    """
    device = next(network.parameters()).device
    raw, target, position = (t[:rows].to(device) for t in (batch.raw, batch.target, batch.position))
    out = network(raw, position)
    columns = [raw, out.map_e2d.expand_as(raw), out.coarse, out.map_d2g.expand_as(raw), out.refined, target]
    return torch.cat([torch.cat(list(column), dim=1) for column in columns], dim=2).clamp(0, 1).float().cpu()


def write_sheet(path: Path, sheet: Tensor) -> None:
    """Write a sheet, [3, H, W] in [0, 1], as PNG."""
    write_png(path, to_bytes(sheet.permute(1, 2, 0).numpy()))
