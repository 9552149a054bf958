"""Things that lie before a face: a hand, glasses, hair, a mask. Drawn as shapes, shaded, with the photo's grain.

Shapes stand in the 512 px face template; with severity they cover more of the face.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from bpfre.faces.similarity import invert, scale_of, transform
from bpfre.faces.template import FFHQ_512, TEMPLATE_SIZE

CHEEKS = np.array([(175, 315), (338, 315)])  # where the face shows its own colour
SHADOW, SHADOW_REACH = 0.3, 7.0  # share of light that a thing takes from what is beside it, and how far [template px]
SOFTNESS = 0.8  # sigma of a thing's outline, template px
STRANDS = 10  # in a lock of hair
COVERED = 0.1  # opacity from which a pixel counts as covered
_SUBPIXEL = 4  # binary digits of fractions in OpenCV's coordinates

Colour = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Shape:
    """One part of a thing, in px of the template."""

    points: np.ndarray  # [K, 2]
    colour: Colour | Literal["skin"]  # RGB in [0, 1], or a factor on the person's own skin
    opacity: float = 1.0
    width: float | None = None  # of a line along the points; None fills the polygon
    brightness: float = 1.0
    round_edge: float = 0.0  # how far from the outline it darkens, as round things do, template px


Drawing = Callable[[float, np.random.Generator], list[Shape]]


def hand(severity: float, rng: np.random.Generator) -> list[Shape]:
    """A hand of the person's own colour that comes over the cheek from one side, at last onto nose and mouth."""
    side = rng.choice((-1, 1))
    palm = np.array([475 - 195 * severity, 505 - 105 * severity])
    heading = -2.0
    along, across = np.array([np.cos(heading), np.sin(heading)]), np.array([-np.sin(heading), np.cos(heading)])
    elbow = palm - 420 * along
    shapes = [
        Shape(_capsule(elbow, palm - 60 * along, 50), "skin", brightness=0.86, round_edge=40),
        Shape(_rounded(palm, 66, 72, heading + np.pi / 2), "skin", brightness=0.9, round_edge=26),
    ]
    for offset, length, spread in ((-51, 92, 0.14), (-17, 122, 0.04), (17, 128, -0.04), (51, 106, -0.14)):
        pointing = np.array([np.cos(heading - spread), np.sin(heading - spread)])
        base = palm + 45 * along + offset * across
        tip = base + length * pointing
        shapes.append(Shape(_capsule(base, tip, 17), "skin", brightness=0.95, round_edge=13))
        nail = _rounded(tip + 3 * pointing, 8, 11, heading - spread + np.pi / 2)
        shapes.append(Shape(nail, "skin", 0.6, brightness=1.15, round_edge=3))
    return [_mirror(shape) for shape in shapes] if side < 0 else shapes


def glasses(severity: float, rng: np.random.Generator) -> list[Shape]:
    """Glasses: thin and clear at first, at last large and dark."""
    frame: Colour = ((0.08, 0.07, 0.07), (0.25, 0.13, 0.07), (0.45, 0.42, 0.38))[rng.integers(3)]
    tint = 0.85 * max(0.0, (severity - 0.3) / 0.7)
    wide, high, line = 46 + 16 * severity, 32 + 16 * severity, 3 + 7 * severity
    lenses = [_rounded(eye + np.array((0, 8)), wide, high) for eye in FFHQ_512[:2]]
    shapes = [Shape(lens, (0.06, 0.06, 0.07), tint) for lens in lenses if tint > 0]
    for lens in lenses:
        x, y = lens.mean(0)
        streak = np.array([(x - 0.5 * wide, y + 0.3 * high), (x - 0.1 * wide, y - 0.6 * high)])
        shapes.append(Shape(streak, (0.95, 0.97, 1.0), 0.25, width=5 + 4 * severity))
        shapes.append(Shape(np.vstack([lens, lens[:1]]), frame, width=line))
    left, right = (lens.mean(0) for lens in lenses)
    shapes.append(Shape(np.array([(left[0] + wide, left[1] - 6), (right[0] - wide, right[1] - 6)]), frame, width=line))
    for centre, out in ((left, -1), (right, 1)):
        hinge = (centre[0] + out * wide, centre[1] - 0.3 * high)
        shapes.append(Shape(np.array([hinge, (256 + out * 160, hinge[1] - 6)]), frame, width=line))
    return shapes


