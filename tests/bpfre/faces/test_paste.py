from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bpfre.errors import FaceRefusedError
from bpfre.faces import Face, FaceCrop, align, crop_box, paste, reaches_out, spread
from bpfre.faces.similarity import invert, transform
from bpfre.faces.template import FFHQ_512

MakeFace = Callable[..., Face]
SIZE = 512


def noise(shape: tuple[int, int], dtype: type) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (*shape, 3), dtype=dtype)


def bump(at: tuple[float, float], sigma: float = 12, height: float = 0.3) -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE]
    dot = height * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * sigma**2))
    return np.repeat(dot[..., None], 3, 2).astype(np.float32)


def grey_crop(face: Face, side: int) -> tuple[np.ndarray, FaceCrop]:
    photo = np.full((side, side, 3), 30000, np.uint16)
    return photo, align(photo, face)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [60, 200, 350, 700, 2000])
def test_no_correction_leaves_the_photo_bit_identical(make_face: MakeFace, size: float, dtype: type) -> None:
    side = int(size * 1.3)
    photo = noise((side, side), dtype)
    crop = align(photo, make_face(size, (side / 2 + 0.3, side / 2 - 0.2), 11))
    edited = photo.copy()
    paste(edited, crop, np.zeros_like(crop.pixels))
    paste(edited, crop, bump((250, 250)), strength=0)
    assert np.array_equal(edited, photo)


@pytest.mark.parametrize("size", [60, 400, 900])
@pytest.mark.parametrize("degrees", [0, 30, 90])
def test_outside_of_the_box_nothing_changes(make_face: MakeFace, size: float, degrees: float) -> None:
    photo = noise((1300, 1200), np.uint8)
    crop = align(photo, make_face(size, (400, 700), degrees))
    edited = photo.copy()
    paste(edited, crop, np.full_like(crop.pixels, 0.3))
    x0, y0, x1, y1 = crop_box(crop, photo.shape[:2])
    assert 0 <= x0 < x1 <= 1200 and 0 <= y0 < y1 <= 1300
    changed = (edited != photo).any(2)
    assert changed[y0:y1, x0:x1].any()
    changed[y0:y1, x0:x1] = False
    assert not changed.any()


@pytest.mark.parametrize(("shift", "out"), [((0, 0), False), ((-3, 0), True), ((0, 3), True), ((0.4, -0.4), False)])
def test_crops_that_reach_beyond_the_photo_are_known(shift: tuple[float, float], out: bool) -> None:
    """A crop that is just its photo, then moved."""
    photo = noise((SIZE, SIZE), np.uint8)
    landmarks = (FFHQ_512 + shift).astype(np.float32)
    crop = align(photo, Face(np.array([100, 100, 400, 450], np.float32), landmarks, 1.0))
    assert reaches_out(crop, photo.shape) is out


@pytest.mark.parametrize("size", [60, 150, 350, 351, 900, 2000])
@pytest.mark.parametrize("degrees", [0, 17, -90, 135])
def test_a_bump_lands_within_a_tenth_of_a_pixel(make_face: MakeFace, size: float, degrees: float) -> None:
    side = int(size * 1.7)
    photo, crop = grey_crop(make_face(size, (side / 2 + 0.37, side / 2 - 0.21), degrees), side)
    where = (301.3, 222.8)
    edited = photo.copy()
    paste(edited, crop, bump(where))
    change = edited[..., 1].astype(np.float64) - photo[..., 1]
    y, x = np.mgrid[:side, :side]
    landed = np.array([(x * change).sum(), (y * change).sum()]) / change.sum()
    assert np.abs(landed - transform(invert(crop.matrix), np.array([where]))[0]).max() < 0.1
    if size >= 350:  # below, averaging lowers the peak of so small a bump
        assert change.max() == pytest.approx(0.3 * 65535, rel=0.02)


@pytest.mark.parametrize("size", [150, 350, 900])
@pytest.mark.parametrize("degrees", [0, 40])
def test_cutting_a_spot_out_and_pasting_its_negative_removes_it(
    make_face: MakeFace, size: float, degrees: float
) -> None:
    side = int(size * 1.7)
    clean = np.full((side, side, 3), 30000, np.uint16)
    y, x = np.mgrid[:side, :side]
    place, sigma = (side / 2 + size / 9.1, side / 2 + size / 12.7), size / 30
    spot = 9000 * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * sigma**2))
    photo = (clean - np.rint(spot)[..., None]).astype(np.uint16)
    crop = align(photo, make_face(size, (side / 2, side / 2), degrees))
    paste(photo, crop, np.float32(30000 / 65535) - crop.pixels)
    assert np.abs(photo.astype(int) - clean).max() < 0.03 * 9000


@pytest.mark.parametrize("size", [120, 350, 800])
def test_strength_scales_the_edit_linearly(make_face: MakeFace, size: float) -> None:
    side = int(size * 1.7)
    photo, crop = grey_crop(make_face(size, (side / 2, side / 2), 8), side)
    changes = []
    for strength in (0.25, 0.5, 1.0):
        edited = photo.copy()
        paste(edited, crop, bump((260, 260), 40), strength=strength)
        changes.append(edited.astype(int) - photo)
    assert np.abs(changes[2] - 2 * changes[1]).max() <= 1
    assert np.abs(changes[2] - 4 * changes[0]).max() <= 2


