from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from bpfre.blemishes import Mark, SpotSettings, Verdict, draw_marks, find_marks, find_spots
from bpfre.blemishes.blobs import curvatures, find_blobs
from bpfre.blemishes.contrast import Contrast, Surface, measure
from bpfre.blemishes.judgement import MarkSettings, judge, stands_out

SIDE = 320
TONES = ("light", "medium", "dark")
SKIN = np.ones((SIDE, SIDE), bool)
PLACES = [(x, y) for x in range(45, 300, 46) for y in range(45, 300, 46)]  # 36 places


@pytest.fixture
def pimples(make_mark: Callable) -> list[Mark]:
    rng = np.random.default_rng(5)
    return [
        make_mark(
            x=x + rng.uniform(-4, 4),
            y=y + rng.uniform(-4, 4),
            radius=rng.uniform(2.5, 5),
            haemoglobin=rng.uniform(0.3, 0.42),
            edge=1.2,
        )
        for x, y in PLACES
    ]


def hits(labels: np.ndarray, marks: list[Mark]) -> list[int]:
    """The label at each mark's centre, 0 for a mark that was missed."""
    return [int(labels[round(m.y) - 1 : round(m.y) + 2, round(m.x) - 1 : round(m.x) + 2].max()) for m in marks]


def share(labels: np.ndarray, marks: list[Mark]) -> float:
    return float(np.mean([bool(hit) for hit in hits(labels, marks)]))


def count(labels: np.ndarray) -> int:
    return len(np.unique(labels[labels > 0]))


@pytest.mark.parametrize("tone", TONES)
def test_finds_clear_pimples_and_little_else(make_skin: Callable, pimples: list[Mark], tone: str) -> None:
    labels = find_spots(draw_marks(make_skin(tone, SIDE), pimples), SKIN)
    found = [label for label in hits(labels, pimples) if label]
    assert labels.shape == (SIDE, SIDE) and labels.dtype == np.int32
    assert len(found) >= 0.8 * len(pimples)
    assert len(set(found)) == len(found), "each has its own number"
    assert count(labels) - len(found) <= 0.15 * len(pimples)


@pytest.mark.parametrize("tone", TONES)
def test_finds_what_pimples_leave_on_skin(make_skin: Callable, make_mark: Callable, tone: str) -> None:
    """Brown, faint, soft: post-inflammatory marks, the darker the skin the more often."""
    traces = [make_mark(x=x, y=y, radius=4, haemoglobin=0.06, melanin=0.36, edge=1.6) for x, y in PLACES[::3]]
    labels = find_spots(draw_marks(make_skin(tone, SIDE, texture=0.015), traces), SKIN)
    assert share(labels, traces) >= 0.5


def test_a_spot_is_labelled_over_its_whole_area(make_skin: Callable, make_mark: Callable, disc: Callable) -> None:
    labels = find_spots(draw_marks(make_skin(), [make_mark(radius=5)]), np.ones((192, 192), bool))
    assert (labels[disc(192, 96, 96, 3)] > 0).all()
    assert not (labels[~disc(192, 96, 96, 11) & disc(192, 96, 96, 20)] > 0).any()


@pytest.mark.parametrize("tone", TONES)
def test_plain_skin_has_hardly_a_spot(make_skin: Callable, tone: str) -> None:
    assert count(find_spots(make_skin(tone, SIDE), SKIN)) <= 1


@pytest.mark.parametrize("scale", [0.75, 1.25, 2.0])
def test_scale_follows_the_face(make_skin: Callable, pimples: list[Mark], scale: float) -> None:
    rgb = draw_marks(make_skin(side=SIDE, texture=0.015), pimples)
    side = round(SIDE * scale)
    resized = cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    labels = find_spots(np.clip(resized, 0, 1), np.ones((side, side), bool), scale=scale)
    moved = [dataclasses.replace(m, x=(m.x + 0.5) * scale - 0.5, y=(m.y + 0.5) * scale - 0.5) for m in pimples]
    assert share(labels, moved) >= 0.7


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("melanin", [0.6, 0.9, 1.2])
@pytest.mark.parametrize("radius", [1.5, 3.5])
def test_keeps_moles_on_all_skin(
    make_skin: Callable, make_mark: Callable, tone: str, melanin: float, radius: float
) -> None:
    moles = [
        make_mark("mole", x, y, radius=radius, haemoglobin=0.03, melanin=melanin, grey=0.4 * melanin, edge=0.4)
        for x, y in PLACES[::5]
    ]
    rgb = draw_marks(make_skin(tone, SIDE), moles)
    assert share(find_spots(rgb, SKIN), moles) == 0
    kept = [mark.blob for mark in find_marks(rgb, SKIN) if mark.verdict is Verdict.KEEP]
    near = [any(np.hypot(b.x - m.x, b.y - m.y) < 3 for b in kept) for m in moles]
    assert np.mean(near) >= 0.6


