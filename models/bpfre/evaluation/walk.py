"""A short film that walks through the two stages on one face."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from bpfre.errors import UsageError
from bpfre.evaluation.attention import FacePass
from bpfre.evaluation.canvas import caption
from bpfre.evaluation.pictures import fit, heat
from bpfre.evaluation.sheets import Subject, panel_side
from bpfre.evaluation.stage_words import words_for
from bpfre.photos import to_bytes

FRAMES_A_SECOND = 12
_HOLD, _FADE = 18, 6  # frames that a picture stays, and that it takes to become the next
_MOST_SIDE = 512  # px
_BLOCK = 16  # px; video encoders take whole blocks
_NOTE_LINES = 2


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of the film."""

    pixels: np.ndarray  # [H, W, 3] uint8 RGB, H and W multiples of 16
    count: int  # for how many frames it stays


def walk(seen: FacePass, subject: Subject) -> list[Frame]:
    """Return the film: input, map E2D on it, coarse, map D2G on it, refined, and back to the input."""
    side = min(panel_side(seen.size), _MOST_SIDE) // _BLOCK * _BLOCK
    name = f"{subject.photo}, face {subject.number} of {subject.faces}"
    words = words_for(apart=seen.apart)
    last = "Second stage: the result." if seen.unfinished is None else "Second stage, then finished: the result."
    views = (
        ("1. Input", f"{name}.", seen.crop.pixels),
        (
            "2. Map E2D",
            f"First stage: {words.sought_first.lower()}, the brighter the surer.",
            overlay(seen.crop.pixels, seen.map_e2d),
        ),
        ("3. Coarse", "First stage: what was marked is repaired.", seen.coarse),
        ("4. Map D2G", "Second stage: where it is to work, the brighter the more.", overlay(seen.coarse, seen.map_d2g)),
        ("5. Refined", last, seen.refined),
    )
    stills = [_still(title, note, fit(to_bytes(pixels), side)) for title, note, pixels in views]
    frames: list[Frame] = []
    for still, following in zip(stills, [*stills[1:], stills[0]], strict=True):
        frames.append(Frame(still, _HOLD))
        for step in range(1, _FADE):
            mixed = cv2.addWeighted(still, 1 - step / _FADE, following, step / _FADE, 0)
            mixed[side:] = following[side:]  # words do not fade into each other
            frames.append(Frame(mixed, 1))
    return frames


def overlay(pixels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Lay a map over a darkened grey picture, the more opaque the higher. -> [S, S, 3] float32 in [0, 1]

    Args:
        pixels: [S, S, 3] float RGB, about [0, 1].
        values: [S, S] in [0, 1].
    """
    grey = 0.6 * cv2.cvtColor(np.clip(pixels, 0, 1).astype(np.float32), cv2.COLOR_RGB2GRAY)[..., None]
    share = np.sqrt(values)[..., None]  # so that faint marks are seen
    return (1 - share) * grey + share * (heat(values).astype(np.float32) / 255)


def gif(frames: list[Frame]) -> bytes:
    """Encode a film that repeats for ever as GIF."""
    import imageio.v3 as imageio

    milliseconds = [round(1000 / FRAMES_A_SECOND) * frame.count for frame in frames]
    pixels = [frame.pixels for frame in frames]
    return bytes(imageio.imwrite("<bytes>", pixels, extension=".gif", duration=milliseconds, loop=0))


def mp4(frames: list[Frame]) -> bytes:
    """Encode a film as MP4 (H.264).

    Raises:
        UsageError: the encoder is not installed.
    """
    check_mp4()
    import imageio.v3 as imageio

    pixels = np.repeat([frame.pixels for frame in frames], [frame.count for frame in frames], axis=0)
    return bytes(imageio.imwrite("<bytes>", pixels, extension=".mp4", plugin="FFMPEG", fps=FRAMES_A_SECOND, quality=8))


def check_mp4() -> None:
    """Make sure that films can be encoded as MP4.

    Raises:
        UsageError: the encoder is not installed.
    """
    try:
        import imageio_ffmpeg  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "The encoder for MP4 is not installed.", 'Run pip install "bpfre[mp4]", or choose --gif.'
        ) from error


def _still(title: str, note: str, picture: np.ndarray) -> np.ndarray:
    """A picture over its words, the height filled up to whole blocks with white."""
    side = len(picture)
    words = caption(side, title, note, lines=_NOTE_LINES)[:, :side]
    height = -(-(side + len(words)) // _BLOCK) * _BLOCK
    still = np.full((height, side, 3), 255, np.uint8)
    still[:side] = picture
    still[side : side + len(words)] = words
    return still