def test_the_edge_of_the_crop_leaves_no_seam(make_face: MakeFace) -> None:
    for size in (100, 700):
        side = int(size * 2.2)
        photo, crop = grey_crop(make_face(size, (side / 2, side / 2), 20), side)
        edited = photo.copy()
        paste(edited, crop, np.full_like(crop.pixels, 0.2))
        change = edited[..., 0].astype(np.float64) - photo[..., 0]
        full = 0.2 * 65535
        ramp = 0.06 * 512 * size / 350  # px; the steepest part of the soft edge is 1.5 / ramp
        assert change.max() == pytest.approx(full, rel=0.01)
        assert np.abs(np.diff(change, axis=1)).max() < 2.5 * full / ramp
        assert np.abs(np.diff(change, axis=0)).max() < 2.5 * full / ramp


def test_grain_stays_under_the_correction(make_face: MakeFace) -> None:
    photo = np.random.default_rng(0).integers(20000, 40000, (1400, 1400, 3), dtype=np.uint16)
    crop = align(photo, make_face(800, (700, 700)))
    edited = photo.copy()
    paste(edited, crop, np.full_like(crop.pixels, 0.1))
    inner = (edited.astype(int) - photo)[500:900, 500:900]
    assert np.abs(inner - 0.1 * 65535).max() <= 1  # one constant on every pixel: the grain itself is not resampled


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_results_are_clipped_not_wrapped(make_face: MakeFace, dtype: type) -> None:
    full = np.iinfo(dtype).max
    for level, sign in ((full - 1, 1), (1, -1)):
        photo = np.full((400, 400, 3), level, dtype)
        crop = align(photo, make_face(220, (200, 200)))
        paste(photo, crop, np.full_like(crop.pixels, sign * 0.5))
        assert photo[200, 200, 0] == (full if sign > 0 else 0)
        wrong_way = sign * (level - photo.astype(int))  # cubic interpolation undershoots a little at the soft edge
        assert wrong_way.max() < 0.001 * full


def test_a_correction_below_half_a_step_changes_nothing_at_any_level(make_face: MakeFace) -> None:
    photo = noise((500, 500), np.uint8)
    crop = align(photo, make_face(280, (250, 250)))
    edited = photo.copy()
    paste(edited, crop, np.full_like(crop.pixels, 0.49 / 255))
    assert np.array_equal(edited, photo)


def test_shrinking_a_correction_averages_it(make_face: MakeFace) -> None:
    photo, crop = grey_crop(make_face(60, (60, 60)), 120)
    stripes = np.where(np.arange(SIZE) % 2 == 0, 0.4, -0.4).astype(np.float32)
    paste(photo, crop, np.broadcast_to(stripes[:, None, None], crop.pixels.shape).copy())
    assert np.abs(photo[40:80, 40:80].astype(int) - 30000).max() < 0.05 * 0.4 * 65535


def test_faces_at_the_frame_and_views_of_larger_arrays(make_face: MakeFace) -> None:
    whole = noise((700, 900), np.uint8)
    before = whole.copy()
    view = whole[100:500, 200:600]
    crop = align(view, make_face(300, (60, 300)))
    paste(view, crop, np.full_like(crop.pixels, 0.2))
    assert (view != before[100:500, 200:600]).any()
    outside = whole != before
    outside[100:500, 200:600] = False
    assert not outside.any()


def test_two_overlapping_faces_add_up(make_face: MakeFace) -> None:
    photo = np.full((600, 800, 3), 20000, np.uint16)
    first, second = (align(photo, make_face(250, (x, 300))) for x in (350, 470))
    both, one = photo.copy(), photo.copy()
    level = np.full_like(first.pixels, 0.05)
    paste(both, first, level)
    paste(both, second, level)
    paste(one, second, level)
    paste(one, first, level)
    assert np.array_equal(both, one)
    assert both.max() > 20000 + 0.09 * 65535


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_correction_that_is_not_finite_is_refused_whole(make_face: MakeFace, value: float) -> None:
    photo = noise((400, 400), np.uint8)
    crop = align(photo, make_face(220, (200, 200)))
    correction = np.full_like(crop.pixels, 0.2)
    correction[300, 300, 1] = value
    edited = photo.copy()
    with pytest.raises(FaceRefusedError, match="not numbers"):
        paste(edited, crop, correction)
    assert np.array_equal(edited, photo)


def test_wrong_shapes_and_types_are_programming_errors(make_face: MakeFace) -> None:
    photo = noise((400, 400), np.uint8)
    crop = align(photo, make_face(220, (200, 200)))
    with pytest.raises(ValueError, match="correction is"):
        paste(photo, crop, np.zeros((256, 256, 3), np.float32))
    with pytest.raises(ValueError, match="uint8 or uint16"):
        paste(photo.astype(np.float32), crop, np.zeros_like(crop.pixels))


@pytest.mark.parametrize("size", [60, 351, 2000])
@pytest.mark.parametrize("degrees", [0, 17, 135])
def test_spread_values_lie_where_a_correction_of_the_same_shape_does(
    make_face: MakeFace, size: float, degrees: float
) -> None:
    side = int(size * 1.3)
    photo = np.zeros((side, side + 7, 3), np.uint16)
    crop = align(photo, make_face(size, (side / 2, side / 2), degrees))
    dot = bump((230, 300), sigma=20, height=0.8)
    paste(photo, crop, dot)
    x0, y0, x1, y1 = crop_box(crop, photo.shape[:2])
    values = spread(dot[..., 0], crop, photo.shape)
    assert values.shape == (y1 - y0, x1 - x0) and values.max() > 0.5
    assert np.abs(values - photo[y0:y1, x0:x1, 0] / 65535).max() < 1e-4
