from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from bpfre.blemishes import Mark, draw_marks, find_spots, heal_judged, heal_spots, spot_area
from bpfre.blemishes.density import to_density

SIDE = 320
PLACES = [(x, y) for x in range(50, 300, 70) for y in range(50, 300, 70)]  # 16 places
SKIN = np.ones((SIDE, SIDE), bool)


@pytest.fixture
def pimples(make_mark: Callable) -> list[Mark]:
    rng = np.random.default_rng(9)
    return [make_mark(x=x, y=y, radius=rng.uniform(3, 5), haemoglobin=rng.uniform(0.3, 0.42)) for x, y in PLACES]


def fine(rgb: np.ndarray) -> np.ndarray:
    density = to_density(rgb)
    return density - cv2.GaussianBlur(density, (0, 0), 1.2)


@pytest.mark.parametrize("tone", ["light", "medium", "dark"])
def test_spots_lose_their_contrast(
    make_skin: Callable, disc: Callable, signal: Callable, pimples: list[Mark], tone: str
) -> None:
    clean = make_skin(tone, SIDE)
    spotted = draw_marks(clean, pimples)
    labels = find_spots(spotted, SKIN)
    healed = heal_spots(spotted, labels, SKIN)
    found = [m for m in pimples if labels[round(m.y), round(m.x)]]
    assert len(found) >= 12

    def contrast(rgb: np.ndarray) -> float:
        values = signal(rgb)
        return float(
            np.mean(
                [
                    values[disc(SIDE, m.x, m.y, 0.7 * m.radius)].mean()
                    - values[disc(SIDE, m.x, m.y, 16) & ~disc(SIDE, m.x, m.y, 11)].mean()
                    for m in found
                ]
            )
        )

    base = contrast(clean)
    assert contrast(spotted) - base > 2
    assert abs(contrast(healed) - base) < 0.35 * (contrast(spotted) - base)


