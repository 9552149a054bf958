"""Public-domain portraits as files, networks whose effect is known, and the real detector."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from bpfre.faces import FaceDetector, open_detector
from bpfre.network import BPFRe, BPFReOutput, preset


@dataclass(frozen=True)
class Config:
    size: int = 64
    stride: int = 4
    zoom: tuple[float, float] = (1.0, 1.0)


class AddTo(nn.Module):
    """Adds a number to every sample; 0 is the identity. Records the batches it was given."""

    def __init__(self, step: float = 0.0) -> None:
        super().__init__()
        self.config = Config()
        self.step = step
        self.batches: list[tuple[int, ...]] = []
        self.before: Callable[[Tensor], object] = lambda x: None

    def forward(self, x: Tensor) -> BPFReOutput:
        self.batches.append(tuple(x.shape))
        self.before(x)
        blank = torch.zeros_like(x[:, :1])
        return BPFReOutput(x + self.step, x + self.step, blank, blank, [], [])


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("bpfre-")] == []


@pytest.fixture
def identity() -> AddTo:
    return AddTo(0.0)


@pytest.fixture
def brighter() -> AddTo:
    return AddTo(0.1)


@pytest.fixture(scope="session")
def tiny() -> BPFRe:
    torch.manual_seed(3)
    return BPFRe(preset("tiny")).eval()


@pytest.fixture(scope="session")
def detector() -> FaceDetector:
    return open_detector("mtcnn")


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """[256, 256, 3] uint8 with one face of about 110 px."""
    data = pytest.importorskip("skimage.data", reason="scikit-image brings the test portrait")
    return np.ascontiguousarray(data.astronaut()[:256, 96:352, :3])


@pytest.fixture(scope="session")
def scenery(portrait: np.ndarray) -> np.ndarray:
    """[64, 96, 3] uint8 without a face."""
    return np.ascontiguousarray(portrait[-64:, :96])


@pytest.fixture
def photos(tmp_path: Path, portrait: np.ndarray) -> Callable[[int], Path]:
    """Make a folder of that many portraits, all different, as PNG."""

    def make(count: int) -> Path:
        folder = tmp_path / "photos"
        folder.mkdir()
        for index in range(count):
            shade = np.clip(portrait.astype(int) + index - count // 2, 0, 255).astype(np.uint8)
            Image.fromarray(shade).save(folder / f"{index:02}.png")
        return folder

    return make
