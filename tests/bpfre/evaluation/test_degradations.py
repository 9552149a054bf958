"""Photos get harder in steps, the same way each time, and marks can be followed."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from bpfre.evaluation.degradations import KINDS, SMALLEST_CROP, TILT, Degraded, degrade
from bpfre.evaluation.occluders import OCCLUDERS
from bpfre.faces.similarity import transform
from bpfre.faces.template import FFHQ_512

TO_TEMPLATE = np.array([[2.0, 0, 0.5], [0, 2.0, 0.5]])  # a photo of 256 px whose face fills it as the template does
STEPS = (0.0, 1 / 3, 2 / 3, 1.0)
RANDOM = ("dim light", "motion blur", "hair")
SKIN = (150, 110, 90)


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """[256, 256, 3] uint8: skin with grain, on a light background."""
    rng = np.random.default_rng(8)
    picture = np.full((256, 256, 3), 215.0)
    cv2.ellipse(picture, (128, 142), (64, 88), 0, 0, 360, SKIN, -1)
    return np.clip(picture + rng.normal(0, 5, (256, 256, 1)), 0, 255).astype(np.uint8)


def hardness(kind: str, face: np.ndarray, done: Degraded) -> float:
    """How much harder a picture is, by what its kind is about."""
    if kind == "dim light":
        return float(face.mean() - done.rgb.mean())
    if kind == "low resolution":
        return float(-done.rgb.shape[0])
    if kind == "tilt":
        return abs(np.degrees(np.arctan2(done.matrix[1, 0], done.matrix[0, 0])))
    if kind in OCCLUDERS:
        return float(done.cover.mean())
    return float(np.abs(done.rgb.astype(int) - face).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_severity_nought_is_the_photo(kind: str, face: np.ndarray) -> None:
    done = degrade(kind, face, TO_TEMPLATE, 0.0)
    assert (done.rgb == face).all() and done.rgb is not face
    assert not done.cover.any() and (done.matrix == np.eye(2, 3)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_each_step_is_harder(kind: str, face: np.ndarray) -> None:
    before = face.copy()
    for seed in range(3):
        steps = [hardness(kind, face, degrade(kind, face, TO_TEMPLATE, s, seed=seed)) for s in STEPS]
        assert all(low < high for low, high in itertools.pairwise(steps)), steps
    assert (face == before).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_decides(kind: str, face: np.ndarray) -> None:
    first, again = (degrade(kind, face, TO_TEMPLATE, 0.7, seed=5) for _ in range(2))
    assert (first.rgb == again.rgb).all() and (first.cover == again.cover).all()
    assert first.rgb.dtype == np.uint8 and first.cover.shape == first.rgb.shape[:2]
    if kind in RANDOM:
        assert (degrade(kind, face, TO_TEMPLATE, 0.7, seed=6).rgb != first.rgb).any()


@pytest.mark.parametrize("kind", ("low resolution", "tilt"))
def test_a_mark_is_where_the_matrix_takes_it(kind: str, face: np.ndarray) -> None:
    picture = np.full_like(face, 200)
    cv2.circle(picture, (150, 180), 6, (20, 20, 20), -1)
    for severity in (0.2, 0.5, 1.0):
        done = degrade(kind, picture, TO_TEMPLATE, severity)
        weight = np.clip(200 - done.rgb[..., 0].astype(float), 0, None)
        rows, columns = np.mgrid[: weight.shape[0], : weight.shape[1]]
        centre = (np.average(columns, weights=weight), np.average(rows, weights=weight))
        assert transform(done.matrix, np.array([[150, 180]]))[0] == pytest.approx(centre, abs=0.25)


def test_dim_light_takes_three_stops_and_has_the_sensors_noise() -> None:
    grey = np.full((128, 128, 3), 188, np.uint8)  # linear 0.503
    dim = degrade("dim light", grey, TO_TEMPLATE, 1.0).rgb.astype(float)
    linear = 0.503 / 8
    expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
    assert dim.mean() == pytest.approx(expected, abs=0.5)
    slope = 255 * 1.055 / 2.4 * linear ** (1 / 2.4 - 1)
    assert dim.std() == pytest.approx(slope * np.sqrt(7e-4 * linear + 1.5e-3**2), rel=0.05)


def test_motion_blur_spreads_a_point_along_a_line_and_loses_no_light() -> None:
    dark = np.zeros((101, 101, 3), np.uint8)
    dark[48:53, 48:53] = 255
    blurred = degrade("motion blur", dark, TO_TEMPLATE, 1.0, seed=2).rgb[..., 0] / 255
    light = np.where(blurred <= 0.04045, blurred / 12.92, ((blurred + 0.055) / 1.055) ** 2.4)
    assert light.sum() == pytest.approx(25, rel=0.03)
    rows, columns = np.nonzero(light > 0.02)
    spread = np.cov(np.stack([columns, rows]), aweights=light[rows, columns])
    short, long = np.sqrt(np.linalg.eigvalsh(spread))
    side = 512 / 2 * 0.04
    assert long == pytest.approx(np.sqrt(side**2 / 12 + 2), rel=0.15) and long > 1.6 * short
    assert (columns.mean(), rows.mean()) == pytest.approx((50, 50), abs=0.3)


def test_low_resolution_ends_at_a_small_crop_and_leaves_small_faces(face: np.ndarray) -> None:
    assert degrade("low resolution", face, TO_TEMPLATE, 1.0).rgb.shape[0] == SMALLEST_CROP
    small = np.array([[8.0, 0, 0], [0, 8.0, 0]])
    assert (degrade("low resolution", face, small, 1.0).rgb == face).all()


def test_a_tilted_head_ends_on_its_side_around_its_middle(face: np.ndarray) -> None:
    matrix = degrade("tilt", face, TO_TEMPLATE, 1.0).matrix
    assert abs(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))) == pytest.approx(TILT)
    middle = (FFHQ_512.mean(0) - 0.5) / 2
    assert transform(matrix, middle[None])[0] == pytest.approx(middle, abs=1e-4)


@pytest.mark.parametrize("kind", OCCLUDERS)
def test_far_from_a_thing_every_byte_stays(kind: str, face: np.ndarray) -> None:
    done = degrade(kind, face, TO_TEMPLATE, 0.5)
    near = cv2.dilate(done.cover.astype(np.uint8), np.ones((41, 41))) > 0
    assert near.mean() < 0.9 and (done.rgb[~near] == face[~near]).all()
    changed = np.abs(done.rgb.astype(int) - face).max(axis=2) > 60
    assert changed.any() and not (changed & ~done.cover).any()


def covered(kind: str, face: np.ndarray, severity: float, x: float, y: float) -> bool:
    column, row = np.rint((np.array([x, y]) - 0.5) / 2).astype(int)
    return bool(degrade(kind, face, TO_TEMPLATE, severity).cover[row, column])


def test_things_come_over_the_face_from_where_they_are_worn(face: np.ndarray) -> None:
    eye, mouth, chin = FFHQ_512[0], FFHQ_512[3:].mean(0), (256, 450)
    assert not covered("glasses", face, 0.2, *eye) and covered("glasses", face, 1.0, *eye)
    assert not covered("glasses", face, 1.0, *mouth)
    assert covered("mask", face, 1 / 3, *chin) and not covered("mask", face, 1 / 3, *mouth)
    assert covered("mask", face, 1.0, *mouth) and not covered("mask", face, 1.0, *eye)
    assert not covered("hand", face, 1 / 3, *mouth) and covered("hand", face, 1.0, *mouth)


def test_the_hand_is_the_persons_own(face: np.ndarray) -> None:
    for skin in (SKIN, (90, 62, 50), (225, 190, 170)):
        picture = np.where((face < 200).all(axis=2, keepdims=True), np.uint8(skin), face)
        done = degrade("hand", picture, TO_TEMPLATE, 1.0)
        colour = np.median(done.rgb[done.cover], axis=0)
        assert colour / colour[0] == pytest.approx(np.array(skin) / skin[0], abs=0.03)
        assert 0.6 < colour[0] / skin[0] < 1.05


def test_a_wrong_severity_or_picture_is_refused(face: np.ndarray) -> None:
    for severity in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            degrade("tilt", face, TO_TEMPLATE, severity)
    with pytest.raises(ValueError, match="uint8"):
        degrade("tilt", face.astype(np.float32), TO_TEMPLATE, 0.5)
    with pytest.raises(KeyError):
        degrade("fog", face, TO_TEMPLATE, 0.5)
