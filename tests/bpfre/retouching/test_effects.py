from __future__ import annotations

import cv2
import numpy as np
import pytest

from bpfre.errors import UsageError
from bpfre.faces.template import template
from bpfre.retouching.effects import EFFECTS, chosen_part, split_effects
from bpfre.retouching.settings import RetouchSettings

SIZE = 256
CHEEK, BELOW_EYE, FOREHEAD = (88, 160), (96, 134), (128, 82)


def bump(place: tuple[int, int], radius: float, colour: tuple[float, float, float]) -> np.ndarray:
    """A correction at one place. -> [SIZE, SIZE, 3] float32"""
    y, x = np.mgrid[:SIZE, :SIZE]
    cover = np.hypot(x - place[0], y - place[1]) <= radius
    return (cv2.GaussianBlur(cover.astype(np.float32), (0, 0), 1.0)[..., None] * np.float32(colour)).astype(np.float32)


PARTS = {
    "spots": bump((150, 170), 2.0, (0.02, 0.06, 0.05)),
    "redness": bump(CHEEK, 14.0, (0.0, 0.04, 0.03)),
    "under-eye": bump(BELOW_EYE, 6.0, (0.03, 0.03, 0.03)),
    "shine": bump(FOREHEAD, 14.0, (-0.05, -0.05, -0.05)),
}


def test_effects_add_up_to_the_correction() -> None:
    correction = np.random.default_rng(0).normal(0, 0.02, (SIZE, SIZE, 3)).astype(np.float32) + sum(PARTS.values())
    parts = split_effects(correction)
    assert tuple(parts) == EFFECTS
    np.testing.assert_allclose(sum(parts.values()), correction, atol=1e-6)


@pytest.mark.parametrize("effect", EFFECTS)
def test_each_effect_is_found_where_it_is(effect: str) -> None:
    parts = split_effects(np.sum(list(PARTS.values()), axis=0))
    alone = chosen_part(np.zeros((SIZE, SIZE, 3), np.float32), np.sum(list(PARTS.values()), axis=0), effects=[effect])
    np.testing.assert_array_equal(alone, parts[effect])
    for name, made in PARTS.items():
        where = np.abs(made).sum(axis=2) > 0.5 * np.abs(made).sum(axis=2).max()
        share = alone[where].sum() / made[where].sum()
        assert share > 0.8 if name == effect else abs(share) < 0.2, (effect, name, share)


@pytest.mark.parametrize("effect", ["redness", "under-eye", "shine"])
def test_effects_end_softly(effect: str) -> None:
    """A flat correction that darkens one half: where an effect's part of it ends, there is a ramp and no edge."""
    flat = np.full((512, 512, 3), 0.1, np.float32)
    flat[:, 256:] = -0.1
    part = chosen_part(np.zeros_like(flat), flat, effects=[effect])
    assert np.abs(part).max() == pytest.approx(0.1, rel=0.05)
    share = part / flat
    assert share.min() < 0.05 and max(np.abs(np.diff(share, axis=axis)).max() for axis in (0, 1)) < 0.12


def test_all_effects_are_the_correction_itself() -> None:
    correction = PARTS["redness"]
    assert chosen_part(np.zeros_like(correction), correction) is correction


def face_with(place: tuple[int, int], darkness: float) -> np.ndarray:
    """A skin-coloured crop with pores and one dark mark. -> [512, 512, 3] float32"""
    rng = np.random.default_rng(1)
    pores = cv2.GaussianBlur(rng.normal(size=(512, 512)), (0, 0), 1.0)
    skin = np.array((0.80, 0.62, 0.53)) * np.exp(0.02 * pores / pores.std())[..., None]
    for x, y in template(512):
        cv2.circle(skin, (round(x), round(y)), 14, (0.3, 0.2, 0.2), -1)  # eyes, nostrils, corners of the mouth
    y, x = np.mgrid[:512, :512]
    cover = np.exp(-0.5 * (np.hypot(x - place[0], y - place[1]) / 2.5) ** 2)[..., None]
    return (skin * np.exp(-cover * np.array((0.5, 0.8, 1.0)) * darkness)).astype(np.float32)


@pytest.mark.parametrize("place", [(170, 330), (140, 370)], ids=["cheek", "near the outline"])
def test_permanent_marks_go_where_it_is_asked_for_and_stay_by_default(place: tuple[int, int]) -> None:
    pixels = face_with(place, 0.9)
    nothing = np.zeros_like(pixels)
    assert not chosen_part(pixels, nothing).any()
    change = chosen_part(pixels, nothing, marks="remove")
    mark = np.s_[place[1] - 1 : place[1] + 2, place[0] - 1 : place[0] + 2]
    skin = np.median(pixels[300:360, 140:200], axis=(0, 1))
    assert (
        np.abs((pixels + change)[mark].mean(axis=(0, 1)) - skin).max() < 0.06 < (skin - pixels[mark].mean((0, 1))).max()
    )
    y, x = np.mgrid[:512, :512]
    far = np.hypot(x - place[0], y - place[1]) > 25
    assert np.abs(change[far]).mean() < 0.002
    for eye in template(512)[:2]:
        assert not change[round(eye[1]) - 12 : round(eye[1]) + 12, round(eye[0]) - 12 : round(eye[0]) + 12].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"effects": ()}, "No effect is chosen"),
        ({"effects": ("spots", "wrinkles")}, "no effect 'wrinkles'"),
        ({"marks": "paint"}, "no way 'paint' with permanent marks"),
    ],
)
def test_unknown_choices_are_a_sentence(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        RetouchSettings(**change)  # type: ignore[arg-type]


def test_choices_decide_results() -> None:
    plain = RetouchSettings().deciding()
    assert RetouchSettings(marks="remove").deciding() != plain != RetouchSettings(effects=("spots",)).deciding()
