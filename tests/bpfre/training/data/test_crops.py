from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from bpfre.errors import DataError, PhotoError
from bpfre.faces import Face
from bpfre.faces.template import template
from bpfre.training.data.crops import Healing, cut_face, read_sides, take_aligned
from bpfre.training.data.faces import Kind
from bpfre.training.data.samples import Sample

Write = Callable[[Path, np.ndarray], Path]


def sample(raw: Path | None, retouched: Path | None = None) -> Sample:
    kind: Kind = "pair" if raw and retouched else "raw" if raw else "retouched"
    return Sample("a.png", kind, raw, retouched, Path("data"))


def at_template(side: int) -> Face:
    box = np.array([0.2, 0.2, 0.8, 0.9], np.float32) * side
    return Face(box=box, landmarks=template(side).astype(np.float32), score=1.0)


def test_sides_of_one_size_are_read_as_they_are(tmp_path: Path, crop: np.ndarray, write_picture: Write) -> None:
    pair = sample(write_picture(tmp_path / "a.png", crop), write_picture(tmp_path / "b.png", crop[::-1]))
    sides = read_sides(pair)
    assert np.array_equal(sides.pixels[0], crop) and np.array_equal(sides.pixels[1], crop[::-1])
    assert sides.reduction == 1


def test_an_alpha_channel_is_dropped(tmp_path: Path, crop: np.ndarray) -> None:
    rgba = np.concatenate([crop[..., ::-1], np.full((*crop.shape[:2], 1), 255, np.uint8)], axis=2)
    assert cv2.imwrite(str(tmp_path / "a.png"), rgba)
    assert np.array_equal(read_sides(sample(None, tmp_path / "a.png")).pixels[0], crop)


@pytest.mark.parametrize("larger", ["raw", "retouched"])
def test_the_larger_side_is_reduced(tmp_path: Path, crop: np.ndarray, write_picture: Write, larger: str) -> None:
    large = cv2.resize(crop, (256, 256), interpolation=cv2.INTER_CUBIC)
    pictures = (large, crop) if larger == "raw" else (crop, large)
    paths = [write_picture(tmp_path / f"{i}.png", picture) for i, picture in enumerate(pictures)]
    sides = read_sides(sample(*paths))
    assert [side.shape for side in sides.pixels] == [crop.shape] * 2
    assert np.abs(sides.pixels[0].astype(int) - sides.pixels[1]).mean() < 2
    assert sides.reduction == (0.5 if larger == "raw" else 1)
    face = cut_face(sample(*paths), sides, at_template(256 if larger == "raw" else 128), side=80, heal="no")
    straight = cv2.resize(crop, (80, 80), interpolation=cv2.INTER_AREA)
    assert np.abs(face.raw.astype(int) - straight).mean() < 4, "the face is where the raw file has it"


@pytest.mark.parametrize(("first", "second", "fits"), [
    ((100, 150), (50, 75), True),
    ((101, 150), (50, 75), True),
    ((100, 150), (50, 77), False),
    ((100, 150), (100, 152), False),
    ((100, 150), (150, 100), False),
    ((100, 100), (50, 40), False),
])  # fmt: skip
def test_shapes_may_differ_by_a_pixel(
    tmp_path: Path, write_picture: Write, first: tuple[int, int], second: tuple[int, int], fits: bool
) -> None:
    paths = [
        write_picture(tmp_path / f"{i}.png", np.zeros((*size, 3), np.uint8)) for i, size in enumerate((first, second))
    ]
    for pair in (sample(*paths), sample(*paths[::-1])):
        if fits:
            assert len({side.shape for side in read_sides(pair).pixels}) == 1
        else:
            with pytest.raises(DataError, match="shape"):
                read_sides(pair)


def test_a_broken_photo_is_refused(tmp_path: Path, crop: np.ndarray, write_picture: Write) -> None:
    path = write_picture(tmp_path / "a.png", crop)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(PhotoError):
        read_sides(sample(path))


def test_aligned_photos_are_resized_alike(
    tmp_path: Path, crop: np.ndarray, healed: np.ndarray, write_picture: Write
) -> None:
    pair = sample(write_picture(tmp_path / "a.png", crop), write_picture(tmp_path / "b.png", healed))
    for side in (80, 128, 160):
        face = take_aligned(pair, read_sides(pair), side=side, sharp=True, heal="judged")
        assert face.raw.shape == face.target.shape == (side, side, 3) and face.raw.dtype == np.uint8
        assert face.skin.shape == (side, side) and face.skin.dtype == bool and face.kind == "pair"
        changed = (face.raw != face.target).any(axis=2)
        rows, columns = np.nonzero(changed)
        assert 0.005 < changed.mean() < 0.06, "all that the retoucher left alone is the same on both sides"
        assert abs(columns.mean() / side - 88 / 128) < 0.02 and abs(rows.mean() / side - 80 / 128) < 0.02


