from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from bpfre.errors import PhotoError, UsageError
from bpfre.retouching.masks import blend, check_masks, share_of

SHAPE = (60, 90, 3)


def paint(path: Path, mask: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)
    return path


@pytest.fixture
def left_half() -> np.ndarray:
    mask = np.zeros(SHAPE[:2], np.uint8)
    mask[:, :45] = 255
    return mask


def test_without_folders_everything_may_change(tmp_path: Path) -> None:
    assert share_of(Path("a.jpg"), SHAPE, protect=None, only=None) is None
    assert share_of(Path("a.jpg"), SHAPE, protect=tmp_path, only=None) is None


def test_only_white_may_change_and_without_a_mask_nothing(tmp_path: Path, left_half: np.ndarray) -> None:
    paint(tmp_path / "day" / "a.png", left_half)
    share = share_of(Path("day/a.jpg"), SHAPE, protect=None, only=tmp_path)
    assert share is not None and np.array_equal(share, left_half)
    other = share_of(Path("a.jpg"), SHAPE, protect=None, only=tmp_path)
    assert other is not None and not other.any()


@pytest.mark.parametrize("names", [("IMG_1.JPG", "IMG_1.PNG"), ("a.tif", "a.TIFF"), ("b.JPEG", "b.png")])
def test_masks_are_found_in_small_and_capital_letters(tmp_path: Path, left_half: np.ndarray, names: tuple) -> None:
    photo, painted = names
    paint(tmp_path / painted, left_half)
    share = share_of(Path(photo), SHAPE, protect=None, only=tmp_path)
    assert share is not None and np.array_equal(share, left_half)


def test_protected_is_white_and_both_together_multiply(tmp_path: Path, left_half: np.ndarray) -> None:
    paint(tmp_path / "protect" / "a.png", left_half)
    grey = np.full(SHAPE[:2], 128, np.uint8)
    paint(tmp_path / "only" / "a.tif", grey)
    share = share_of(Path("a.jpg"), SHAPE, protect=tmp_path / "protect", only=None)
    assert share is not None and np.array_equal(share, 255 - left_half)
    both = share_of(Path("a.jpg"), SHAPE, protect=tmp_path / "protect", only=tmp_path / "only")
    assert both is not None and (both[:, :45] == 0).all() and (both[:, 45:] == 128).all()


def test_grey_in_a_mask_fades(tmp_path: Path) -> None:
    """A brush with a soft edge gives a soft edge: no threshold anywhere."""
    ramp = np.tile(np.linspace(0, 255, SHAPE[1]).round().astype(np.uint8), (SHAPE[0], 1))
    paint(tmp_path / "a.png", ramp)
    share = share_of(Path("a.jpg"), SHAPE, protect=None, only=tmp_path)
    assert share is not None and np.array_equal(share, ramp)
    after = blend(np.full(SHAPE, 100, np.uint8), np.full(SHAPE, 200, np.uint8), share)
    assert np.abs(after[0, :, 0] - (100 + ramp[0] * (100 / 255))).max() <= 0.51
    assert np.abs(np.diff(after.astype(int), axis=1)).max() <= 2


def test_a_mask_of_another_size_is_scaled_one_of_another_shape_refused(tmp_path: Path, left_half: np.ndarray) -> None:
    paint(tmp_path / "a.png", left_half[::3, ::3])
    share = share_of(Path("a.jpg"), SHAPE, protect=None, only=tmp_path)
    assert share is not None and share.shape == SHAPE[:2]
    assert (share[:, :40] == 255).all() and (share[:, 50:] == 0).all()
    paint(tmp_path / "b.png", left_half.T)
    with pytest.raises(PhotoError, match="60 x 90 px, its photo 90 x 60"):
        share_of(Path("b.jpg"), SHAPE, protect=None, only=tmp_path)


@pytest.mark.parametrize("hidden", [0, 255])
@pytest.mark.parametrize("depth", [8, 16])
def test_what_is_transparent_was_not_painted(tmp_path: Path, left_half: np.ndarray, hidden: int, depth: int) -> None:
    painted = np.dstack([np.where(left_half > 0, 255, hidden).astype(np.uint8)] * 3 + [left_half])
    if depth == 8:
        paint(tmp_path / "a.png", painted)
    else:
        cv2.imwrite(str(tmp_path / "a.png"), painted.astype(np.uint16) * 257)
    share = share_of(Path("a.jpg"), SHAPE, protect=None, only=tmp_path)
    assert share is not None and np.array_equal(share, left_half)


def test_folders_without_a_mask_for_any_photo_are_refused(tmp_path: Path, left_half: np.ndarray) -> None:
    names = [Path("a.jpg"), Path("day/b.jpg")]
    paint(tmp_path / "b.png", left_half)  # not where its photo is
    for folders in ({"protect": tmp_path, "only": None}, {"protect": None, "only": tmp_path}):
        with pytest.raises(UsageError, match="No photo has a mask in"):
            check_masks(names, **folders)
        check_masks([*names, Path("b.jpg")], **folders)
    check_masks(names, protect=None, only=None)


def test_a_broken_mask_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(PhotoError, match=r"^The mask .*a\.png cannot be used\. a\.png is not a photo\."):
        share_of(Path("a.jpg"), SHAPE, protect=tmp_path, only=None)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_blending_ends_at_both_sides_exactly(dtype: type) -> None:
    rng = np.random.default_rng(0)
    before, after = (rng.integers(0, np.iinfo(dtype).max, (8, 9, 3)).astype(dtype) for _ in range(2))
    share = np.zeros((8, 9), np.uint8)
    share[2:], share[5:] = 128, 255
    mixed = blend(before, after, share)
    assert np.array_equal(mixed[:2], before[:2]) and np.array_equal(mixed[5:], after[5:])
    half = before[2:5] + (after[2:5].astype(float) - before[2:5]) * 128 / 255
    assert np.abs(mixed[2:5] - half).max() <= 0.51 * (1 if dtype is np.uint8 else 2)
