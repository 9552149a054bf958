from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from bpfre.blemishes import MARK_KINDS, Mark, draw_marks, exact_map, place_marks
from bpfre.blemishes.covers import reach
from bpfre.blemishes.density import HAEMOGLOBIN, MELANIN, to_density, to_linear

TONES = ("light", "medium", "dark")
LINES = {name for name, kind in MARK_KINDS.items() if kind.length[1]}
PIGMENTED = {name for name, kind in MARK_KINDS.items() if not (kind.shine[1] or kind.opacity[1])}
TEMPLATE = np.array([[512 / 192, 0, 0], [0, 512 / 192, 0]])


def fine(rgb: np.ndarray) -> np.ndarray:
    density = to_density(rgb)
    return density - cv2.GaussianBlur(density, (0, 0), 1.2)


def drawn_of(kind: str, seed: int = 3, **change: object) -> Mark:
    """A strong mark of a kind as it is placed, moved to the middle of a picture of 192 px."""
    rng, skin = np.random.default_rng(seed), np.ones((192, 192), bool)
    many = 20 if MARK_KINDS[kind].per_face else 1
    marks: list[Mark] = []
    while len(marks) < 10:
        for _ in range(many):
            marks += place_marks(
                skin, rng, density=100.0, keep=MARK_KINDS[kind].keep, kinds=[kind], template=TEMPLATE, scale=1.0
            )
    mark = max(marks, key=lambda m: abs(m.haemoglobin) + abs(m.melanin) + m.shine + m.opacity)
    return dataclasses.replace(mark, **{"x": 96.0, "y": 96.0} | change)


@pytest.mark.parametrize("tone", TONES)
def test_pigment_adds_its_density(make_skin: Callable, make_mark: Callable, disc: Callable, tone: str) -> None:
    skin = make_skin(tone)
    mark = make_mark(radius=10, haemoglobin=0.4, melanin=0.2, grey=0.1)
    added = to_density(draw_marks(skin, [mark])) - to_density(skin)
    core = added[disc(192, 96, 96, 3)]
    expected = 0.4 * HAEMOGLOBIN + 0.2 * MELANIN + 0.1
    np.testing.assert_allclose(core, np.broadcast_to(expected, core.shape), atol=5e-3)


def test_pale_scars_take_pigment_away(make_skin: Callable, make_mark: Callable, disc: Callable) -> None:
    skin = make_skin("medium")
    pale = make_mark("scar", radius=1.2, length=20.0, haemoglobin=0.0, melanin=-0.2)
    added = to_density(draw_marks(skin, [pale])) - to_density(skin)
    np.testing.assert_allclose(added[96, 96], -0.2 * MELANIN, atol=0.02)


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("kind", ["pimple", "pustule", "flat mark", "patch", "pigment spot", "under-eye", "birthmark"])
def test_texture_under_a_mark_is_kept(make_skin: Callable, disc: Callable, tone: str, kind: str) -> None:
    # Without what is itself texture: unevenness and light on a raised mark.
    mark = drawn_of(kind, mottle=0.0, relief=0.0, head=0.0, glint=0.0, halo=0.0, bend=0.0, radius=10.0)
    skin = make_skin(tone)
    drawn = draw_marks(skin, [mark])
    core = disc(192, 96, 96, 3.0)
    before, after = fine(skin)[core], fine(drawn)[core]
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.97
    assert after.std() / before.std() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("kind", sorted(PIGMENTED))
def test_what_pigment_adds_does_not_depend_on_the_skin(make_skin: Callable, kind: str) -> None:
    mark = drawn_of(kind, head=0.0, glint=0.0)
    light, dark = (
        to_density(draw_marks(skin, [mark])) - to_density(skin)
        for skin in (make_skin("light", seed=1, texture=0.01), make_skin("dark", texture=0.01))
    )
    assert np.abs(light).max() > 0.04
    unclipped = (np.abs(light) < 0.9).all(axis=2)
    np.testing.assert_allclose(light[unclipped], dark[unclipped], atol=5e-3)


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("kind", sorted(PIGMENTED))
def test_every_kind_has_its_pigments_direction(make_skin: Callable, tone: str, kind: str) -> None:
    skin, mark = make_skin(tone), drawn_of(kind, head=0.0, glint=0.0, relief=0.0)
    drawn = draw_marks(skin, [mark])
    added = (to_density(drawn) - to_density(skin))[(drawn != skin).any(axis=2)].sum(axis=0)
    expected = mark.haemoglobin * HAEMOGLOBIN + mark.melanin * MELANIN + mark.grey
    expected += mark.halo * mark.haemoglobin * HAEMOGLOBIN
    cosine = added @ expected / np.linalg.norm(added) / np.linalg.norm(expected)
    assert cosine > 0.99


