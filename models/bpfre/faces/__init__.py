"""Find faces, cut them out aligned, and paste corrections back. Importing this never imports torch."""

from bpfre.faces.align import align, crop_extent
from bpfre.faces.cache import retinaface_weights
from bpfre.faces.detector import DETECTORS, FaceDetector, open_detector, pick_detector
from bpfre.faces.face import Face, FaceCrop
from bpfre.faces.paste import crop_box, feather, paste, reaches_out, spread

__all__ = [
    "DETECTORS",
    "Face",
    "FaceCrop",
    "FaceDetector",
    "align",
    "crop_box",
    "crop_extent",
    "feather",
    "open_detector",
    "paste",
    "pick_detector",
    "reaches_out",
    "retinaface_weights",
    "spread",
]
