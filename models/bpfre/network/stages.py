"""A network cut short after its first stage."""

from __future__ import annotations

from typing import Any

from torch import nn

from bpfre.network.bpfre import BPFRe, BPFReOutput


class CoarseOnly(nn.Module):
    """A network whose coarse stage is its result."""

    def __init__(self, network: BPFRe) -> None:
        super().__init__()
        self.network = network
        self.config = network.config

    def forward(self, *args: Any, **kwargs: Any) -> BPFReOutput:
        """Take what the network takes; `refined` is what its coarse stage made."""
        out: BPFReOutput = self.network(*args, **kwargs)
        return out._replace(refined=out.coarse)
