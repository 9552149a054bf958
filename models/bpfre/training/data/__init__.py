"""What training sees: pairs and photos found on disk, prepared once, drawn as windows."""

from bpfre.training.data.faces import FaceSource, Kind, LoadedFace, TrainingFace, crop_side
from bpfre.training.data.holdout import held_out, read_patterns
from bpfre.training.data.layouts import Discovery, discover
from bpfre.training.data.preparation import prepare
from bpfre.training.data.samples import Sample
from bpfre.training.data.window import Role
from bpfre.training.data.windows import Batch, WindowDataset, validation_batches

__all__ = [
    "Batch",
    "Discovery",
    "FaceSource",
    "Kind",
    "LoadedFace",
    "Role",
    "Sample",
    "TrainingFace",
    "WindowDataset",
    "crop_side",
    "discover",
    "held_out",
    "prepare",
    "read_patterns",
    "validation_batches",
]
