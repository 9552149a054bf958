"""Synthetic faces, short runs and a portrait with known landmarks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from bpfre.faces import Face
from bpfre.training.config import TrainConfig
from bpfre.training.data import FaceSource, Kind, LoadedFace, TrainingFace, crop_side


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)  # more threads than idle cores would wait for each other


def _skin_picture(seed: int, side: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    relief = cv2.GaussianBlur(rng.normal(size=(side, side)).astype(np.float32), (0, 0), 1.5)
    shade = cv2.GaussianBlur(rng.normal(size=(side, side)).astype(np.float32), (0, 0), side / 10)
    light = np.exp(0.03 * relief / relief.std() + 0.1 * shade / shade.std())
    return np.rint(np.clip(np.array([0.8, 0.62, 0.52]) * light[..., None], 0, 1) * 255).astype(np.uint8)


@pytest.fixture(scope="session")
def make_face() -> Callable[..., LoadedFace]:
    """A face of plain skin in memory; `spots` darkens a grid of discs in `raw` alone."""

    def make(
        seed: int = 0,
        *,
        kind: Kind = "raw",
        spots: bool = False,
        sharp: bool = True,
        skin: bool = True,
        side: int = crop_side(64),
    ) -> LoadedFace:
        target = _skin_picture(seed, side)
        raw = target.copy()
        if spots:
            for x in range(side // 6, side, side // 6):
                for y in range(side // 6, side, side // 6):
                    cv2.circle(raw, (x, y), max(1, side // 60), (150, 70, 60), -1, cv2.LINE_AA)
        oval = np.zeros((side, side), np.uint8)
        if skin:
            axes = (round(0.28 * side), round(0.36 * side))
            cv2.ellipse(oval, (side // 2, side // 2), axes, 0, 0, 360, 1, -1)
        return LoadedFace(TrainingFace(raw, target, oval.astype(bool), kind=kind, sharp=sharp), f"{seed}.png")

    return make


@pytest.fixture(scope="session")
def faces(make_face: Callable[..., LoadedFace]) -> list[FaceSource]:
    """Faces for crops of 64 px: a clean one, one with spots, a pair, a soft one."""
    return [
        make_face(0),
        make_face(1, spots=True),
        make_face(2, spots=True, kind="pair"),
        make_face(3, sharp=False),
    ]


@pytest.fixture(scope="session")
def short() -> TrainConfig:
    """Six steps of the tiny network, the last two on whole crops; measuring pairs would take most of the time."""
    return TrainConfig(
        preset="tiny",
        size=64,
        steps=6,
        batch_size=2,
        window=32,
        whole=1 / 3,
        warmup=2,
        density=150.0,
        phi="none",
        matched=False,
        checkpoint_every=3,
        sample_every=4,
    )


@pytest.fixture
def plain(short: TrainConfig) -> TrainConfig:
    """No marks at all."""
    return dataclasses.replace(short, density=0.0, keep_density=0.0)


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """[512, 512, 3] uint8: a public-domain portrait with one face of about 110 px."""
    data = pytest.importorskip("skimage.data", reason="scikit-image brings the test portrait")
    return np.ascontiguousarray(data.astronaut()[..., :3])


class KnownFace:
    """A detector that knows the portrait's face at any enlargement, and counts its calls."""

    name = "known"
    LANDMARKS = ((204.1, 100.1), (246.8, 102.7), (224.5, 128.8), (201.5, 139.0), (244.8, 141.5))
    BOX = (178.6, 58.8, 267.8, 171.4)

    def __init__(self) -> None:
        self.calls = 0

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        self.calls += 1
        return [self._faces(image) for image in images]

    def _faces(self, image: np.ndarray) -> list[Face]:
        if image.std() < 5:  # plain pictures hold no face
            return []
        zoom = image.shape[0] / 512
        box, landmarks = np.array(self.BOX) * zoom, np.array(self.LANDMARKS) * zoom
        return [Face(box=box.astype(np.float32), landmarks=landmarks.astype(np.float32), score=1.0)]


class NeverCalled:
    """A detector for what needs none."""

    name = "never"

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        raise AssertionError("no face was to be looked for")


@pytest.fixture
def known_face() -> KnownFace:
    return KnownFace()


@pytest.fixture
def never_called() -> NeverCalled:
    return NeverCalled()


@pytest.fixture(scope="session")
def write_picture() -> Callable[[Path, np.ndarray], Path]:
    def write(path: Path, rgb: np.ndarray) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), np.ascontiguousarray(rgb[..., ::-1]))
        return path

    return write
