"""The size limit: what it refuses, that it can be raised, and when it asks for room."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bpfre.errors import UnsupportedPhotoError
from bpfre.photos import read_photo


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
def test_the_limit_names_itself_the_size_and_the_way_out(name: str, samples, save) -> None:
    path = save(name, samples("RGB", height=100, width=200), "RGB")
    with pytest.raises(UnsupportedPhotoError) as caught:
        read_photo(path, max_megapixels=0.019)
    assert caught.value.message == (
        f"{name} has 200 x 100 pixels, which is 0.02 megapixels and more than the limit of 0.019."
    )
    assert "--max-megapixels" in caught.value.next_step
    assert read_photo(path, max_megapixels=0.02).rgb.shape == (100, 200, 3)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
def test_room_is_asked_for_once_and_before_pixels_are_decoded(name: str, samples, save) -> None:
    path = save(name, samples("RGB", height=100, width=200), "RGB")
    asked: list[int] = []
    read_photo(path, admit=asked.append)
    assert asked == [20000]

    class NoRoomError(BaseException):
        pass

    def refuse(pixels: int) -> None:
        raise NoRoomError

    with pytest.raises(NoRoomError):
        read_photo(path, admit=refuse)


def test_one_read_leaves_nothing_to_the_next(samples, save) -> None:
    path: Path = save("a.png", samples("RGB", np.uint16), "RGB")
    with pytest.raises(UnsupportedPhotoError):
        read_photo(path, max_megapixels=0.001)
    assert read_photo(path).rgb.shape == (37, 52, 3)
