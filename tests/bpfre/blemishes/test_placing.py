from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from bpfre.blemishes import MARK_KINDS, Mark, place_marks
from bpfre.blemishes.drawing import draw_marks
from bpfre.blemishes.kinds import REGIONS
from bpfre.errors import UsageError
from bpfre.evaluation.contrast import local_contrast, to_lab
from bpfre.photos import to_bytes

FACE = np.array([[1.0, 0, 0], [0, 1.0, 0]])  # the picture is the 512 crop
ROWS, COLUMNS = np.mgrid[0:512, 0:512]
SKIN = np.hypot((COLUMNS - 256) / 140, (ROWS - 285) / 190) < 1  # about a face: 84 000 px
LIGHT, DARK = 50.0, -45.0  # typology angles


def placed(kind: str, count: int = 200, **change: object) -> list[Mark]:
    options = {"density": 40.0, "keep": MARK_KINDS[kind].keep, "kinds": [kind], "template": FACE} | change
    marks: list[Mark] = []
    rng = np.random.default_rng(0)
    while len(marks) < count:
        marks += place_marks(SKIN, rng, **options)
    return marks[:count]


def test_permanent_marks_are_kept_and_blemishes_are_not() -> None:
    assert {name for name, kind in MARK_KINDS.items() if kind.keep} == {"mole", "freckle", "birthmark", "scar", "stud"}


def test_a_mark_knows_whether_it_is_kept(make_mark: Callable) -> None:
    assert make_mark("mole").keep and not make_mark("pimple").keep


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("template", [None, FACE])
def test_every_kind_comes_at_its_share(keep: bool, template: np.ndarray | None) -> None:
    marks = place_marks(SKIN, np.random.default_rng(0), density=3000, keep=keep, template=template)
    kinds = {name: kind for name, kind in MARK_KINDS.items() if kind.keep == keep and kind.share}
    total, counts = sum(kind.share for kind in kinds.values()), Counter(mark.kind for mark in marks)
    assert set(kinds) <= set(counts)
    by_number = sum(counts[name] for name in kinds)
    for name, kind in kinds.items():
        assert counts[name] / by_number == pytest.approx(kind.share / total, abs=0.025 if template is None else 0.12)


def test_marks_stay_within_their_kinds_ranges() -> None:
    for keep in (True, False):
        for mark in place_marks(
            np.ones((300, 300)), np.random.default_rng(1), density=200, keep=keep, scale=0.5, template=FACE
        ):
            kind = MARK_KINDS[mark.kind]
            for name in ("haemoglobin", "melanin", "edge", "head", "mottle", "halo", "relief", "shine", "opacity"):
                low, high = getattr(kind, name)
                assert low <= getattr(mark, name) <= high, (mark.kind, name)
            assert kind.radius[0] <= 2 * mark.radius <= kind.radius[1]
            assert kind.length[0] <= 2 * mark.length <= kind.length[1]


def test_most_marks_are_small_and_faint() -> None:
    marks = place_marks(SKIN, np.random.default_rng(0), density=1000, keep=False)
    diameters = np.array([2 * mark.radius for mark in marks if not mark.length])
    assert 2 < np.percentile(diameters, 10) < 4 and 4 < np.median(diameters) < 8
    assert 15 < np.percentile(diameters, 95) < 35
    strengths = [mark.haemoglobin for mark in marks if mark.kind == "pimple"]
    low, high = MARK_KINDS["pimple"].haemoglobin
    assert np.median(strengths) < low + 0.45 * (high - low)


def test_marks_are_centred_on_skin(disc: Callable) -> None:
    skin = disc(256, 100, 140, 60)
    for template in (None, FACE):
        marks = place_marks(skin, np.random.default_rng(0), density=3000, keep=False, template=template)
        assert len(marks) > 200
        assert all(skin[round(m.y), round(m.x)] for m in marks if MARK_KINDS[m.kind].share)


