"""What makes photos hard, in steps: light, motion, resolution, compression, a tilted head, things before the face.

Every degradation is a pure function of a picture and a severity from 0, which leaves it as it is, to 1, about the
worst that people still keep. Lengths follow the face's size, so that a severity means the same in any photo. Chance
(noise, directions, colours) depends on the seed alone, never on the severity.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import Image

from bpfre.evaluation.occluders import OCCLUDERS, Drawing, draw_over
from bpfre.faces.similarity import invert, resize_matrix, scale_of, transform
from bpfre.faces.template import FFHQ_512, TEMPLATE_SIZE

STOPS = 3.0  # of light that are lost
SHOT, READ = 7e-4, 1.5e-3  # variance of the noise per linear signal, and its deviation without signal, full scale 1
BLUR_LENGTH = 0.04  # of the motion, relative to the side of the face's crop
SMALLEST_CROP = 96.0  # px of the face's crop: a face about 55 px wide
BEST_JPEG, WORST_JPEG = 95, 8  # quality
TILT = 90.0  # degrees


@dataclass(frozen=True, eq=False)
class Degraded:
    """A picture made hard."""

    rgb: np.ndarray  # [H, W, 3] uint8
    cover: np.ndarray  # [H, W] bool: where something lies before the photo
    matrix: np.ndarray = field(default_factory=lambda: np.eye(2, 3))  # [2, 3], px of the sharp picture -> px of this


Degradation = Callable[[np.ndarray, np.ndarray, float, np.random.Generator], Degraded]


def degrade(kind: str, rgb: np.ndarray, to_template: np.ndarray, severity: float, *, seed: int = 0) -> Degraded:
    """Make a photo of a face hard.

    Args:
        kind: one of `KINDS`.
        rgb: [H, W, 3] uint8.
        to_template: [2, 3] similarity that takes px of the photo to the 512 px template, as `align` finds it.
        severity: from 0 (the photo as it is) to 1.
        seed: same seed, same result; severities of one seed go together.
    """
    if not 0 <= severity <= 1:
        raise ValueError(f"severity has to lie between 0 and 1, not {severity}")
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ValueError(f"rgb has to be [H, W, 3] uint8, not {list(rgb.shape)} {rgb.dtype}")
    if severity == 0:
        return _plain(rgb.copy())
    return KINDS[kind](rgb, to_template, severity, np.random.default_rng((seed, zlib.crc32(kind.encode()))))


def dim_light(rgb: np.ndarray, to_template: np.ndarray, severity: float, rng: np.random.Generator) -> Degraded:
    """Take light away and add a sensor's noise: of the photons, and of reading out."""
    light = _to_linear(rgb) * np.float32(2 ** (-STOPS * severity))
    noise = rng.standard_normal(rgb.shape, np.float32)
    # Sensors see one colour a pixel, so that noise spreads to neighbours; its deviation stays 1.
    spread = cv2.getGaussianKernel(5, 0.6)
    noise = cv2.sepFilter2D(noise, -1, spread, spread) / np.square(spread).sum()
    return _plain(_to_srgb(light + severity * np.sqrt(SHOT * light + READ**2) * noise))


def motion_blur(rgb: np.ndarray, to_template: np.ndarray, severity: float, rng: np.random.Generator) -> Degraded:
    """Move the camera along a line while the shutter is open."""
    angle = rng.uniform(0, np.pi)
    length = severity * BLUR_LENGTH * _crop_side(to_template)
    reach = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    along = np.linspace(-length / 2, length / 2, 8 * reach + 1)
    for dx, dy in zip(along * np.cos(angle), along * np.sin(angle), strict=True):
        x, y = int(np.floor(dx)), int(np.floor(dy))
        for column, row in ((x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)):
            kernel[reach + row, reach + column] += (1 - abs(dx - column)) * (1 - abs(dy - row))
    blurred = cv2.filter2D(_to_linear(rgb), -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101)
    return _plain(_to_srgb(blurred))


def low_resolution(rgb: np.ndarray, to_template: np.ndarray, severity: float, rng: np.random.Generator) -> Degraded:
    """Shrink the photo, in equal ratios, until the face's crop has 96 px; smaller faces stay."""
    factor = min(1.0, SMALLEST_CROP / _crop_side(to_template)) ** severity
    before = (rgb.shape[1], rgb.shape[0])
    after = (max(1, round(before[0] * factor)), max(1, round(before[1] * factor)))
    return _plain(cv2.resize(rgb, after, interpolation=cv2.INTER_AREA), resize_matrix(before, after))


def harsh_jpeg(rgb: np.ndarray, to_template: np.ndarray, severity: float, rng: np.random.Generator) -> Degraded:
    """Store the photo as JPEG with halved chroma, in equal ratios of quality from 95 to 8."""
    quality = round(BEST_JPEG * (WORST_JPEG / BEST_JPEG) ** severity)
    coded = io.BytesIO()
    Image.fromarray(rgb).save(coded, "JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(coded) as decoded:
        return _plain(np.array(decoded))


def tilt(rgb: np.ndarray, to_template: np.ndarray, severity: float, rng: np.random.Generator) -> Degraded:
    """Turn the photo around the face's middle, up to a head that lies on its side."""
    angle = TILT * severity * rng.choice((-1, 1))
    x, y = transform(invert(to_template), FFHQ_512.mean(0)[None])[0]
    matrix = cv2.getRotationMatrix2D((float(x), float(y)), float(angle), 1.0)
    size = (rgb.shape[1], rgb.shape[0])
    turned = cv2.warpAffine(rgb, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return _plain(turned, matrix)


def _occlude(draw: Drawing) -> Degradation:
    def occlude(rgb: np.ndarray, to_template: np.ndarray, severity: float, rng: np.random.Generator) -> Degraded:
        return Degraded(*draw_over(rgb, to_template, draw(severity, rng), rng))

    return occlude


KINDS: dict[str, Degradation] = {
    "dim light": dim_light,
    "motion blur": motion_blur,
    "low resolution": low_resolution,
    "harsh JPEG": harsh_jpeg,
    "tilt": tilt,
    **{name: _occlude(draw) for name, draw in OCCLUDERS.items()},
}


def _plain(rgb: np.ndarray, matrix: np.ndarray | None = None) -> Degraded:
    cover = np.zeros(rgb.shape[:2], bool)
    return Degraded(rgb, cover) if matrix is None else Degraded(rgb, cover, matrix)


def _crop_side(to_template: np.ndarray) -> float:
    return TEMPLATE_SIZE / scale_of(to_template)


def _to_linear(rgb: np.ndarray) -> np.ndarray:
    """sRGB, uint8 -> linear light, float32 in [0, 1] (IEC 61966-2-1)."""
    values = np.arange(256) / 255
    table = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return table.astype(np.float32)[rgb]


def _to_srgb(linear: np.ndarray) -> np.ndarray:
    values = np.clip(linear, 0, 1)
    encoded = np.where(values <= 0.0031308, 12.92 * values, 1.055 * values ** (1 / 2.4) - 0.055)
    return np.rint(encoded * 255).astype(np.uint8)
