"""A network cut short after its first stage."""

from __future__ import annotations

from torch import Tensor, nn

from bpfre.network.bpfre import BPFRe, BPFReOutput


class CoarseOnly(nn.Module):
    """A network whose coarse stage is its result."""

    def __init__(self, network: BPFRe) -> None:
        super().__init__()
        self.network = network
        self.config = network.config

    def forward(self, x: Tensor, position: Tensor | None = None) -> BPFReOutput:
        """Take what the network takes; `refined` is what its coarse stage made, finished."""
        out: BPFReOutput = self.network(x, position)
        return out._replace(refined=self.network.finish(x, out.coarse, position))