@pytest.mark.parametrize("tone", TONES)
def test_keeps_freckles(make_skin: Callable, make_mark: Callable, tone: str) -> None:
    rng = np.random.default_rng(1)
    freckles = [
        make_mark("freckle", *rng.uniform(60, 260, 2), radius=1.4, haemoglobin=0.0, melanin=0.35, edge=0.8)
        for _ in range(60)
    ]
    labels = find_spots(draw_marks(make_skin(tone, SIDE), freckles), SKIN)
    assert share(labels, freckles) < 0.05


@pytest.mark.parametrize("tone", ["light", "dark"])
def test_a_mole_beside_a_pimple_is_left_out_of_it(make_skin: Callable, make_mark: Callable, tone: str) -> None:
    mole = make_mark("mole", 100, 96, radius=2.5, haemoglobin=0.0, melanin=0.9, grey=0.3, edge=0.3)
    pimple = make_mark("pimple", 90, 96, radius=4.5, haemoglobin=0.45, edge=1.2)
    labels = find_spots(draw_marks(make_skin(tone), [mole, pimple]), np.ones((192, 192), bool))
    assert labels[96, 89] and not labels[95:98, 99:102].any()


@pytest.mark.parametrize("slope", [0.0, 0.4])
def test_ignores_creases(make_skin: Callable, slope: float) -> None:
    rgb = make_skin(side=SIDE)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    distance = (rows - 160 - slope * (columns - 160)) / np.hypot(1, slope)
    crease = np.exp(-((distance / 2) ** 2)) * (np.abs(columns - 160) < 80)
    rgb = rgb * (1 - 0.3 * crease[..., None]).astype(np.float32)
    assert (find_spots(rgb, SKIN)[crease > 0.5] > 0).mean() < 0.05


@pytest.mark.parametrize("tone", TONES)
def test_ignores_stubble(make_skin: Callable, make_mark: Callable, tone: str) -> None:
    rng = np.random.default_rng(2)
    hairs = [
        make_mark("hair", *rng.uniform(80, 240, 2), radius=0.7, length=rng.uniform(2, 7), angle=rng.normal(1.5, 0.3))
        for _ in range(900)
    ]
    hairs = [
        dataclasses.replace(hair, haemoglobin=0.0, melanin=0.0, edge=0.4, opacity=0.7, colour=(0.02, 0.015, 0.012))
        for hair in hairs
    ]
    rgb = draw_marks(make_skin(tone, SIDE), hairs)
    beard = np.s_[90:231, 90:231]
    assert (find_spots(rgb, SKIN)[beard] > 0).mean() < 0.01
    surface = Surface(rgb, SKIN, scale=1.0)
    settings = SpotSettings()
    assert surface.hairs[beard].mean() > 1.3 * settings.hairs > 1.3 * surface.hairs[5:60, 5:60].mean()


def test_ignores_shading(make_skin: Callable) -> None:
    rgb = make_skin("medium", SIDE)
    side_of_a_nose = 0.5 + 0.5 * np.tanh((np.arange(SIDE) - 160) / 12)
    assert count(find_spots((rgb * (0.6 + 0.4 * side_of_a_nose)[None, :, None]).astype(np.float32), SKIN)) <= 1


def test_looks_on_skin_alone(make_skin: Callable, pimples: list[Mark]) -> None:
    skin = SKIN.copy()
    skin[:, 160:] = False
    labels = find_spots(draw_marks(make_skin(side=SIDE), pimples), skin)
    assert (labels[:, :160] > 0).any() and not (labels[:, 160:] > 0).any()


def test_lips_and_hair_beside_skin_are_no_spots(make_skin: Callable) -> None:
    rgb, skin = make_skin(side=SIDE), SKIN.copy()
    skin[140:180, 140:180] = False
    for colour in ((0.8, 0.1, 0.1), (0.05, 0.04, 0.03)):
        other = rgb.copy()
        other[~skin] = colour
        assert count(find_spots(other, skin)) <= count(find_spots(rgb, skin))


def test_no_skin_no_spots(make_skin: Callable) -> None:
    assert not find_spots(make_skin(), np.zeros((192, 192), bool)).any()
    assert find_marks(make_skin(), np.zeros((192, 192), bool)) == []


def test_curvatures_tell_blobs_from_lines() -> None:
    y, x = np.mgrid[-20:21, -20:21].astype(np.float32)
    blob, line = np.exp(-(x * x + y * y) / 18), np.exp(-(y * y) / 18)
    for values, least in ((blob, 0.05), (line, None)):
        smaller, larger = curvatures(values, 2)
        assert larger[20, 20] > 0.05
        assert smaller[20, 20] == pytest.approx(0, abs=1e-3) if least is None else smaller[20, 20] > least