def hair(severity: float, rng: np.random.Generator) -> list[Shape]:
    """Strands of hair that fall over the forehead, then over the cheeks, more and longer."""
    base = np.array(((0.09, 0.07, 0.06), (0.28, 0.18, 0.11), (0.5, 0.4, 0.26))[rng.integers(3)])
    locks = 26
    shapes = []
    for lock in rng.uniform(120, 392, locks):
        root = 60 + 50 * ((lock - 256) / 136) ** 2  # along the hairline
        lean, length, bend = rng.uniform(-60, 60), rng.uniform(180, 420), rng.uniform(-40, 40)
        for start, light, width, share in zip(
            rng.normal(0, 6, STRANDS),
            rng.uniform(0.7, 1.5, STRANDS),
            rng.uniform(0.5, 1.5, STRANDS),
            rng.uniform(0.75, 1.0, STRANDS),
            strict=True,
        ):
            t = np.linspace(0, share * (0.35 + 0.65 * severity), 24)
            x = lock + start + lean * t + bend * np.sin(np.pi * t) - 0.7 * start * t
            strand = np.column_stack([x, root + length * t])
            shapes.append(Shape(strand, _colour(base * light), 0.9, width=width))
    # The first locks are there from the start: more severe is more hair and never other hair.
    return shapes[: STRANDS * max(1, round(locks * severity))]


def mask(severity: float, rng: np.random.Generator) -> list[Shape]:
    """A mask, worn on the chin at first, at last up to the bridge of the nose."""
    cloth = np.array(((0.62, 0.76, 0.86), (0.92, 0.92, 0.9), (0.12, 0.12, 0.14))[rng.integers(3)])
    top, bottom = 470 - 190 * severity, 520.0
    across = np.linspace(-1, 1, 21)
    upper = np.column_stack([256 + 140 * across, top + 26 * across**2 + 8 * severity * np.cos(np.pi * across)])
    lower = np.column_stack([256 + 118 * across[::-1], bottom - 60 * across**4])
    shapes = [
        Shape(np.array([upper[0], (112, 300)]), _colour(0.95 * cloth), width=3.5),
        Shape(np.array([upper[-1], (400, 300)]), _colour(0.95 * cloth), width=3.5),
        Shape(np.vstack([upper, lower]), _colour(cloth), round_edge=26),
    ]
    pleats = (top + share * (bottom - top) for share in (0.3, 0.5, 0.7))
    for y in pleats:
        fold = np.column_stack([256 + 108 * across, y + 12 * across**2])
        shapes.append(Shape(fold, _colour(0.72 * cloth), 0.6, width=3.0))
    shapes.append(Shape(upper, _colour(0.85 * cloth), 0.8, width=4.0))
    return shapes


OCCLUDERS: dict[str, Drawing] = {"hand": hand, "glasses": glasses, "hair": hair, "mask": mask}


