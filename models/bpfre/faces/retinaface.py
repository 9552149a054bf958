"""RetinaFace (MobileNet 0.25) of facexlib, run over batches of squares."""

from __future__ import annotations

import io
import threading
import warnings

import numpy as np
import torch

from bpfre.errors import DetectorError
from bpfre.faces.face import Face

_NMS = 0.4  # intersection over union, the value the network was published with


class RetinaFaceFinder:
    """A `Finder` on facexlib's network. One thread computes at a time: the network keeps state."""

    name = "retinaface"
    reach = 26.0
    notice = 0.25
    accept = 0.8

    def __init__(self, weights: bytes, *, device: str = "cpu") -> None:
        """Build the network from the verified content of its weights file.

        Raises:
            DetectorError: facexlib is not usable here, or it does not take these weights.
        """
        self._device = torch.device(device)
        self._lock = threading.Lock()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # facexlib calls torchvision by names that are deprecated
                from facexlib.detection import RetinaFace

                network = RetinaFace(network_name="mobile0.25", device=self._device)
        except (ImportError, AttributeError) as error:
            raise DetectorError(
                f"RetinaFace cannot be opened: facexlib does not work here ({error}).",
                "Install a matching pair of torch and torchvision, or choose the detector mtcnn.",
            ) from error
        try:
            state = torch.load(io.BytesIO(weights), map_location="cpu", weights_only=True)
            network.load_state_dict({name.removeprefix("module."): value for name, value in state.items()})
        except Exception as error:  # torch.load raises whatever the file's content provokes
            raise DetectorError(
                "The RetinaFace weights do not fit the installed facexlib.",
                "Install facexlib 0.3 or newer, or choose the detector mtcnn.",
            ) from error
        self._network = network.requires_grad_(False).eval().to(self._device)

    def find(self, squares: np.ndarray, *, smallest: float, least: float) -> list[list[Face]]:
        """Find faces in one forward over all squares; `smallest` makes no difference here. See `Finder`."""
        bgr = torch.from_numpy(np.ascontiguousarray(squares[..., ::-1])).to(self._device).float()
        with self._lock, torch.inference_mode(), torch.autocast(self._device.type, enabled=False):
            found = self._network.batched_detect_faces(bgr, conf_threshold=least, nms_threshold=_NMS)
        return [_faces(boxes, landmarks) for boxes, landmarks in zip(*found, strict=True)]


def _faces(boxes: np.ndarray, landmarks: np.ndarray) -> list[Face]:
    """Make faces of [K, 5] boxes with scores and [K, 10] landmarks (both flat where there is none)."""
    # The network counts from the outer corner of the first pixel; here its centre is the origin.
    half = np.float32(0.5)
    return [
        Face(box=box[:4] - half, landmarks=points.reshape(5, 2) - half, score=float(box[4]))
        for box, points in zip(boxes.reshape(-1, 5), landmarks.reshape(-1, 10), strict=True)
    ]
