"""Films walk through the two stages."""

from __future__ import annotations

import sys
from itertools import pairwise

import imageio.v3 as imageio
import numpy as np
import pytest

from bpfre.errors import UsageError
from bpfre.evaluation import FacePass, gif, mp4, walk
from bpfre.evaluation.pictures import fit
from bpfre.evaluation.walk import Frame, overlay
from bpfre.photos import to_bytes


@pytest.fixture
def film(seen: FacePass, subject) -> list[Frame]:
    return walk(seen, subject)


def test_the_five_pictures_come_in_order(film: list[Frame], seen: FacePass) -> None:
    stills = [frame.pixels for frame in film if frame.count > 1]
    side = stills[0].shape[1]
    expected = (
        seen.crop.pixels,
        overlay(seen.crop.pixels, seen.map_e2d),
        seen.coarse,
        overlay(seen.coarse, seen.map_d2g),
        seen.refined,
    )
    for still, pixels in zip(stills, expected, strict=True):
        assert np.array_equal(still[:side], fit(to_bytes(pixels), side))
    words = [still[side:] for still in stills]
    assert all(not np.array_equal(a, b) for a, b in pairwise(words))
    assert {frame.pixels.shape for frame in film} == {stills[0].shape}
    assert all(length % 16 == 0 for length in stills[0].shape[:2])


def test_films_say_where_the_result_is_finished(seen: FacePass, finished: FacePass, subject, monkeypatch) -> None:
    module = sys.modules["bpfre.evaluation.walk"]
    notes: list[str] = []
    whole = module.caption

    def spy(width: int, title: str, note: str, *, lines: int) -> np.ndarray:
        notes.append(note)
        return whole(width, title, note, lines=lines)

    monkeypatch.setattr(module, "caption", spy)
    walk(seen, subject)
    walk(finished, subject)
    assert notes[4::5] == ["Second stage: the result.", "Second stage, then finished: the result."]


def test_overlay_leaves_clear_places_grey_and_shows_blemishes_in_the_maps_colour() -> None:
    pixels = np.full((2, 2, 3), (0.9, 0.5, 0.4), np.float32)
    shown = overlay(pixels, np.array([[0.0, 1.0], [0.0, 0.0]], np.float32))
    assert np.ptp(shown[1, 0]) < 1e-6 and shown[1, 0, 0] < 0.5
    assert shown[0, 1] == pytest.approx(np.array([253, 231, 37]) / 255, abs=0.01)  # the end of viridis


def test_gif_repeats_for_ever_and_keeps_its_pace(film: list[Frame]) -> None:
    data = gif(film)
    read = imageio.imread(data, extension=".gif")
    assert len(read) == len(film) and read.shape[1:] == film[0].pixels.shape
    assert imageio.immeta(data, extension=".gif")["loop"] == 0
    assert np.abs(read[0].astype(int) - film[0].pixels).mean() < 4
    from io import BytesIO

    from PIL import Image

    with Image.open(BytesIO(data)) as image:
        shown = image.info["duration"]
    assert abs(shown - 1000 * film[0].count / 12) < 20


def test_mp4_has_every_frame(film: list[Frame]) -> None:
    pytest.importorskip("imageio_ffmpeg", reason="the extra mp4 is not installed")
    data = mp4(film)
    read = imageio.imread(data, extension=".mp4", plugin="FFMPEG")
    assert len(read) == sum(frame.count for frame in film) and read.shape[1:] == film[0].pixels.shape
    assert np.abs(read[0].astype(int) - film[0].pixels).mean() < 6
    assert np.abs(read[film[0].count + 8].astype(int) - read[0]).mean() > 10


def test_a_missing_encoder_is_a_sentence(film: list[Frame], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(UsageError, match=r"encoder for MP4 is not installed.*bpfre\[mp4\]"):
        mp4(film)