def draw_over(
    rgb: np.ndarray, to_template: np.ndarray, shapes: Sequence[Shape], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw shapes over a photo, with their shadow beside them.

    Args:
        rgb: [H, W, 3] uint8.
        to_template: [2, 3] similarity, px of the photo -> px of the template.
        shapes: from back to front.
        rng: of the grain.
    Returns:
        [H, W, 3] uint8, and [H, W] bool, what the shapes hide or tint.
    """
    back, scale = invert(to_template), 1 / scale_of(to_template)
    photo = rgb.astype(np.float32) / 255
    skin, grain = _cheeks(photo, to_template)
    picture = photo.copy()
    opacity = np.zeros(rgb.shape[:2], np.float32)
    for shape in shapes:
        window, alpha = _raster(shape, back, scale, rgb.shape[:2])
        colour = (skin if isinstance(shape.colour, str) else np.array(shape.colour, np.float32)) * shape.brightness
        paint = _shade(alpha, shape.round_edge * scale)[..., None] * colour
        alpha = cv2.GaussianBlur(alpha, (0, 0), SOFTNESS * scale) * np.float32(shape.opacity)
        picture[window] += alpha[..., None] * (paint - picture[window])
        opacity[window] += alpha * (1 - opacity[window])
    cover = opacity >= COVERED
    shadow = SHADOW * cv2.GaussianBlur(opacity, (0, 0), SHADOW_REACH * scale) * (1 - opacity)
    noise = opacity[..., None] * grain * rng.standard_normal((*rgb.shape[:2], 1), np.float32)
    # What was not drawn on keeps its bytes but for the shadow.
    done = np.where(opacity[..., None] > 0, picture + noise, photo) * (1 - shadow[..., None])
    return np.rint(np.clip(done, 0, 1) * 255).astype(np.uint8), cover


def _cheeks(photo: np.ndarray, to_template: np.ndarray) -> tuple[np.ndarray, float]:
    """Colour ([3]) and grain (deviation of luma at the finest scale) of the person's cheeks."""
    crop = cv2.warpAffine(
        photo, to_template, (TEMPLATE_SIZE, TEMPLATE_SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    patches = [crop[y - 20 : y + 20, x - 20 : x + 20] for x, y in CHEEKS]
    fine = [patch.mean(2) - cv2.GaussianBlur(patch, (0, 0), 1.5).mean(2) for patch in patches]
    pixels = np.concatenate([patch.reshape(-1, 3) for patch in patches])
    return np.median(pixels, axis=0).astype(np.float32), float(np.median([np.std(part) for part in fine]))


def _raster(
    shape: Shape, back: np.ndarray, scale: float, size: tuple[int, ...]
) -> tuple[tuple[slice, slice], np.ndarray]:
    """Draw one shape with smooth edges. -> the part of the photo around it, [h, w] float32 in [0, 1]"""
    points = transform(back, shape.points)
    margin = (4 * SOFTNESS + (shape.width or 0)) * scale + 2
    low = np.clip(np.floor(points.min(0) - margin), 0, (size[1] - 1, size[0] - 1)).astype(int)
    high = np.clip(np.ceil(points.max(0) + margin) + 1, low + 1, (size[1], size[0])).astype(int)
    window = np.s_[low[1] : high[1], low[0] : high[0]]
    drawn = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    fixed = np.rint((points - low) * 2**_SUBPIXEL).astype(np.int32)
    if shape.width is None:
        cv2.fillPoly(drawn, [fixed], 255, cv2.LINE_AA, _SUBPIXEL)
    else:
        width = shape.width * scale
        strength = round(255 * min(1.0, width))  # lines thinner than a pixel are paler
        cv2.polylines(drawn, [fixed], False, strength, max(1, round(width)), cv2.LINE_AA, _SUBPIXEL)
    return window, drawn.astype(np.float32) / 255


def _shade(alpha: np.ndarray, edge: float) -> np.ndarray:
    """Brightness of a thing that is round at its outline. -> [H, W] float32"""
    if edge <= 0:
        return np.ones_like(alpha)
    inside = cv2.distanceTransform((alpha > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(0.62 + 0.38 * np.sin(np.clip(inside / edge, 0, 1) * np.pi / 2), np.float32)


def _capsule(base: np.ndarray, tip: np.ndarray, radius: float) -> np.ndarray:
    heading = np.arctan2(*(tip - base)[::-1])
    around = heading + np.linspace(-np.pi / 2, np.pi / 2, 20)
    ends = ((tip, around), (base, around + np.pi))
    return np.vstack([end + radius * np.column_stack([np.cos(turn), np.sin(turn)]) for end, turn in ends])


def _rounded(centre: np.ndarray, wide: float, high: float, angle: float = 0.0) -> np.ndarray:
    """A rectangle with round corners (a superellipse) of half axes `wide` and `high`, turned by `angle`."""
    turn = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    x, y = (half * np.sign(f) * np.abs(f) ** 0.6 for half, f in ((wide, np.cos(turn)), (high, np.sin(turn))))
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(centre + np.column_stack([x * cos - y * sin, x * sin + y * cos]))


def _mirror(shape: Shape) -> Shape:
    points = shape.points * (-1, 1) + (TEMPLATE_SIZE - 1, 0)
    return Shape(points, shape.colour, shape.opacity, shape.width, shape.brightness, shape.round_edge)


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = (float(v) for v in np.clip(values, 0, 1))
    return red, green, blue
