"""Tensors in, tensors out: the network and its presets."""

from bpfre.network.bpfre import BPFRe, BPFReOutput, position_grid
from bpfre.network.config import BPFReConfig
from bpfre.network.discriminator import PixelDiscriminator
from bpfre.network.presets import PRESETS, preset
from bpfre.network.stages import CoarseOnly

__all__ = [
    "PRESETS",
    "BPFRe",
    "BPFReConfig",
    "BPFReOutput",
    "CoarseOnly",
    "PixelDiscriminator",
    "position_grid",
    "preset",
]
