"""Data, losses, loop and checkpoints of training."""

from bpfre.training.config import DataConfig, RunConfig, TrainConfig
from bpfre.training.data import (
    Discovery,
    FaceSource,
    LoadedFace,
    TrainingFace,
    discover,
    prepare,
    read_patterns,
)
from bpfre.training.distributed import is_first, open_accelerator
from bpfre.training.loop import train
from bpfre.training.recipes import recipe
from bpfre.training.resolve import parse_settings, read_config, resolve
from bpfre.training.run_folder import RunFolder
from bpfre.training.session import run_session

__all__ = [
    "DataConfig",
    "Discovery",
    "FaceSource",
    "LoadedFace",
    "RunConfig",
    "RunFolder",
    "TrainConfig",
    "TrainingFace",
    "discover",
    "is_first",
    "open_accelerator",
    "parse_settings",
    "prepare",
    "read_config",
    "read_patterns",
    "recipe",
    "resolve",
    "run_session",
    "train",
]
