"""Blocks and coefficients: the arithmetic, without a codec."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from bpfre.photos.faults import NotExactError
from bpfre.photos.jpeg_blocks import BlockChange, Frame, apply, block_changes, reach, read_frame

F420 = Frame(width=37, height=29, samplings=((2, 2), (1, 1), (1, 1)))
SAME = np.eye(3)  # components are the channels


def header(width: int, height: int, *factors: int) -> bytes:
    components = b"".join(bytes((index + 1, value, 0)) for index, value in enumerate(factors))
    return struct.pack(">BHHB", 8, height, width, len(factors)) + components


def edit(frame: Frame, *places: tuple[int, int], by: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Return samples before and after, changed at row, column."""
    before = np.full((frame.height, frame.width, 3), 100, np.uint8)
    after = before.copy()
    for row, column in places:
        after[row, column] += by
    return before, after


def touched(changes: list[BlockChange], component: int) -> set[tuple[int, int]]:
    return {
        (int(row), int(column))
        for change in changes
        if change.component == component
        for row, column in zip(change.rows, change.columns, strict=True)
    }


def test_frame_is_read() -> None:
    frame = read_frame(header(37, 29, 0x22, 0x11, 0x11))
    assert frame == F420 and frame.unit == (16, 16)
    assert [frame.spacing(index) for index in range(3)] == [(1, 1), (2, 2), (2, 2)]
    assert read_frame(header(9, 9, 0x41, 0x11, 0x11)).spacing(1) == (4, 1)


def test_uneven_sampling_is_refused() -> None:
    with pytest.raises(NotExactError, match="unusual ratio"):
        read_frame(header(9, 9, 0x31, 0x21, 0x11))


@pytest.mark.parametrize(
    ("place", "luma", "chroma"), [((0, 0), (0, 0), (0, 0)), ((7, 8), (0, 1), (0, 0)), ((28, 36), (3, 4), (1, 2))]
)
def test_one_pixel_touches_one_block_of_each_component(place, luma, chroma) -> None:
    changes = list(block_changes(*edit(F420, place), F420, SAME))
    assert [touched(changes, index) for index in range(3)] == [{luma}, {chroma}, {chroma}]


def test_no_edit_touches_nothing() -> None:
    assert list(block_changes(*edit(F420), F420, SAME)) == []


def test_an_even_edit_is_a_change_of_the_mean_alone() -> None:
    frame = Frame(32, 8, ((1, 1),) * 3)
    before = np.full((8, 32, 3), 100, np.uint8)
    (change, *_) = block_changes(before, before + 3, frame, SAME)
    expected = np.zeros((4, 8, 8))
    expected[:, 0, 0] = 8 * 3
    np.testing.assert_allclose(change.change, expected, atol=1e-4)


def test_a_block_over_the_edge_goes_on_as_it_ends() -> None:
    """An even edit of the visible part stays even, rather than getting an edge of its own."""
    before = np.full((29, 37, 3), 100, np.uint8)
    for change in block_changes(before, before + 5, F420, SAME):
        np.testing.assert_allclose(change.change.reshape(-1, 64)[:, 1:], 0, atol=1e-3)
        np.testing.assert_allclose(change.change[:, 0, 0], 40, atol=1e-3)


def test_the_transform_undone_is_the_edit() -> None:
    rng = np.random.default_rng(0)
    frame = Frame(8, 8, ((1, 1),))
    before, after = rng.integers(0, 255, (2, 8, 8, 1)).astype(np.uint8)
    (change,) = block_changes(before, after, frame, np.eye(1))
    basis = np.array([[np.cos((2 * x + 1) * u * np.pi / 16) for x in range(8)] for u in range(8)])
    scale = np.where(np.arange(8), 1.0, np.sqrt(0.5))
    back = np.einsum("uv,u,v,uy,vx->yx", change.change[0], scale, scale, basis, basis) / 4  # T.81, A.3.3
    np.testing.assert_allclose(back, after[..., 0].astype(float) - before[..., 0], atol=1e-3)


def test_steps_are_rounded_and_stay_in_range() -> None:
    plane = np.zeros((2, 2, 8, 8), np.int16)
    plane[1, 0, 0, 1] = 1020
    change = np.zeros((1, 8, 8))
    change[0, 0, 0], change[0, 0, 1], change[0, 7, 7] = 26, 500, 4
    apply(BlockChange(0, np.array([1]), np.array([0]), change), plane, np.full((8, 8), 10))
    assert (plane[1, 0, 0, 0], plane[1, 0, 0, 1], plane[1, 0, 7, 7]) == (3, 1023, 0)
    assert np.count_nonzero(plane) == 2


def test_what_is_out_of_range_already_is_left_alone() -> None:
    plane = np.full((1, 1, 8, 8), -1024, np.int16)
    apply(BlockChange(0, np.array([0]), np.array([0]), np.zeros((1, 8, 8))), plane, np.ones((8, 8)))
    assert (plane == -1024).all()


@pytest.mark.parametrize(
    ("factors", "rows", "columns"),
    [
        ((1, 1), (16, 24), (16, 24)),
        ((2, 1), (16, 24), (15, 33)),
        ((2, 2), (15, 33), (15, 33)),
        ((4, 1), (16, 24), (0, 32)),
    ],
)
def test_reach_is_the_blocks_and_what_decoders_interpolate(factors, rows, columns) -> None:
    frame = Frame(60, 50, (factors, (1, 1), (1, 1)))
    mask = reach(frame, list(block_changes(*edit(frame, (20, 20)), frame, SAME)))
    expected = np.zeros((50, 60), bool)
    expected[slice(*rows), slice(*columns)] = True
    np.testing.assert_array_equal(mask, expected)