@pytest.mark.parametrize(
    ("kind", "inside"),
    [
        ("pimple", lambda x, y: np.hypot((x - 256) / 125, (y - 290) / 175) < 1),
        ("under-eye", lambda x, y: (np.abs(np.abs(x - 255.5) - 63) < 15) & (abs(y - 270) < 10)),
        ("vessel", lambda x, y: (abs(x - 256) < 140) & (y > 240) & (y < 420)),
        ("freckle", lambda x, y: (y < 345) | (np.hypot(x - 256, y - 150) < 90)),
    ],
)
def test_kinds_lie_where_they_lie_on_faces(kind: str, inside: Callable) -> None:
    at = np.array([(m.x, m.y) for m in placed(kind, 150)])
    assert inside(at[:, 0], at[:, 1]).mean() > 0.8


def test_places_are_those_of_the_face_whatever_the_window() -> None:
    """A window that shows the left cheek at twice the size, mirrored."""
    template = np.array([[-0.5, 0, 260.0], [0, 0.5, 220.0]])
    skin = np.ones((256, 256), bool)
    at = np.array(
        [
            (m.x, m.y)
            for seed in range(60)
            for m in place_marks(
                skin, np.random.default_rng(seed), density=20, keep=False, kinds=["under-eye"], template=template
            )
        ]
    )
    assert len(at) > 10
    seen = at @ template[:, :2].T + template[:, 2]
    eye = REGIONS["under eyes"][0]
    assert np.abs(seen - (eye.x, eye.y)).max() < 16, "the other eye lies outside"


def test_scale_follows_the_template() -> None:
    double = np.array([[0.5, 0, 0], [0, 0.5, 0]])
    options = {"density": 200, "keep": False, "kinds": ["pimple"]}
    one = place_marks(np.ones((200, 200)), np.random.default_rng(5), template=FACE, **options)
    two = place_marks(np.ones((400, 400)), np.random.default_rng(5), template=double, **options)
    assert np.mean([m.radius for m in two]) == pytest.approx(2 * np.mean([m.radius for m in one]), rel=0.15)
    assert len(two) == pytest.approx(len(one), rel=0.3)


def test_under_eye_darkness_comes_on_both_sides_alike() -> None:
    skin = np.ones((512, 512), bool)
    for seed in range(40):
        marks = place_marks(
            skin, np.random.default_rng(seed), density=20, keep=False, kinds=["under-eye"], template=FACE
        )
        assert len(marks) in (0, 2)
        if marks:
            left, right = marks
            assert left.x + right.x == pytest.approx(511) and left.y == right.y
            assert dataclasses.replace(left, x=0) == dataclasses.replace(right, x=0)


def test_without_a_template_nothing_that_needs_a_place_is_drawn() -> None:
    marks = place_marks(SKIN, np.random.default_rng(0), density=300, keep=False)
    assert not {m.kind for m in marks} & {"under-eye", "shine", "hair"}


def test_pimples_come_in_clusters() -> None:
    def nearest(kind: str) -> float:
        at = np.array(
            [(m.x, m.y) for m in place_marks(SKIN, np.random.default_rng(2), density=40, keep=False, kinds=[kind])]
        )
        distance = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1)) + 1e3 * np.eye(len(at))
        return float(np.median(distance.min(axis=1)))

    assert nearest("pimple") < 0.75 * nearest("pigment spot")


@pytest.mark.parametrize("kind", ["pimple", "scab", "flat mark"])
def test_inflamed_marks_are_browner_on_dark_skin(kind: str) -> None:
    light, dark = (placed(kind, 100, tone=tone) for tone in (LIGHT, DARK))
    assert all(b.melanin >= a.melanin for a, b in zip(light, dark, strict=True))

    def brown(marks: list[Mark]) -> float:
        return float(np.mean([m.melanin / (m.melanin + m.haemoglobin) for m in marks]))

    assert brown(dark) > brown(light) + 0.15
    medium = placed(kind, 100, tone=10.0)
    assert brown(light) < brown(medium) < brown(dark)


