from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from bpfre.blemishes import MARK_KINDS, Mark, draw_marks, place_marks
from bpfre.blemishes.density import HAEMOGLOBIN, MELANIN, to_density, to_linear

TONES = ("light", "medium", "dark")


def fine(rgb: np.ndarray) -> np.ndarray:
    density = to_density(rgb)
    return density - cv2.GaussianBlur(density, (0, 0), 1.2)


def typical(kind: str) -> Mark:
    """A strong mark of a kind at the centre of the picture, without a head."""
    rng = np.random.default_rng(3)
    mark = next(
        mark
        for mark in place_marks(np.ones((192, 192)), rng, density=5e3, keep=MARK_KINDS[kind].keep)
        if mark.kind == kind
    )
    ranges = MARK_KINDS[kind]
    return dataclasses.replace(
        mark, x=96, y=96, haemoglobin=ranges.haemoglobin[1], melanin=ranges.melanin[1], radius=ranges.radius[1], head=0
    )


@pytest.mark.parametrize("tone", TONES)
def test_pigment_adds_its_density(make_skin: Callable, make_mark: Callable, disc: Callable, tone: str) -> None:
    skin = make_skin(tone)
    mark = make_mark(radius=10, haemoglobin=0.4, melanin=0.2)
    added = to_density(draw_marks(skin, [mark])) - to_density(skin)
    core = added[disc(192, 96, 96, 3)]
    np.testing.assert_allclose(core, np.broadcast_to(0.4 * HAEMOGLOBIN + 0.2 * MELANIN, core.shape), atol=5e-3)


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("kind", ["pimple", "pustule", "flat mark", "patch"])
def test_texture_under_a_mark_is_kept(make_skin: Callable, disc: Callable, tone: str, kind: str) -> None:
    skin, mark = make_skin(tone), typical(kind)
    drawn = draw_marks(skin, [mark])
    # Where the rim's own slope is no texture: the outline's whims stay within this.
    core = disc(192, 96, 96, max(2, 0.35 * mark.radius))
    before, after = fine(skin)[core], fine(drawn)[core]
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.97
    assert after.std() / before.std() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("kind", sorted(MARK_KINDS))
def test_what_a_mark_adds_does_not_depend_on_the_skin(make_skin: Callable, kind: str) -> None:
    mark = typical(kind)
    light, dark = (
        to_density(draw_marks(skin, [mark])) - to_density(skin)
        for skin in (make_skin("light", seed=1), make_skin("dark"))
    )
    assert light.max() > 0.05
    np.testing.assert_allclose(light, dark, atol=5e-3)


@pytest.mark.parametrize("kind", sorted(MARK_KINDS))
def test_pixels_no_mark_reaches_are_identical(make_skin: Callable, disc: Callable, kind: str) -> None:
    skin, mark = make_skin(), typical(kind)
    before = skin.copy()
    drawn = draw_marks(skin, [mark])
    assert np.array_equal(skin, before), "the input is left as it is"
    changed = (drawn != skin).any(axis=2)
    reach = mark.length / 2 + 1.6 * mark.aspect * mark.radius * (1 + mark.edge) + 3
    assert changed.any()
    assert not changed[~disc(192, 96, 96, reach)].any()
    assert drawn.dtype == np.float32 and drawn.min() >= 0 and drawn.max() <= 1


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("kind", sorted(MARK_KINDS))
def test_marks_colour_skin_as_their_pigment_says(make_skin: Callable, tone: str, kind: str) -> None:
    skin, mark = make_skin(tone), typical(kind)
    drawn = draw_marks(skin, [mark])
    changed = (drawn != skin).any(axis=2)
    before, after = to_linear(skin)[changed].mean(axis=0), to_linear(drawn)[changed].mean(axis=0)
    assert (after <= before).all() and after.sum() < before.sum(), "pigment only takes light away"
    left = after / before
    if mark.haemoglobin > 2 * mark.melanin:
        assert left[0] > left[2] > left[1], "haemoglobin reddens: green goes first"
    if mark.melanin > 2 * mark.haemoglobin:
        assert left[0] > left[1] > left[2], "melanin browns: blue goes first"


@pytest.mark.parametrize("tone", ["light", "dark"])
def test_pimples_redden_and_moles_darken(make_skin: Callable, make_mark: Callable, disc: Callable, tone: str) -> None:
    skin, core = make_skin(tone), disc(192, 96, 96, 3)

    def change(mark: Mark) -> np.ndarray:
        lab = [cv2.cvtColor(p, cv2.COLOR_RGB2LAB) for p in (skin, draw_marks(skin, [mark]))]
        return (lab[1] - lab[0])[core].mean(axis=0)

    pimple = change(make_mark("pimple"))
    mole = change(make_mark("mole", haemoglobin=0.02, melanin=1.0))
    assert pimple[1] > 2 and pimple[0] < -1
    assert mole[0] < -5
    assert mole[1] / -mole[0] < 0.5 * pimple[1] / -pimple[0], "a mole is far less red for its darkness"