@pytest.mark.parametrize("sigma", [1.4, 2.8, 5.6])
def test_blobs_are_found_once_at_their_size(sigma: float) -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:160, 0:160]
    signal = 0.3 * np.exp(-((x - 70) ** 2 + (y - 90) ** 2) / (2 * sigma**2)) + rng.normal(0, 0.005, (160, 160))
    blobs = find_blobs(
        [signal.astype(np.float32)],
        np.ones((160, 160), bool),
        sigmas=SpotSettings().sigmas,
        significance=4.0,
        floor=0.012,
    )
    assert abs(blobs[0].x - 70) <= 1 and abs(blobs[0].y - 90) <= 1
    assert 0.6 * sigma < blobs[0].sigma < 2.2 * sigma
    assert not [b for b in blobs[1:] if np.hypot(b.x - 70, b.y - 90) < sigma]


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize(
    ("fields", "redness", "blueness"),
    [
        ({"haemoglobin": 0.4, "melanin": 0.0}, (0.7, 1.0), (0.6, 0.9)),
        ({"haemoglobin": 0.0, "melanin": 0.6}, (0.2, 0.45), (1.4, 1.9)),
        ({"haemoglobin": 0.0, "melanin": 0.0, "grey": 0.3}, (-0.1, 0.1), (0.9, 1.1)),
    ],
)
def test_contrast_names_the_pigment_on_all_skin(
    make_skin: Callable, make_mark: Callable, tone: str, fields: dict, redness: tuple, blueness: tuple
) -> None:
    skin = np.ones((192, 192), bool)
    rgb = draw_marks(make_skin(tone, texture=0.01), [make_mark(radius=4, edge=1.0, **fields)])
    blobs = find_blobs([Surface(rgb, skin, scale=1).darkness], skin, sigmas=(2.0, 2.8), significance=3, floor=0.012)
    contrast = measure(Surface(rgb, skin, scale=1.0), blobs[0])
    assert contrast is not None
    assert redness[0] < contrast.redness < redness[1] and blueness[0] < contrast.blueness < blueness[1]
    assert contrast.half == pytest.approx(4, abs=1.2) and contrast.darkness_closed > 0.7


CLEAR = Contrast(
    density=np.array([0.1, 0.25, 0.22]),
    lab=np.array([-5.0, 3.0, 0.5]),
    half=2.5,
    crispness=0.7,
    darkness_ratio=6.0,
    redness_ratio=5.0,
    darkness_closed=0.8,
    redness_closed=0.8,
    hairs=0.15,
)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, Verdict.HEAL),
        ({"hairs": 0.6}, Verdict.KEEP),
        ({"hairs": 0.35, "redness_ratio": 3.0}, Verdict.KEEP),
        ({"hairs": 0.35, "density": np.array([0.05, 0.25, 0.2])}, Verdict.HEAL),
        ({"half": 1.0}, Verdict.KEEP),
        ({"half": 9.0}, Verdict.SKIN),
        ({"darkness_closed": 0.1}, Verdict.SKIN),
        ({"redness_ratio": 1.0, "crispness": 1.3}, Verdict.KEEP),
        ({"density": np.array([0.45, 0.55, 0.66]), "lab": np.array([-12.0, 1.5, 1.0])}, Verdict.KEEP),
        ({"density": np.array([0.2, 0.25, 0.3]), "lab": np.array([-6.0, 0.5, 1.0])}, Verdict.HEAL),
        ({"density": np.array([0.2, 0.25, 0.3]), "crispness": 1.4}, Verdict.KEEP),
        ({"density": np.array([0.02, 0.03, 0.03]), "lab": np.array([-0.8, 0.3, 0.0])}, Verdict.SKIN),
    ],
)
def test_judgement(change: dict, verdict: Verdict) -> None:
    assert judge(dataclasses.replace(CLEAR, **change), 2.0, SpotSettings()) is verdict


FAINT = {"density": np.array([0.07, 0.1, 0.12]), "half": 1.2, "darkness_ratio": 2.0, "redness_ratio": 1.0}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, True),
        ({"hairs": 0.4}, False),  # a hair
        ({"hairs": 0.4, "half": 3.0}, True),  # a mole in a beard
        ({"darkness_closed": 0.3}, False),  # a crease
        ({"darkness_ratio": 1.2}, False),  # texture
        ({"half": 9.0}, False),  # shading
        ({"density": np.array([0.02, 0.03, 0.03])}, False),
    ],
)
def test_faint_marks_count_where_all_are_to_go(change: dict, found: bool) -> None:
    place = dataclasses.replace(CLEAR, **{**FAINT, **change})
    assert stands_out(place, MarkSettings()) == found
    assert judge(dataclasses.replace(CLEAR, **FAINT), 2.0, SpotSettings()) is Verdict.SKIN