def test_moles_stand_out_on_dark_skin_about_as_they_do_on_light_skin() -> None:
    def contrast(tone: float, rgb: tuple[int, int, int]) -> float:
        plain = np.full((*SKIN.shape, 3), rgb, np.float32) / 255
        marks = [m for m in placed("mole", 40, tone=tone) if m.radius > 1.5]
        values = []
        for mark in marks:
            lab = to_lab(to_bytes(draw_marks(plain, [mark])))
            ring = (2 * mark.radius + 1, 2 * mark.radius + 5)
            values.append(np.linalg.norm(local_contrast(lab, mark.x, mark.y, disc=mark.radius, ring=ring)))
        return float(np.median(values))

    assert contrast(DARK, (118, 82, 66)) == pytest.approx(contrast(LIGHT, (222, 180, 160)), rel=0.35)


def test_what_inflammation_leaves_is_brown_on_dark_skin_and_freckles_are_rarer_there() -> None:
    def count(kind: str, tone: float) -> int:
        return sum(
            mark.kind == kind
            for seed in range(10)
            for mark in place_marks(
                SKIN, np.random.default_rng(seed), density=60, keep=MARK_KINDS[kind].keep, tone=tone
            )
        )

    light, medium, dark = (count("brown mark", tone) for tone in (LIGHT, 10.0, DARK))
    assert light < 0.1 * dark and light < medium < dark
    assert count("freckle", DARK) < 0.6 * count("freckle", LIGHT)


@pytest.mark.parametrize(("scale", "expected"), [(1.0, 80.0), (2.0, 20.0)])
def test_density_counts_marks_on_a_face_of_512(scale: float, expected: float) -> None:
    skin = np.zeros((400, 800), bool)
    skin[:, :400] = True
    counts = [
        len(place_marks(skin, np.random.default_rng(seed), density=50, keep=False, scale=scale)) for seed in range(30)
    ]
    assert np.mean(counts) == pytest.approx(expected, rel=0.1)
    assert np.std(counts) > 1


def test_contrast_scales_amounts_alone() -> None:
    skin = np.ones((200, 200))
    full = place_marks(skin, np.random.default_rng(2), density=100, keep=False, template=FACE)
    half = place_marks(skin, np.random.default_rng(2), density=100, keep=False, template=FACE, contrast=0.5)
    assert len(full) == len(half) > 20
    for a, b in zip(full, half, strict=True):
        for name in ("haemoglobin", "melanin", "grey", "shine", "relief", "glint"):
            assert getattr(b, name) == pytest.approx(getattr(a, name) / 2)
        assert (b.x, b.y, b.radius, b.kind, b.opacity) == (a.x, a.y, a.radius, a.kind, a.opacity)


def test_the_seed_decides() -> None:
    first, again, other = (
        place_marks(SKIN, np.random.default_rng(seed), density=100, keep=False, template=FACE) for seed in (7, 7, 8)
    )
    assert first == again != other


def test_kinds_can_be_chosen() -> None:
    marks = place_marks(SKIN, np.random.default_rng(0), density=300, keep=False, kinds=["scab", "mole"])
    assert {mark.kind for mark in marks} == {"scab"}
    assert place_marks(SKIN, np.random.default_rng(0), density=300, keep=True, kinds=["scab"]) == []
    with pytest.raises(UsageError, match="no kind of mark 'wart'"):
        place_marks(SKIN, np.random.default_rng(0), density=1, keep=True, kinds=["wart"])


def test_no_skin_no_marks() -> None:
    rng = np.random.default_rng(0)
    for template in (None, FACE):
        assert place_marks(np.zeros((50, 50), bool), rng, density=1e5, keep=False, template=template) == []
        assert place_marks(np.full((50, 50), 0.4), rng, density=1e5, keep=True, template=template) == []
        assert place_marks(np.ones((50, 50)), rng, density=0, keep=False, template=template) == []