def test_a_head_is_brighter_than_its_rim(make_skin: Callable, make_mark: Callable, disc: Callable) -> None:
    skin = make_skin()
    drawn = draw_marks(skin, [make_mark("pustule", radius=7, head=0.5)])
    plain = draw_marks(skin, [make_mark("pustule", radius=7)])
    centre, rim = disc(192, 96, 96, 1.5), disc(192, 96, 96, 7) & ~disc(192, 96, 96, 5)
    assert drawn[centre].mean() > drawn[rim].mean() + 0.03
    assert drawn[centre].mean() > plain[centre].mean() + 0.03
    assert np.abs(drawn - plain)[rim].mean() < 0.02


def test_a_vessel_is_a_line(make_skin: Callable, make_mark: Callable) -> None:
    skin = make_skin()
    mark = make_mark("vessel", radius=0.7, length=20.0, haemoglobin=0.35, melanin=0.0, waves=((0.0, np.pi),) * 3)
    added = (to_density(draw_marks(skin, [mark])) - to_density(skin))[..., 1]
    rows, columns = np.nonzero(added > 0.1)
    assert np.ptp(columns) > 12 and np.ptp(rows) <= 4


@pytest.mark.parametrize("place", [(0, 0), (191, 100), (-4, 50), (60, 195), (-100, -100), (500, 20)])
@pytest.mark.parametrize("kind", ["pustule", "vessel"])
def test_marks_across_the_frame_are_cut_off(
    make_skin: Callable, make_mark: Callable, place: tuple[int, int], kind: str
) -> None:
    skin = make_skin()
    length = 16.0 if kind == "vessel" else 0.0
    drawn = draw_marks(skin, [make_mark(kind, *place, head=0.3, length=length)])
    assert np.isfinite(drawn).all()
    assert (drawn != skin).any() == (-20 < place[0] < 212 and -20 < place[1] < 212)


def test_no_marks_leave_the_picture(make_skin: Callable) -> None:
    assert np.array_equal(draw_marks(make_skin(), []), make_skin())


def test_permanent_marks_are_kept_and_blemishes_are_not() -> None:
    assert {name for name, kind in MARK_KINDS.items() if kind.keep} == {"mole", "freckle"}


def test_a_mark_knows_whether_it_is_kept(make_mark: Callable) -> None:
    assert make_mark("mole").keep and not make_mark("pimple").keep


@pytest.mark.parametrize("keep", [True, False])
def test_every_kind_comes_at_its_share(keep: bool) -> None:
    marks = place_marks(np.ones((500, 400)), np.random.default_rng(0), density=3000, keep=keep)
    kinds = {name: kind for name, kind in MARK_KINDS.items() if kind.keep == keep}
    total = sum(kind.share for kind in kinds.values())
    assert {mark.kind for mark in marks} == set(kinds)
    for name, kind in kinds.items():
        share = sum(mark.kind == name for mark in marks) / len(marks)
        assert share == pytest.approx(kind.share / total, abs=0.02)


def test_marks_stay_within_their_kinds_ranges() -> None:
    for keep in (True, False):
        for mark in place_marks(np.ones((300, 300)), np.random.default_rng(1), density=800, keep=keep, scale=0.5):
            kind = MARK_KINDS[mark.kind]
            for name in ("haemoglobin", "melanin", "edge", "head"):
                low, high = getattr(kind, name)
                assert low <= getattr(mark, name) <= high
            assert kind.radius[0] <= 2 * mark.radius <= kind.radius[1]
            assert kind.length[0] <= 2 * mark.length <= kind.length[1]


def test_marks_are_centred_on_skin(disc: Callable) -> None:
    skin = disc(256, 100, 140, 60)
    marks = place_marks(skin, np.random.default_rng(0), density=3000, keep=False)
    assert len(marks) > 200
    assert all(skin[round(mark.y), round(mark.x)] for mark in marks)


@pytest.mark.parametrize(("scale", "expected"), [(1.0, 80.0), (2.0, 20.0)])
def test_density_counts_marks_on_a_face_of_512(scale: float, expected: float) -> None:
    skin = np.zeros((400, 800), bool)
    skin[:, :400] = True
    counts = [
        len(place_marks(skin, np.random.default_rng(seed), density=50, keep=False, scale=scale)) for seed in range(40)
    ]
    assert np.mean(counts) == pytest.approx(expected, rel=0.08)
    assert np.std(counts) > 1


def test_contrast_scales_pigment_alone() -> None:
    skin = np.ones((200, 200))
    full = place_marks(skin, np.random.default_rng(2), density=100, keep=False)
    half = place_marks(skin, np.random.default_rng(2), density=100, keep=False, contrast=0.5)
    assert len(full) == len(half) > 20
    for a, b in zip(full, half, strict=True):
        assert b.haemoglobin == pytest.approx(a.haemoglobin / 2) and b.melanin == pytest.approx(a.melanin / 2)
        assert (b.x, b.y, b.radius, b.kind) == (a.x, a.y, a.radius, a.kind)


def test_the_seed_decides() -> None:
    skin = np.ones((200, 200))
    first, again, other = (
        place_marks(skin, np.random.default_rng(seed), density=100, keep=False) for seed in (7, 7, 8)
    )
    assert first == again != other


def test_no_skin_no_marks() -> None:
    rng = np.random.default_rng(0)
    assert place_marks(np.zeros((50, 50), bool), rng, density=1e5, keep=False) == []
    assert place_marks(np.full((50, 50), 0.4), rng, density=1e5, keep=True) == []
    assert place_marks(np.ones((50, 50)), rng, density=0, keep=True) == []
