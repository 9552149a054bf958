"""Colour: conversions in closed form, edits that go back where they came from."""

from __future__ import annotations

import numpy as np
import pytest

from bpfre.photos.colour import to_rgb, with_rgb

DEPTHS = [np.uint8, np.uint16]


@pytest.mark.parametrize("depth", DEPTHS)
def test_cmyk_follows_ink_on_paper(depth: type, samples) -> None:
    native = samples("CMYK", depth)
    full = float(np.iinfo(depth).max)
    expected = full * (1 - native[..., :3] / full) * (1 - native[..., 3:] / full)
    assert np.abs(to_rgb(native, "CMYK") - expected).max() <= 0.51


@pytest.mark.parametrize("depth", DEPTHS)
def test_cmyk_edits_change_only_their_ink(depth: type, samples) -> None:
    """Red alone is edited: cyan changes there, everything else stays."""
    native = samples("CMYK", depth)
    before = to_rgb(native, "CMYK")
    after = before.copy()
    after[3:9, 4:11, 0] //= 2
    edited = with_rgb(native, "CMYK", before, after)
    np.testing.assert_array_equal(edited[..., 1:], native[..., 1:])
    outside = np.ones(native.shape[:2], bool)
    outside[3:9, 4:11] = False
    np.testing.assert_array_equal(edited[outside], native[outside])
    assert np.abs(to_rgb(edited, "CMYK")[..., 0].astype(int) - after[..., 0]).max() <= 1


def test_black_ink_has_no_room_for_edits() -> None:
    native = np.full((4, 4, 4), 255, np.uint8)
    before = to_rgb(native, "CMYK")
    np.testing.assert_array_equal(with_rgb(native, "CMYK", before, before + np.uint8(90)), native)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_takes_the_luma_of_an_edit(mode: str, depth: type, samples) -> None:
    native = samples(mode, depth)
    before = to_rgb(native, mode)
    after = before.copy()
    after[2, 3] = (100, 200, 50)
    edited = with_rgb(native, mode, before, after)
    assert edited[2, 3, 0] == round(0.299 * 100 + 0.587 * 200 + 0.114 * 50)
    edited[2, 3] = native[2, 3]
    np.testing.assert_array_equal(edited, native)


@pytest.mark.parametrize("depth", DEPTHS)
def test_full_white_does_not_wrap(depth: type) -> None:
    native = np.zeros((2, 2, 1), depth)
    before = to_rgb(native, "L")
    white = np.full_like(before, np.iinfo(depth).max)
    assert (with_rgb(native, "L", before, white) == np.iinfo(depth).max).all()
