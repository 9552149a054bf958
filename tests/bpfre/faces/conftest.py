"""Portraits, weights and geometry that the tests of faces share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from bpfre.faces import Face, FaceDetector, open_detector
from bpfre.faces.cache import FILE_VARIABLE, RETINAFACE, read_verified
from bpfre.faces.template import FFHQ_512

SHARED = Path(__file__).parents[3].parent / "shared"


@pytest.fixture(scope="session")
def photo_folder() -> Path:
    folder = SHARED / "faces"
    if not folder.is_dir():
        pytest.skip(f"the test photographs are not here ({folder})")
    return folder


@pytest.fixture(scope="session")
def weights_file() -> Path:
    path = Path(os.environ.get(FILE_VARIABLE) or SHARED / "weights" / RETINAFACE.file)
    if not path.is_file():
        pytest.skip(f"the RetinaFace weights are not here ({path}); set {FILE_VARIABLE}")
    return path


@pytest.fixture(scope="session")
def mtcnn() -> FaceDetector:
    return open_detector("mtcnn")


@pytest.fixture(scope="session")
def retinaface(weights_file: Path) -> FaceDetector:
    from bpfre.faces.retinaface import RetinaFaceFinder
    from bpfre.faces.search import FaceSearch

    return FaceSearch(RetinaFaceFinder(read_verified(weights_file)))


@pytest.fixture(params=["mtcnn", "retinaface"])
def detector(request: pytest.FixtureRequest) -> FaceDetector:
    """Each real detector in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """A 512 x 512 public-domain portrait with one face of about 120 px."""
    data = pytest.importorskip("skimage.data", reason="scikit-image brings the test portrait")
    return np.ascontiguousarray(data.astronaut()[..., :3])


@pytest.fixture(scope="session")
def read_rgb() -> Callable[[Path], np.ndarray]:
    def read(path: Path) -> np.ndarray:
        return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])

    return read


@pytest.fixture(scope="session")
def make_face() -> Callable[..., Face]:
    """Faces whose landmarks are the template, turned, scaled to a box of `size` px and moved."""

    def make(size: float, center: tuple[float, float], degrees: float = 0, turn: float = 1) -> Face:
        points = (FFHQ_512 - FFHQ_512.mean(0)) * (turn, 1) * size / 350
        angle = np.deg2rad(degrees)
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        landmarks = points @ rotation.T + center
        box = np.array([*(np.array(center) - size / 2), *(np.array(center) + size / 2)], np.float32)
        return Face(box=box, landmarks=landmarks.astype(np.float32), score=1.0)

    return make