@pytest.mark.parametrize("kind", sorted(set(MARK_KINDS) - LINES - {"under-eye", "shine"}))
def test_blobs_have_their_size_and_place(make_skin: Callable, kind: str) -> None:
    skin, mark = make_skin(texture=0.0), drawn_of(kind, head=0.0, glint=0.0, relief=0.0, halo=0.0, x=90.4, y=101.7)
    added = (to_density(draw_marks(skin, [mark])) - to_density(skin)).sum(axis=2)
    inside = added > 0.5 * added.max()
    rows, columns = np.nonzero(inside)
    assert np.hypot(columns.mean() - 90.4, rows.mean() - 101.7) < 0.25 * mark.radius + 0.6
    assert np.sqrt(inside.sum() / np.pi) == pytest.approx(mark.radius, rel=0.45, abs=0.6)


@pytest.mark.parametrize("kind", sorted(LINES))
def test_lines_are_long_and_thin(make_skin: Callable, kind: str) -> None:
    skin, mark = make_skin(texture=0.0), drawn_of(kind, angle=0.4, length=40.0, bend=0.0, mottle=0.0)
    change = np.abs(draw_marks(skin, [mark]) - skin).sum(axis=2)
    points = np.argwhere(change > 0.4 * change.max()).astype(float)
    lengths = np.sqrt(np.linalg.eigvalsh(np.cov(points.T)) * 12)  # sides of a box with that spread
    assert 22 < lengths[1] < 44 and lengths[0] < 9 and lengths[1] > 4 * lengths[0]


@pytest.mark.parametrize("kind", sorted(MARK_KINDS))
def test_pixels_no_mark_reaches_are_identical(make_skin: Callable, disc: Callable, kind: str) -> None:
    skin, mark = make_skin(), drawn_of(kind)
    before = skin.copy()
    drawn = draw_marks(skin, [mark])
    assert np.array_equal(skin, before), "the input is left as it is"
    changed = (drawn != skin).any(axis=2)
    far = reach(mark) + (7 * mark.radius if mark.halo else 0)
    assert changed.any()
    assert not changed[~disc(192, 96, 96, far * 1.5 + 2)].any()
    assert drawn.dtype == np.float32 and drawn.min() >= 0 and drawn.max() <= 1


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


@pytest.mark.parametrize("tone", TONES)
def test_reflections_add_light_of_no_colour(make_skin: Callable, make_mark: Callable, tone: str) -> None:
    skin = make_skin(tone)
    shiny = make_mark("shine", radius=12, haemoglobin=0.0, melanin=0.0, edge=1.5, shine=0.1)
    added = to_linear(draw_marks(skin, [shiny])) - to_linear(skin)
    assert (added >= -1e-5).all() and added[90:103, 90:103].mean() == pytest.approx(0.1, abs=0.02)
    unclipped = draw_marks(skin, [shiny]).max(axis=2) < 0.995
    assert np.abs(added - added.mean(axis=2, keepdims=True))[unclipped].max() < 1e-3


def test_a_raised_mark_is_lit_from_above(make_skin: Callable, make_mark: Callable) -> None:
    skin = make_skin(texture=0.0)
    flat, raised = (draw_marks(skin, [make_mark(radius=8, relief=relief)]).mean(axis=2) for relief in (0.0, 0.1))
    difference = raised - flat
    assert difference[85:93, 96].mean() > 0.01 and difference[100:108, 96].mean() < -0.01


