"""Training windows: a random view of a face, with blemishes and with marks to keep, raw and target alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from bpfre.blemishes import draw_marks, place_marks
from bpfre.network import preset
from bpfre.training.config import TrainConfig
from bpfre.training.faces import CROP, SCALE, TrainingFace

SHARP_SHARE = 0.8  # of windows; small and soft faces only teach what to leave alone


@dataclass(frozen=True)
class Batch:
    """Windows of one step."""

    raw: Tensor  # [N, 3, H, W] in [0, 1]
    target: Tensor  # [N, 3, H, W] in [0, 1]
    position: Tensor  # [N, 2, H, W] in about [-1, 1]


class WindowDataset(Dataset[Batch]):
    """One batch a step, decided by seed and step alone: a resumed run sees what an unbroken one would have.

    Args:
        faces: what to draw from; sharp ones are drawn most of the time, whatever their number.
        config: the run.
    """

    def __init__(self, faces: Sequence[TrainingFace], config: TrainConfig) -> None:
        self.sharp = [face for face in faces if face.sharp]
        self.soft = [face for face in faces if not face.sharp]
        self.config = config
        self.size = preset(config.preset).size

    def __len__(self) -> int:
        return self.config.steps

    def __getitem__(self, step: int) -> Batch:
        config = self.config
        whole = step >= config.steps * (1 - config.whole)
        side = self.size if whole else config.window
        count = max(1, round(config.batch_size * (config.window / side) ** 2))
        progress = min(1.0, 2 * step / config.steps)
        density = config.density * (config.dense_factor + (1 - config.dense_factor) * progress)
        windows = []
        for i in range(count):
            rng = np.random.default_rng((config.seed, step, i))
            from_sharp = self.sharp and (not self.soft or rng.uniform() < SHARP_SHARE)
            faces = self.sharp if from_sharp else self.soft
            face = faces[rng.integers(len(faces))]
            windows.append(make_window(face, rng, side=side, whole=whole, density=density, config=config))
        raw, target, position = (torch.from_numpy(np.stack(arrays)) for arrays in zip(*windows, strict=True))
        return Batch(*(t.permute(0, 3, 1, 2).contiguous() for t in (raw, target, position)))


def make_window(
    face: TrainingFace, rng: np.random.Generator, *, side: int, whole: bool, density: float, config: TrainConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw one window.

    Returns:
        raw and target [side, side, 3] float32 in [0, 1], and position [side, side, 2] float32.
    """
    base = 512 / CROP if side <= 512 else side / CROP
    zoom = base * (rng.uniform(0.97, 1.06) if whole else np.exp(rng.uniform(np.log(0.8), np.log(1.25))))
    centre = _centre(face.skin, rng, whole)
    flip = rng.uniform() < 0.5
    matrix = _window_matrix(centre, zoom, rng.normal(0, 4 if whole else 7), side, flip)
    clean, skin = _warp(face.target, matrix, side), _warp(face.skin.astype(np.float32), matrix, side)
    # Real spots are the best blemishes there are: most windows keep those of the photo in their input.
    spotted = _warp(face.raw, matrix, side) if face.paired or rng.uniform() < 0.75 else clean
    scale = zoom * SCALE
    if not face.paired or rng.uniform() < 0.5:
        kept = place_marks(skin, rng, density=config.keep_density, keep=True, scale=scale)
        contrast = float(np.exp(rng.uniform(np.log(0.45), np.log(1.4))))
        drawn = (
            []
            if rng.uniform() < 0.1
            else place_marks(skin, rng, density=density, keep=False, scale=scale, contrast=contrast)
        )
        same = spotted is clean
        clean = draw_marks(clean, kept)
        spotted = draw_marks(clean if same else draw_marks(spotted, kept), drawn)
    spotted, clean = _recolour([spotted, clean], skin, rng)
    return spotted, clean, _position(matrix, side, flip)


def _centre(skin: np.ndarray, rng: np.random.Generator, whole: bool) -> np.ndarray:
    if whole:
        return np.full(2, CROP / 2) + rng.normal(0, 6, 2)
    rows, columns = np.nonzero(skin)
    if len(rows) and rng.uniform() < 0.7:
        at = rng.integers(len(rows))
        return np.array([columns[at], rows[at]], float)
    return rng.uniform(0.08 * CROP, 0.92 * CROP, 2)


def _window_matrix(centre: np.ndarray, zoom: float, degrees: float, side: int, flip: bool) -> np.ndarray:
    """Similarity (mirrored where `flip`) that takes a stored crop's px to window px. -> [2, 3]"""
    c, s = zoom * np.cos(np.radians(degrees)), zoom * np.sin(np.radians(degrees))
    linear = np.array([[c, -s], [s, c]])
    if flip:
        linear = np.diag([-1.0, 1.0]) @ linear
    return np.c_[linear, (side - 1) / 2 - linear @ centre]


def _warp(image: np.ndarray, matrix: np.ndarray, side: int) -> np.ndarray:
    out = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return out.astype(np.float32) / 255 if out.dtype == np.uint8 else np.clip(out, 0, 1)


def _position(matrix: np.ndarray, side: int, flip: bool) -> np.ndarray:
    """Place of each window pixel in the crop; a mirrored face has a mirrored place."""
    inverse = cv2.invertAffineTransform(matrix)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    place = np.stack([x, y], -1) @ inverse[:, :2].T + inverse[:, 2]
    place = (place + 0.5) * (2 / CROP) - 1
    if flip:
        place[..., 0] *= -1
    return place.astype(np.float32)


def _recolour(images: list[np.ndarray], skin: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Vary exposure, white balance and saturation; now and then the colours of all that is not skin; blur; grain."""
    gain = np.exp(rng.normal(0, 0.12) + rng.normal(0, 0.04, 3)).astype(np.float32)
    gamma = float(np.exp(rng.normal(0, 0.12)))
    saturation = np.float32(rng.uniform(0.6, 1.3))
    away = 1 - cv2.GaussianBlur(skin, (0, 0), 4)[..., None] if rng.uniform() < 0.2 else None
    turn = _hue_matrix(rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 2.2))
    sigma = rng.uniform(0.4, 1.0) if rng.uniform() < 0.2 else 0.0
    grain = rng.normal(0, rng.uniform(0, 0.012), (*images[0].shape[:2], 1)).astype(np.float32)
    grain = grain * np.float32(rng.uniform() < 0.4)
    out = []
    for image in images:
        if away is not None:
            image = image * (1 - away) + np.clip(image @ turn.T, 0, 1) * away
        grey = image.mean(axis=2, keepdims=True)
        image = np.clip(grey + (image - grey) * saturation, 0, 1)
        image = np.clip(np.power(image, gamma) * gain, 0, 1)
        if sigma:
            image = cv2.GaussianBlur(image, (0, 0), sigma)
        out.append(np.clip(image + grain, 0, 1).astype(np.float32))
    return out


def _hue_matrix(angle: float, saturation: float) -> np.ndarray:
    """Rotate colours about the grey axis by `angle` rad and scale their distance from it. -> [3, 3]"""
    axis = np.full(3, 3**-0.5)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) * 3**-0.5
    along = np.outer(axis, axis)
    turned = np.cos(angle) * (np.eye(3) - along) + np.sin(angle) * cross
    return (along + saturation * turned).astype(np.float32)