@pytest.mark.parametrize("tone", ["light", "dark"])
def test_texture_is_kept(make_skin: Callable, disc: Callable, pimples: list[Mark], tone: str) -> None:
    clean = make_skin(tone, SIDE)
    spots = np.any([disc(SIDE, m.x, m.y, m.radius + 2) for m in pimples], axis=0)
    healed = heal_spots(draw_marks(clean, pimples), spots, SKIN)
    before, after = fine(clean)[spots], fine(healed)[spots]
    assert after.std() / before.std() == pytest.approx(1, abs=0.25)
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.72, "it is the skin's own"


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_pixels_away_from_spots_are_identical(make_skin: Callable, disc: Callable, scale: float) -> None:
    rgb = make_skin(side=192)
    before = rgb.copy()
    spots = disc(192, 60, 60, 5) | disc(192, 140, 100, 3)
    healed = heal_spots(rgb, spots, np.ones((192, 192), bool), scale=scale)
    assert np.array_equal(rgb, before), "the input is left as it is"
    away = cv2.distanceTransform((~spots).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > 3 * scale + 0.5
    assert np.array_equal(healed[away], rgb[away])
    assert (healed != rgb)[spots].any(axis=1).mean() > 0.9
    assert healed.dtype == np.float32 and np.isfinite(healed).all()


def test_without_spots_the_picture_is_identical(make_skin: Callable) -> None:
    rgb, skin = make_skin(), np.ones((192, 192), bool)
    assert np.array_equal(heal_spots(rgb, np.zeros((192, 192), np.int32), skin), rgb)
    assert np.array_equal(heal_spots(rgb, np.zeros((192, 192), bool), skin), rgb)


def test_without_skin_to_learn_from_the_picture_is_identical(make_skin: Callable, disc: Callable) -> None:
    rgb, spot = make_skin(), disc(192, 96, 96, 5)
    assert np.array_equal(heal_spots(rgb, spot, np.zeros((192, 192), bool)), rgb)
    assert np.array_equal(heal_spots(rgb, spot, spot), rgb), "the spot itself is no skin to learn from"


def test_tone_comes_from_skin_alone(make_skin: Callable, disc: Callable) -> None:
    rgb = make_skin()
    skin = ~disc(192, 112, 96, 6)
    other = rgb.copy()
    other[~skin] = (0.1, 0.2, 0.9)
    spot, core = disc(192, 96, 96, 5), disc(192, 96, 96, 3)
    np.testing.assert_allclose(heal_spots(other, spot, skin)[core], heal_spots(rgb, spot, skin)[core], atol=1e-4)


def test_a_spot_larger_than_the_narrow_kernels_is_filled(make_skin: Callable, disc: Callable) -> None:
    clean = make_skin(side=SIDE)
    spot = disc(SIDE, 160, 160, 25)
    damaged = clean.copy()
    damaged[spot] = 0.02
    healed = heal_spots(damaged, spot, SKIN)
    assert np.abs(healed[spot].mean(axis=0) - clean[spot].mean(axis=0)).max() < 0.06


def test_healing_a_healed_face_with_new_pimples_leads_back(
    make_skin: Callable, make_mark: Callable, pimples: list[Mark], disc: Callable
) -> None:
    spotted = draw_marks(make_skin(side=SIDE), pimples)
    first = heal_spots(spotted, find_spots(spotted, SKIN), SKIN)
    new = [make_mark(x=m.x + 35, y=m.y, radius=4, haemoglobin=0.4) for m in pimples if m.x < 260]
    drawn = draw_marks(first, new)
    labels = find_spots(drawn, SKIN)
    assert sum(labels[round(m.y), round(m.x)] > 0 for m in new) >= 0.8 * len(new)
    second = heal_spots(drawn, labels, SKIN)
    under = np.any([disc(SIDE, m.x, m.y, 3) for m in new], axis=0)

    def tone_error(rgb: np.ndarray) -> float:
        return float(np.abs(cv2.GaussianBlur(rgb - first, (0, 0), 1.5))[under].mean())

    assert tone_error(second) < 0.35 * tone_error(drawn)


@pytest.mark.parametrize("tone", ["light", "medium", "dark"])
def test_healed_skin_is_as_rough_as_the_skin_around(
    make_skin: Callable, disc: Callable, pimples: list[Mark], tone: str
) -> None:
    spotted = draw_marks(make_skin(tone, SIDE), pimples)
    labels = find_spots(spotted, SKIN)
    healed, inside = fine(heal_spots(spotted, labels, SKIN)), labels > 0
    around = cv2.dilate(inside.astype(np.uint8), np.ones((25, 25))).astype(bool) & ~cv2.dilate(
        inside.astype(np.uint8), np.ones((9, 9))
    ).astype(bool)
    assert np.square(healed[inside]).mean() / np.square(healed[around]).mean() == pytest.approx(1, abs=0.3)


def test_no_seam_around_a_healed_spot_where_light_falls_off(make_skin: Callable, disc: Callable) -> None:
    ramp = np.linspace(0.5, 1, 192, dtype=np.float32)[None, :, None]
    clean = make_skin(texture=0.0) * ramp
    spot = disc(192, 96, 96, 6)
    damaged = np.where(spot[..., None], clean * np.float32(0.7), clean)
    error = heal_spots(damaged, spot, np.ones((192, 192), bool)) - clean
    assert np.abs(error).max() < 0.02
    steps = np.abs(np.diff(error, axis=0)).max(), np.abs(np.diff(error, axis=1)).max()
    assert max(steps) < 0.015


def test_healing_fades_out_towards_what_is_no_skin(make_skin: Callable, disc: Callable) -> None:
    """Beside hair the tone is known from one side alone: a cut along the hair would be seen."""
    rgb, skin = make_skin(), np.ones((192, 192), bool)
    rgb[:, :92] *= np.linspace(0.4, 1, 92, dtype=np.float32)[:, None]
    skin[:, :80] = False
    spot = disc(192, 88, 96, 8) & skin
    healed = heal_spots(rgb, spot, skin)
    assert np.array_equal(healed[:, :80], rgb[:, :80])
    shift = (healed - rgb).mean(axis=2)[90:103]
    assert np.abs(shift[:, 80:82]).max() < 0.3 * max(np.abs(shift).max(), 1e-3)


def test_a_face_is_healed_in_one_go(make_skin: Callable, pimples: list[Mark]) -> None:
    spotted, area = draw_marks(make_skin(side=SIDE), pimples), spot_area(SKIN)
    healed = heal_judged(spotted, SKIN).target
    assert np.array_equal(healed, heal_spots(spotted, find_spots(spotted, area), SKIN))
    nowhere = np.zeros_like(SKIN)
    assert np.array_equal(heal_judged(spotted, SKIN, area=nowhere).target, spotted)