def test_a_hair_hides_what_is_below(make_skin: Callable, make_mark: Callable) -> None:
    skin = make_skin("light")
    hair = make_mark("hair", radius=1.0, length=60.0, haemoglobin=0.0, melanin=0.0, edge=0.3, opacity=1.0)
    drawn = draw_marks(skin, [dataclasses.replace(hair, colour=(0.02, 0.015, 0.01))])
    assert to_linear(drawn[96, 96]) == pytest.approx((0.02, 0.015, 0.01), abs=0.01)
    covered = draw_marks(drawn, [make_mark(radius=6)])
    assert np.abs(covered - skin)[96, 96].max() > 0.3


def test_a_stud_hides_the_skin_is_lit_from_above_and_glints(make_skin: Callable, make_mark: Callable) -> None:
    skin, silver = make_skin("dark"), (0.2, 0.2, 0.2)
    bead = make_mark("stud", radius=6.0, haemoglobin=0.0, melanin=0.0, grey=0.0, edge=0.2, opacity=1.0)
    plain = to_linear(draw_marks(skin, [dataclasses.replace(bead, colour=silver)]))
    assert plain[93:100, 96] == pytest.approx(np.full((7, 3), 0.2), abs=2e-3)
    lit = to_linear(draw_marks(skin, [dataclasses.replace(bead, colour=silver, relief=0.5)]))
    assert (lit[93, 96] > 1.15 * plain[93, 96]).all() and (lit[99, 96] < 0.85 * plain[99, 96]).all()
    glinting = to_linear(draw_marks(skin, [dataclasses.replace(bead, colour=silver, glint=0.6)]))
    assert glinting[94, 95].min() > 0.6 and glinting[101, 96] == pytest.approx(plain[101, 96], abs=2e-3)


@pytest.mark.parametrize("place", [(0, 0), (191, 100), (-4, 50), (60, 195), (-100, -100), (500, 20)])
@pytest.mark.parametrize("kind", ["pustule", "vessel", "hair"])
def test_marks_across_the_frame_are_cut_off(
    make_skin: Callable, make_mark: Callable, place: tuple[int, int], kind: str
) -> None:
    skin = make_skin()
    fields = {
        "pustule": {"head": 0.3, "halo": 0.3},
        "vessel": {"length": 16.0},
        "hair": {"length": 16.0, "opacity": 0.5},
    }
    drawn = draw_marks(skin, [make_mark(kind, *place, **fields[kind])])
    assert np.isfinite(drawn).all()
    assert (drawn != skin).any() == (-20 < place[0] < 212 and -20 < place[1] < 212)


def test_marks_fade_where_skin_ends_but_hairs_do_not(make_skin: Callable, make_mark: Callable) -> None:
    rgb, shown = make_skin(), np.zeros((192, 192), np.float32)
    shown[:, :96] = 1
    patch = draw_marks(rgb, [make_mark("patch", radius=15, edge=1.0)], skin=shown)
    assert (patch != rgb)[:, :96].any() and np.array_equal(patch[:, 96:], rgb[:, 96:])
    hair = draw_marks(rgb, [make_mark("hair", length=60.0, opacity=0.8)], skin=shown)
    assert (hair != rgb)[:, 96:].any()


def test_order_of_pigments_does_not_matter(make_skin: Callable, make_mark: Callable) -> None:
    rgb, marks = make_skin(), [make_mark(x=90), make_mark("mole", x=98, melanin=0.6)]
    np.testing.assert_allclose(draw_marks(rgb, marks), draw_marks(rgb, marks[::-1]), atol=1e-6)


def test_no_marks_leave_the_picture(make_skin: Callable) -> None:
    assert np.array_equal(draw_marks(make_skin(), []), make_skin())


def test_the_map_is_the_mean_absolute_difference(make_skin: Callable, make_mark: Callable) -> None:
    before = make_skin()
    after = draw_marks(before, [make_mark()])
    size = exact_map(after, before)
    assert size.shape == (192, 192) and size.dtype == np.float32
    np.testing.assert_allclose(size, np.abs(after - before).mean(axis=2), atol=1e-7)
    assert np.array_equal(size > 0, (after != before).any(axis=2))
    bytes_before, bytes_after = (np.rint(p * 255).astype(np.uint8) for p in (before, after))
    expected = np.abs(bytes_after.astype(int) - bytes_before).mean(axis=2) / 255
    np.testing.assert_allclose(exact_map(bytes_after, bytes_before), expected, atol=1e-7)
    assert exact_map(np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)).max() == 1