def test_photos_that_are_not_square_are_no_aligned_crops(
    tmp_path: Path, crop: np.ndarray, write_picture: Write
) -> None:
    photo = sample(write_picture(tmp_path / "a.png", crop[:100]))
    with pytest.raises(DataError, match="square"):
        take_aligned(photo, read_sides(photo), side=80, sharp=True, heal="no")


def test_retouched_faces_are_their_own_target(tmp_path: Path, crop: np.ndarray, write_picture: Write) -> None:
    photo = sample(None, write_picture(tmp_path / "a.png", crop))
    for face in (
        take_aligned(photo, read_sides(photo), side=160, sharp=True, heal="judged"),
        cut_face(photo, read_sides(photo), at_template(128), side=160, heal="judged"),
    ):
        assert face.target is face.raw and face.kind == "retouched"


def spotted(crop: np.ndarray) -> np.ndarray:
    """The face enlarged, with red spots on its cheeks."""
    large = cv2.resize(crop, (512, 512), interpolation=cv2.INTER_CUBIC).astype(float)
    y, x = np.mgrid[:512, :512]
    for at_x, at_y in ((170, 320), (345, 325)):
        spot = np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * 3.5**2))
        large *= 1 - spot[..., None] * (0.1, 0.25, 0.22)
    return np.rint(large).astype(np.uint8)


@pytest.mark.parametrize("sharp", [True, False])
@pytest.mark.parametrize("heal", ["judged", "no"])
def test_sharp_raw_faces_are_healed_where_wanted(
    tmp_path: Path, crop: np.ndarray, write_picture: Write, heal: Healing, sharp: bool
) -> None:
    photo = sample(write_picture(tmp_path / "a.png", spotted(crop)))
    face = take_aligned(photo, read_sides(photo), side=640, sharp=sharp, heal=heal)
    if heal == "no" or not sharp:
        assert face.target is face.raw
        return
    changed = (face.raw != face.target).any(axis=2)
    near = cv2.dilate(face.skin.astype(np.uint8), np.ones((21, 21), np.uint8)) > 0
    assert changed.any() and changed.mean() < 0.05 and not changed[~near].any(), "only skin is healed"
    spots = (np.s_[399:402, 211:214], np.s_[405:408, 430:433])
    gains = [face.target[spot][..., 1].mean() - face.raw[spot][..., 1].mean() for spot in spots]
    assert max(gains) > 15, "and a spot fades"


def test_faces_are_sharp_by_their_size_in_the_photo(tmp_path: Path, crop: np.ndarray, write_picture: Write) -> None:
    photo = sample(write_picture(tmp_path / "a.png", crop))  # its face's box is 90 px high
    for side, sharp in ((160, True), (200, False)):
        assert cut_face(photo, read_sides(photo), at_template(128), side=side, heal="no").sharp is sharp


@pytest.mark.parametrize("aligned", [True, False])
def test_landmarks_beside_a_photo_decide_the_skin(
    tmp_path: Path, crop: np.ndarray, write_picture: Write, aligned: bool
) -> None:
    photo = sample(write_picture(tmp_path / "a.png", crop))

    def skin() -> np.ndarray:
        if aligned:
            return take_aligned(photo, read_sides(photo), side=160, sharp=True, heal="no").skin
        return cut_face(photo, read_sides(photo), at_template(128), side=160, heal="no").skin

    angle = np.linspace(0, 2 * np.pi, 189)
    points = np.c_[64 + 40 * np.cos(angle), 64 + 50 * np.sin(angle)]
    estimated = skin()
    (tmp_path / "a.tem").write_text("\n".join(["189", *(f"{x:.2f} {y:.2f}" for x, y in points)]))
    placed = skin()
    assert not np.array_equal(placed, estimated)
    rows, columns = np.nonzero(placed)
    assert rows.min() > 160 * 12 / 128 and rows.max() < 160 * 116 / 128 and columns.min() > 160 * 22 / 128
    (tmp_path / "a.tem").write_text("nonsense")
    with pytest.raises(DataError, match=r"a\.tem"):
        skin()


def test_skin_estimated_at_half_size_is_about_the_same(tmp_path: Path, crop: np.ndarray, write_picture: Write) -> None:
    photo = sample(write_picture(tmp_path / "a.png", spotted(crop)))
    fast = take_aligned(photo, read_sides(photo), side=640, sharp=True, heal="no").skin
    full = take_aligned(photo, read_sides(photo), side=640, sharp=True, heal="judged").skin
    assert full.mean() > 0.02
    assert (fast & full).sum() / (fast | full).sum() > 0.75
