"""A picture of what the network does at this moment of its training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bpfre.evaluation import write_png
from bpfre.network import BPFRe


@torch.no_grad()
def write_sheet(path: Path, network: BPFRe, raw: Tensor, target: Tensor, position: Tensor, *, rows: int = 6) -> None:
    """Write a PNG with a row a window: raw, map E2D, coarse, map D2G, refined, target.

    Args:
        path: the PNG.
        network: in evaluation mode.
        raw: [N, 3, H, W] in [0, 1].
        target: [N, 3, H, W] in [0, 1].
        position: [N, 2, H, W].
        rows: windows shown at most.
    """
    raw, target = raw[:rows], target[:rows]
    out = network(raw, position[:rows])
    columns = [raw, out.map_e2d.expand_as(raw), out.coarse, out.map_d2g.expand_as(raw), out.refined, target]
    sheet = torch.cat([torch.cat(list(column), dim=1) for column in columns], dim=2)  # [3, rows * H, 6 * W]
    pixels = np.rint(sheet.clamp(0, 1).permute(1, 2, 0).cpu().numpy() * 255).astype(np.uint8)
    write_png(path, pixels)
