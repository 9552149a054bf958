"""A tiny network, a detector, a portrait, and a pass over its face."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bpfre.evaluation import FacePass, Subject, face_pass, faces_of
from bpfre.faces import FaceDetector, open_detector
from bpfre.network import BPFRe, preset
from bpfre.photos import Photo, read_photo


@pytest.fixture(scope="session")
def network() -> BPFRe:
    """Works at 64, 96 and 128 px; its maps and corrections are not empty."""
    torch.manual_seed(3)
    return BPFRe(preset("tiny", zoom=(1.0, 2.0))).eval()


@pytest.fixture(scope="session")
def finishing(network: BPFRe) -> BPFRe:
    """The same network, and the marks that it takes in part are finished."""
    same = BPFRe(dataclasses.replace(network.config, completion=True)).eval()
    same.load_state_dict(network.state_dict())
    return same


@pytest.fixture(scope="session")
def detector() -> FaceDetector:
    return open_detector("mtcnn")


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """[256, 256, 3] uint8 with one face of about 110 px."""
    data = pytest.importorskip("skimage.data", reason="scikit-image brings the test portrait")
    return np.ascontiguousarray(data.astronaut()[:256, 96:352, :3])


@pytest.fixture(scope="session")
def photo(portrait: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Photo:
    path = tmp_path_factory.mktemp("photos") / "portrait.png"
    Image.fromarray(portrait).save(path)
    return read_photo(path)


@pytest.fixture(scope="session")
def seen(photo: Photo, network: BPFRe, detector: FaceDetector) -> FacePass:
    return face_pass(network, photo, faces_of(photo, detector)[0])


@pytest.fixture(scope="session")
def finished(photo: Photo, finishing: BPFRe, detector: FaceDetector) -> FacePass:
    return face_pass(finishing, photo, faces_of(photo, detector)[0])


@pytest.fixture
def subject() -> Subject:
    return Subject(photo="portrait.png", number=1, faces=1, weights="tiny")


@pytest.fixture
def folder(tmp_path: Path, portrait: np.ndarray) -> Path:
    """Two faces in one photo of a sub-folder, and a view without one."""
    root = tmp_path / "photos"
    (root / "day one").mkdir(parents=True)
    Image.fromarray(np.hstack([portrait, portrait[:, ::-1]])).save(root / "day one" / "two.png")
    Image.fromarray(portrait[-64:, :96]).save(root / "view.jpg", quality=88)
    return root


@pytest.fixture
def bare_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without downloaded weights and without network; returns its cache folder."""
    monkeypatch.setenv("BPFRE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("BPFRE_OFFLINE", "1")
    return tmp_path / "cache"
