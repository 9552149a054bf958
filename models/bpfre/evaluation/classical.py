"""A retoucher without learning: blobs found by differences of Gaussians, inpainted, their texture put back.

What a script with OpenCV does, for tables: it stands where a network stands in the runner.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from bpfre.blemishes import estimate_skin

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class ClassicalSettings:
    """Thresholds, chosen by `benchmarks/tune_classical.py`; lengths are px of a 512 face crop."""

    sigmas: tuple[float, ...] = (1.2, 1.8, 2.6, 3.6)  # blob sizes looked for
    surround: float = 1.6  # surround's sigma relative to the blob's
    contrast: float = 0.9  # least response, Lab units
    noise_factor: float = 3.5  # least response relative to the skin's own variation
    mole_darkness: float = 4.0  # darker than this, and ...
    mole_redness: float = 0.4  # ... less redder than this share of the darkening: a mole, which is kept
    crowded: float = 0.25  # share of a neighbourhood taken by blobs beyond which it is stubble or hair
    fine: float = 1.4  # sigma that parts texture, which stays, from tone, which is inpainted
    texture: float = 4.0  # greatest texture that is put back, relative to that of the whole crop
    grow: float = 2.5  # px added around a blob before inpainting


@dataclass(frozen=True)
class CropSize:
    """What the runner has to know of it."""

    size: int = 640  # about the size of a face in a photo of one or two megapixels: nothing is lost
    stride: int = 1
    zoom: tuple[float, float] = (1.0, 1.0)


class ClassicalRetoucher:
    """Called like the network: a batch of aligned crops in, an object with `refined` out."""

    def __init__(self, settings: ClassicalSettings | None = None) -> None:
        self.config = CropSize()
        self.settings = settings or ClassicalSettings()

    def __call__(self, x: torch.Tensor) -> SimpleNamespace:
        """[N, 3, S, S] RGB in [0, 1] -> `refined` of the same shape."""
        import torch

        crops = x.permute(0, 2, 3, 1).cpu().numpy()
        done = np.stack([retouch_classically(crop, self.settings) for crop in crops])
        return SimpleNamespace(refined=torch.from_numpy(done).permute(0, 3, 1, 2).to(x))


def retouch_classically(crop: np.ndarray, settings: ClassicalSettings) -> np.ndarray:
    """Retouch one aligned crop. [S, S, 3] float in [0, 1] -> the same, float32."""
    scale = crop.shape[0] / 512
    rgb = np.ascontiguousarray(crop, np.float32)
    spots = find_blobs(rgb, estimate_skin(rgb, scale=scale), settings, scale=scale)
    if not spots.any():
        return rgb.copy()
    sigma = settings.fine * scale
    tone = cv2.GaussianBlur(rgb, (0, 0), sigma)
    texture = rgb - tone
    hole = cv2.dilate(spots.astype(np.uint8), _disc((settings.grow + settings.fine) * scale))
    limit = settings.texture * 1.48 * np.median(np.abs(texture[hole == 0]), axis=0)
    healed = _inpaint(tone, hole, scale) + np.clip(texture, -limit, limit)
    feather = cv2.GaussianBlur(cv2.erode(hole, _disc(0.8 * scale)).astype(np.float32), (0, 0), 0.8 * scale)[..., None]
    return np.asarray(np.clip(rgb + feather * (healed - rgb), 0, 1), np.float32)


def find_blobs(rgb: np.ndarray, skin: np.ndarray, settings: ClassicalSettings, *, scale: float) -> np.ndarray:
    """Find dark or red blobs inside skin that are no moles, no lines and no stubble. -> [S, S] bool"""
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    if not skin.any():
        return np.zeros(skin.shape, bool)
    weight = skin.astype(np.float32)
    signal = lab[..., 1] - 0.6 * lab[..., 0]  # redness counts fully, darkness, which shadows have too, less
    found = np.zeros(skin.shape, bool)
    for sigma in settings.sigmas:
        inner = _blur_inside(signal, weight, sigma * scale)
        response = np.where(skin, inner - _blur_inside(signal, weight, sigma * scale * settings.surround), 0)
        values = response[skin]
        noise = 1.48 * float(np.median(np.abs(values - np.median(values))))
        core = response > max(settings.contrast, settings.noise_factor * noise)
        peak = cv2.dilate(np.where(core, response, 0).astype(np.float32), _disc(1.2 * sigma * scale))
        found |= (response > 0.35 * peak) & (peak > 0)
    area = cv2.GaussianBlur(weight, (0, 0), 16 * scale)
    crowd = cv2.GaussianBlur(found.astype(np.float32), (0, 0), 16 * scale) / np.maximum(area, 0.05)
    found &= skin & (crowd < settings.crowded)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8), connectivity=8)
    for label in range(1, count):
        x, y, width, height, size = stats[label]
        part = np.s_[y : y + height, x : x + width]
        blob = labels[part] == label
        line = max(width, height) > 3 * min(width, height) or size < 0.3 * width * height
        if size < 4 * scale**2 or line or _is_mole(lab, labels, label, (x, y, width, height), settings, scale):
            found[part][blob] = False
    return found


def _is_mole(
    lab: np.ndarray,
    labels: np.ndarray,
    label: int,
    box: tuple[int, int, int, int],
    settings: ClassicalSettings,
    scale: float,
) -> bool:
    """Much darker than its ring, but hardly redder."""
    x, y, width, height = box
    pad = max(2, round(5 * scale))
    part = np.s_[max(0, y - pad) : y + height + pad, max(0, x - pad) : x + width + pad]
    inside, ring = labels[part] == label, labels[part] == 0
    if not ring.any():
        return False
    change = lab[part][inside].mean(axis=0) - np.median(lab[part][ring], axis=0)
    return bool(change[0] < -settings.mole_darkness and change[1] < settings.mole_redness * -change[0])


def _inpaint(rgb: np.ndarray, hole: np.ndarray, scale: float) -> np.ndarray:
    """Fill the hole from around it. OpenCV takes floats one channel at a time, and goes wrong where they are small."""
    channels = (np.ascontiguousarray(channel * np.float32(255)) for channel in cv2.split(rgb))
    return np.dstack([cv2.inpaint(channel, hole, 3 * scale, cv2.INPAINT_TELEA) for channel in channels]) / 255


def _blur_inside(values: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian average of values where weight is set, so that hair and lips do not bleed into skin."""
    total = cv2.GaussianBlur(values * weight, (0, 0), sigma)
    return np.asarray(total / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3))


def _disc(radius: float) -> np.ndarray:
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
