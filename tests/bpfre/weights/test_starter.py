"""The shipped weights on the example portraits: blemishes go, and a person stays that person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
import torch

from bpfre.blemishes import Mark, draw_marks, estimate_skin
from bpfre.blemishes.density import MELANIN, from_density, to_density
from bpfre.evaluation import example_photos
from bpfre.evaluation.contrast import high_pass_energy, local_contrast, to_lab
from bpfre.faces import align, open_detector
from bpfre.faces.template import template
from bpfre.network import BPFRe
from bpfre.photos import read_photo
from bpfre.weights import load_network

SIZE = 512
TONES = {"light": 0.0, "brown": 0.5}  # melanin added to the whole portrait, optical density
MARKS = {
    "pimple": {"radius": 4.0, "haemoglobin": 0.45, "melanin": 0.05, "edge": 0.7},
    "mole": {"radius": 3.0, "haemoglobin": 0.10, "melanin": 0.80, "edge": 0.5},
}
STUDS = {"silver": (0.75, 0.75, 0.78), "gold": (0.7, 0.5, 0.2)}  # linear RGB
STUD_PLACES = ((-26, 4), (26, 4), (0, 106))  # wings of the nose and chin, from its tip, px
METAL = {"radius": 3.0, "haemoglobin": 0.0, "melanin": 0.0, "edge": 0.2, "opacity": 0.95, "relief": 0.3, "glint": 0.5}
CALM = {"waves": ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0)), "aspect": 1.0, "angle": 0.0}
APART = 24  # px between marks
EACH = 6  # marks of a kind on a face


@dataclass(frozen=True, eq=False)
class Case:
    """A portrait with drawn marks, before and after."""

    raw: np.ndarray  # [512, 512, 3] float32
    first: np.ndarray  # [512, 512, 3] float32, of the first stage alone
    result: np.ndarray
    skin: np.ndarray  # [512, 512] bool, away from marks
    rest: np.ndarray  # [512, 512] bool, far from skin
    marks: tuple[Mark, ...]

    def left(self, kind: str, *, first: bool = False) -> list[float]:
        """Share of its contrast that is left of each mark of a kind."""
        result = self.first if first else self.result
        return [share_left(mark, self.raw, result) for mark in self.marks if mark.kind == kind]


def share_left(mark: Mark, raw: np.ndarray, result: np.ndarray) -> float:
    disc, ring = 0.8 * mark.radius, (2.2 * mark.radius, 4 * mark.radius)
    before, after = (local_contrast(to_lab(of), mark.x, mark.y, disc=disc, ring=ring) for of in (raw, result))
    return float(after @ before / (before @ before))


def spread_places(skin: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Yield places on skin, each with room around it."""
    room = cv2.distanceTransform(skin.astype(np.uint8), cv2.DIST_L2, 5) > 10
    while room.any():
        rows, columns = np.nonzero(room)
        index = rng.integers(len(rows))
        x, y = int(columns[index]), int(rows[index])
        yield float(x), float(y)
        cv2.circle(view := room.astype(np.uint8), (x, y), APART, 0, -1)
        room = view.astype(bool)


@pytest.fixture(scope="module")
def network() -> BPFRe:
    return load_network()


@pytest.fixture(scope="module")
def portraits() -> dict[str, list[np.ndarray]]:
    """Aligned example portraits without blemishes by skin tone, [512, 512, 3] float32 each."""
    detector = open_detector("mtcnn")
    photos = [read_photo(path).rgb for path in example_photos() if not path.stem.endswith("blemishes")]
    crops = [align(rgb, detector.detect([rgb])[0][0], size=SIZE).pixels for rgb in photos]
    return {
        tone: [from_density(to_density(crop) + melanin * MELANIN).astype(np.float32) for crop in crops]
        for tone, melanin in TONES.items()
    }


def stages(network: BPFRe, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the first stage alone and both make of a portrait."""
    with torch.inference_mode():
        out = network(torch.from_numpy(raw).permute(2, 0, 1)[None])
    first, both = (result[0].permute(1, 2, 0).numpy() for result in (out.coarse, out.refined))
    return first, both


@pytest.fixture(scope="module")
def cases(network: BPFRe, portraits: dict[str, list[np.ndarray]]) -> dict[str, list[Case]]:
    made: dict[str, list[Case]] = {tone: [] for tone in TONES}
    for tone, bases in portraits.items():
        for number, base in enumerate(bases):
            skin = estimate_skin(portraits["light"][number])
            places = spread_places(skin, np.random.default_rng(7))
            marks = tuple(
                Mark(kind=kind, x=x, y=y, **look, **CALM)
                for kind, look in MARKS.items()
                for _, (x, y) in zip(range(EACH), places, strict=False)
            )
            raw = draw_marks(base, marks)
            near = cv2.dilate((raw != base).any(axis=2).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
            rest = cv2.dilate(skin.astype(np.uint8), np.ones((41, 41), np.uint8)) == 0
            made[tone].append(Case(raw, *stages(network, raw), skin & ~near, rest, marks))
    return made


@pytest.mark.parametrize("tone", TONES)
def test_pimples_go_and_moles_stay(cases: dict[str, list[Case]], tone: str) -> None:
    pimples, moles = ([share for case in cases[tone] for share in case.left(kind)] for kind in MARKS)
    assert len(pimples) == len(moles) == 2 * EACH
    assert np.median(pimples) < 0.4 and np.mean(np.array(pimples) < 0.5) >= 0.7, pimples
    assert np.median(moles) > 0.9 and np.mean(np.array(moles) > 0.8) >= 0.8, moles


@pytest.mark.parametrize("tone", TONES)
def test_the_second_stage_gives_back_moles_that_the_first_takes(cases: dict[str, list[Case]], tone: str) -> None:
    alone, both = (
        [share for case in cases[tone] for share in case.left("mole", first=first)] for first in (True, False)
    )
    assert np.mean(both) - np.mean(alone) > 0.2, (alone, both)


@pytest.mark.parametrize("tone", TONES)
def test_skin_keeps_its_tone_and_its_pores(cases: dict[str, list[Case]], tone: str) -> None:
    for case in cases[tone]:
        before, after = to_lab(case.raw)[case.skin].mean(axis=0), to_lab(case.result)[case.skin].mean(axis=0)
        assert np.abs(after - before).max() < 0.5, after - before
        assert high_pass_energy(case.result, case.skin) > 0.9 * high_pass_energy(case.raw, case.skin)


@pytest.mark.parametrize("tone", TONES)
def test_what_is_no_skin_stays(cases: dict[str, list[Case]], tone: str) -> None:
    for case in cases[tone]:
        assert float(np.abs(case.result - case.raw)[case.rest].mean()) < 0.1 / 255


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("metal", STUDS)
def test_studs_stay(network: BPFRe, portraits: dict[str, list[np.ndarray]], tone: str, metal: str) -> None:
    nose = template(SIZE)[2]
    marks = [
        Mark(kind="stud", x=float(nose[0] + x), y=float(nose[1] + y), colour=STUDS[metal], **METAL, **CALM)
        for x, y in STUD_PLACES
    ]
    for base in portraits[tone]:
        raw = draw_marks(base, marks)
        _, result = stages(network, raw)
        assert min(share_left(mark, raw, result) for mark in marks) > 0.9
