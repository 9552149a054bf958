from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from bpfre.blemishes import Mark, SpotSettings, draw_marks, find_spots

SIDE = 320
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
        )
        for x, y in PLACES
    ]


def hits(labels: np.ndarray, marks: list[Mark]) -> list[int]:
    """The label at each mark's centre, 0 for a mark that was missed."""
    return [int(labels[round(m.y) - 1 : round(m.y) + 2, round(m.x) - 1 : round(m.x) + 2].max()) for m in marks]


def count(labels: np.ndarray) -> int:
    return len(np.unique(labels[labels > 0]))


@pytest.mark.parametrize("tone", ["light", "medium", "dark"])
def test_finds_clear_pimples_and_little_else(make_skin: Callable, pimples: list[Mark], tone: str) -> None:
    skin = np.ones((SIDE, SIDE), bool)
    labels = find_spots(draw_marks(make_skin(tone, SIDE), pimples), skin)
    found = [label for label in hits(labels, pimples) if label]
    assert labels.shape == (SIDE, SIDE) and labels.dtype == np.int32
    assert len(found) >= 0.8 * len(pimples)
    assert len(set(found)) == len(found), "each has its own number"
    assert count(labels) - len(found) <= 0.15 * len(pimples)


def test_a_spot_is_labelled_over_its_whole_area(make_skin: Callable, make_mark: Callable, disc: Callable) -> None:
    labels = find_spots(draw_marks(make_skin(), [make_mark(radius=5)]), np.ones((192, 192), bool))
    assert (labels[disc(192, 96, 96, 3)] > 0).all()
    assert not (labels[~disc(192, 96, 96, 10) & disc(192, 96, 96, 20)] > 0).any()


@pytest.mark.parametrize("tone", ["light", "dark"])
def test_plain_skin_has_hardly_a_spot(make_skin: Callable, tone: str) -> None:
    assert count(find_spots(make_skin(tone, SIDE), np.ones((SIDE, SIDE), bool))) <= 4


def test_scale_follows_the_face(make_skin: Callable, make_mark: Callable) -> None:
    large = draw_marks(make_skin(side=384, texture=0.01), [make_mark(x=192, y=192, radius=11)])
    skin = np.ones((384, 384), bool)
    assert hits(find_spots(large, skin, scale=2.0), [make_mark(x=192, y=192)])[0] > 0


@pytest.mark.parametrize(("tone", "melanin"), [("light", 1.0), ("medium", 1.3)])
def test_keeps_dark_moles(make_skin: Callable, make_mark: Callable, tone: str, melanin: float) -> None:
    moles = [make_mark("mole", x, y, radius=3.5, haemoglobin=0.03, melanin=melanin, edge=0.3) for x, y in PLACES[::5]]
    labels = find_spots(draw_marks(make_skin(tone, SIDE), moles), np.ones((SIDE, SIDE), bool))
    assert sum(map(bool, hits(labels, moles))) == 0
    eager = dataclasses.replace(SpotSettings(), mole=1e3)  # it is the mole rule that keeps them
    labels = find_spots(draw_marks(make_skin(tone, SIDE), moles), np.ones((SIDE, SIDE), bool), settings=eager)
    assert sum(map(bool, hits(labels, moles))) >= 0.8 * len(moles)


@pytest.mark.parametrize("slope", [0.0, 0.4])
def test_ignores_creases(make_skin: Callable, slope: float) -> None:
    rgb = make_skin(side=SIDE)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    distance = (rows - 160 - slope * (columns - 160)) / np.hypot(1, slope)
    crease = np.exp(-((distance / 2) ** 2)) * (np.abs(columns - 160) < 80)
    rgb = rgb * (1 - 0.3 * crease[..., None]).astype(np.float32)
    labels = find_spots(rgb, np.ones((SIDE, SIDE), bool))
    assert (labels[crease > 0.5] > 0).mean() < 0.05


def test_ignores_stubble(make_skin: Callable, make_mark: Callable) -> None:
    hairs = [
        make_mark("dot", x, y, radius=1.5, haemoglobin=0.1, melanin=0.6, edge=0.4)
        for x in range(90, 231, 6)
        for y in range(90, 231, 6)
    ]
    rgb, skin = draw_marks(make_skin(side=SIDE), hairs), np.ones((SIDE, SIDE), bool)
    assert (find_spots(rgb, skin)[125:196, 125:196] > 0).mean() < 0.02
    eager = dataclasses.replace(SpotSettings(), crowded=9.0)  # it is their number that tells
    assert (find_spots(rgb, skin, settings=eager)[125:196, 125:196] > 0).mean() > 0.1


def test_looks_on_skin_alone(make_skin: Callable, pimples: list[Mark]) -> None:
    skin = np.zeros((SIDE, SIDE), bool)
    skin[:, :160] = True
    labels = find_spots(draw_marks(make_skin(side=SIDE), pimples), skin)
    assert (labels[:, :160] > 0).any() and not (labels[:, 160:] > 0).any()


def test_what_lies_beside_skin_does_not_bleed_into_it(make_skin: Callable) -> None:
    rgb, skin = make_skin(side=SIDE), np.ones((SIDE, SIDE), bool)
    skin[140:180, 140:180] = False
    red = rgb.copy()
    red[~skin] = (0.8, 0.1, 0.1)
    assert np.array_equal(find_spots(red, skin), find_spots(rgb, skin))


def test_no_skin_no_spots(make_skin: Callable) -> None:
    assert not find_spots(make_skin(), np.zeros((192, 192), bool)).any()
