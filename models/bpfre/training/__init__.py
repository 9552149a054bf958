"""Data, losses, loop and checkpoints of training."""

from bpfre.training.config import TrainConfig
from bpfre.training.faces import TrainingFace, load_pairs, load_unpaired, read_patterns
from bpfre.training.loop import train

__all__ = ["TrainConfig", "TrainingFace", "load_pairs", "load_unpaired", "read_patterns", "train"]
