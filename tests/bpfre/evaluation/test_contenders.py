"""Retouchers go through the runner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bpfre.errors import PhotoError
from bpfre.evaluation.contenders import RememberingDetector, retouch_pictures
from bpfre.faces import Face
from bpfre.faces.template import FFHQ_512
from bpfre.network import BPFRe, BPFReOutput, CoarseOnly, preset


@dataclass(frozen=True)
class Config:
    size: int = 64
    stride: int = 4
    zoom: tuple[float, float] = (1.0, 1.0)


class Brighter(nn.Module):
    config = Config()

    def forward(self, x: Tensor, position: Tensor | None = None) -> BPFReOutput:
        blank = torch.zeros_like(x[:, :1])
        return BPFReOutput(x + 0.05, x + 0.2, blank, blank, [], [])

    def finish(self, x: Tensor, image: Tensor, position: Tensor | None = None) -> Tensor:
        return image


class OneFace:
    """Finds one face of known place in every picture, and counts how often it was asked."""

    name = "one face"

    def __init__(self) -> None:
        self.asked = 0

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        self.asked += len(images)
        landmarks = (FFHQ_512 / 4).astype(np.float32)
        return [[Face(np.array([20, 20, 110, 120], np.float32), landmarks, 1.0)] for _ in images]


@pytest.fixture
def pictures() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {name: rng.integers(60, 180, (128, 128, 3), np.uint8) for name in ("b/1.jpg", "a/2.jpg")}


def test_each_picture_comes_back_retouched_under_its_name(pictures: dict[str, np.ndarray]) -> None:
    done = retouch_pictures(pictures, Brighter().eval(), OneFace())
    assert list(done) == list(pictures)
    for name, pixels in pictures.items():
        change = done[name].astype(int) - pixels
        assert change[50:80, 50:80].mean() == pytest.approx(51, abs=1) and np.abs(change[0]).max() <= 1


def test_the_coarse_stage_alone(pictures: dict[str, np.ndarray]) -> None:
    done = retouch_pictures(pictures, CoarseOnly(Brighter()).eval(), OneFace())  # type: ignore[arg-type]
    change = done["b/1.jpg"].astype(int) - pictures["b/1.jpg"]
    assert change[50:80, 50:80].mean() == pytest.approx(13, abs=1)


def test_the_coarse_stage_of_a_real_network_is_its_coarse_output() -> None:
    torch.manual_seed(0)
    network = BPFRe(preset("tiny")).eval()
    x = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(CoarseOnly(network)(x).refined, network(x).coarse)


def test_a_picture_is_searched_once(pictures: dict[str, np.ndarray]) -> None:
    inner = OneFace()
    detector = RememberingDetector(inner)
    first, again = (detector.detect(list(pictures.values())) for _ in range(2))
    assert inner.asked == 2 and [f[0] for f in first] == [f[0] for f in again]
    changed = pictures["b/1.jpg"].copy()
    changed[0, 0] += 1
    detector.detect([changed])
    assert inner.asked == 3


def test_a_picture_that_fails_is_named(pictures: dict[str, np.ndarray]) -> None:
    class Failing:
        name = "failing"

        def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
            raise RuntimeError("no detector")

    with pytest.raises(PhotoError, match=r"[ab]/\d\.jpg could not be retouched"):
        retouch_pictures(pictures, Brighter().eval(), Failing())
