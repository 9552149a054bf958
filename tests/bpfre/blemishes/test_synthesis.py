from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bpfre.blemishes import MARK_KINDS, draw_marks, estimate_skin, exact_map
from bpfre.blemishes.synthesis import MAP_FULL, MAP_STEP, SynthesisSettings, synthesize
from bpfre.errors import UsageError

KEEP = tuple(name for name, kind in MARK_KINDS.items() if kind.keep)


@pytest.fixture(scope="module")
def face(make_skin: Callable, make_mark: Callable) -> tuple[np.ndarray, np.ndarray]:
    """[512, 512, 3] skin in the shape of a face with three real pimples, and where it is skin."""
    crop = make_skin("light", 512, texture=0.015)
    skin = estimate_skin(crop)
    places = ((165, 320), (340, 330), (256, 165))
    return draw_marks(crop, [make_mark(x=x, y=y, radius=4, haemoglobin=0.4, edge=1.2) for x, y in places]), skin


def make(face: tuple[np.ndarray, np.ndarray], seed: int = 0, **change: object):
    return synthesize(*face, np.random.default_rng(seed), SynthesisSettings(**change))


@pytest.mark.parametrize("source", ["drawn", "healed", "both"])
def test_sides_are_what_the_source_says(face: tuple[np.ndarray, np.ndarray], source: str) -> None:
    photo = np.rint(face[0] * 255).astype(np.uint8)
    pair = make(face, source=source, keep_density=0)
    assert pair.raw.shape == pair.target.shape == (512, 512, 3) and pair.raw.dtype == pair.target.dtype == np.uint8
    real = np.s_[326:335, 336:345]
    assert np.array_equal(pair.raw, photo) == (source == "healed")
    assert np.array_equal(pair.target, photo) == (source == "drawn")
    assert (pair.target[real] != photo[real]).any() == (source != "drawn")
    assert (pair.raw != pair.target).any()


@pytest.mark.parametrize("source", ["drawn", "both"])
def test_marks_to_keep_never_differ_between_the_sides(face: tuple[np.ndarray, np.ndarray], source: str) -> None:
    plain = make(face, source="healed" if source == "both" else source, density=0, keep_density=0)
    kept = make(face, source=source, kinds=KEEP, keep_density=80)
    assert (kept.raw != plain.raw).any(axis=2).mean() > 2e-3, "they are there"
    differs = (kept.raw != kept.target).any(axis=2)
    if source == "drawn":
        assert not differs.any()
    else:  # where real spots were healed, and nowhere else
        assert not (differs & ~(plain.raw != plain.target).any(axis=2)).any()


@pytest.mark.parametrize("source", ["drawn", "healed", "both"])
def test_the_map_is_the_edit_exactly(face: tuple[np.ndarray, np.ndarray], source: str) -> None:
    pair = make(face, source=source)
    difference = np.abs(pair.raw.astype(int) - pair.target)
    assert np.array_equal(pair.map, exact_map(pair.raw, pair.target))
    np.testing.assert_allclose(pair.map, difference.mean(axis=2) / 255, atol=1e-7)
    assert pair.map16.dtype == np.uint16 and np.array_equal(pair.map16, MAP_STEP * difference.sum(axis=2))
    np.testing.assert_allclose(pair.map16 / MAP_FULL, pair.map, atol=1e-7)
    assert np.array_equal(pair.map16 == 0, (pair.raw == pair.target).all(axis=2))


def test_most_of_the_picture_is_identical(face: tuple[np.ndarray, np.ndarray]) -> None:
    shares = [(make(face, seed).map16 > 0).mean() for seed in range(5)]
    assert 0.003 < np.mean(shares) < 0.08, "retouchers change 11 % of the pixels of a face at most"
    pair = make(face)
    far = np.ones((512, 512), bool)
    far[60:490, 90:420] = False
    assert np.array_equal(pair.raw[far], pair.target[far])


def test_the_seed_decides(face: tuple[np.ndarray, np.ndarray]) -> None:
    first, again, other = (make(face, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.raw, again.raw) and np.array_equal(first.target, again.target)
    assert not np.array_equal(first.raw, other.raw)


def test_healed_can_be_given(face: tuple[np.ndarray, np.ndarray]) -> None:
    grey = np.full_like(face[0], 0.5)
    pair = synthesize(*face, np.random.default_rng(0), SynthesisSettings(keep_density=0), healed=grey)
    assert (pair.target == 128).all()


def test_settings_reach_the_marks(face: tuple[np.ndarray, np.ndarray]) -> None:
    def size(**change: object) -> float:
        return float(np.mean([make(face, seed, source="drawn", **change).map.sum() for seed in range(4)]))

    usual = size()
    assert size(density=0) == 0
    assert size(density=120) > 1.8 * usual
    assert size(strength=0.3) < 0.6 * usual < usual < size(strength=2.0)
    assert size(kinds=("mole",)) == 0
    dots = make(face, source="drawn", kinds=("dot",), density=100)
    assert 0 < (dots.map16 > 0).mean() < 0.02


def test_other_sizes_show_the_same_kind_of_face(make_skin: Callable) -> None:
    crop = make_skin("medium", 256, texture=0.015)
    small = synthesize(
        crop, estimate_skin(crop, scale=0.5), np.random.default_rng(0), SynthesisSettings(source="drawn", density=100)
    )
    assert small.raw.shape == (256, 256, 3) and 0.005 < (small.map16 > 0).mean() < 0.15


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"source": "painted"}, "no source 'painted'"),
        ({"density": -1.0}, "density must be 0 or more"),
        ({"strength": float("nan")}, "strength must be 0 or more"),
        ({"kinds": ("wart",)}, "no kind of mark 'wart'"),
    ],
)
def test_wrong_settings_are_a_sentence(change: dict, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        SynthesisSettings(**change)
