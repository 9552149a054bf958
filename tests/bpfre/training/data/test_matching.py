from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from bpfre.training.config import TrainConfig
from bpfre.training.data import LoadedFace, WindowDataset
from bpfre.training.data.matching import Edits, MarkFactors, edits_of, match_marks
from bpfre.training.data.window import Role, Window

CONFIG = TrainConfig()


def window(edited: float, size: float, side: int = 20) -> Window:
    """A window of which the first rows are edited."""
    target = np.full((side, side, 3), 0.5, np.float32)
    raw = target.copy()
    raw[: round(edited * side)] -= np.float32(size)
    nothing = np.zeros((side, side), np.uint8)
    return Window(raw, target, np.zeros((side, side, 2), np.float32), nothing, Role.SUPERVISED)


def paler(source: LoadedFace) -> LoadedFace:
    """With a fifth of its edits' strength."""
    face = source.face
    raw = np.rint(0.8 * face.target + 0.2 * face.raw).astype(np.uint8)
    return LoadedFace(dataclasses.replace(face, raw=raw), source.name)


def test_edits_are_measured_over_all_windows() -> None:
    seen = edits_of([window(0.2, 0.1), window(0.4, 0.04), window(0.0, 0.0)], CONFIG)
    assert seen.share == pytest.approx(0.2)
    assert seen.size == pytest.approx((0.2 * 0.1 + 0.4 * 0.04) / 0.6, rel=1e-5)


def test_changes_below_the_threshold_are_no_edits() -> None:
    assert edits_of([window(0.5, 0.9 * CONFIG.edited_from)], CONFIG) == Edits(0.0, 0.0)
    assert edits_of([window(0.5, 1.1 * CONFIG.edited_from)], CONFIG).share == 0.5
    assert edits_of([], CONFIG) == Edits(0.0, 0.0)


def test_factors_reach_the_goal() -> None:
    """Of marks that overlap where they are many, and of which faint parts are not seen."""

    def measure(factors: MarkFactors) -> Edits:
        return Edits(1 - np.exp(-0.03 * factors.density * factors.contrast**0.5), 0.01 * factors.contrast**0.8)

    goal = Edits(0.12, 0.017)
    reached = measure(match_marks(goal, measure))
    assert reached.share == pytest.approx(goal.share, rel=0.03) and reached.size == pytest.approx(goal.size, rel=0.03)


def test_without_edits_nothing_is_changed() -> None:
    assert match_marks(Edits(0.0, 0.0), lambda factors: Edits(0.1, 0.1)) == MarkFactors()


def test_relative_edits_are_measured_relative_to_the_light() -> None:
    dark = window(0.5, 0.0)
    dark.target[:], dark.raw[:] = 0.25, 0.25
    dark.raw[:10] -= np.float32(0.01)
    absolute, relative = (edits_of([dark], TrainConfig(preset="tiny", relative=flag)) for flag in (False, True))
    assert absolute.share == relative.share == 0.5
    assert relative.size == pytest.approx(2.5 * absolute.size, rel=1e-4)


def test_factors_stay_in_bounds() -> None:
    assert match_marks(Edits(0.5, 0.5), lambda factors: Edits(1e-6, 1e-6)) == MarkFactors(8.0, 3.0)
    assert match_marks(Edits(1e-6, 1e-6), lambda factors: Edits(0.5, 0.5)) == MarkFactors(0.25, 0.5)
    assert match_marks(Edits(0.1, 0.1), lambda factors: Edits(0.0, 0.0)).contrast == 1.0, "there is nothing to measure"


def test_unpaired_faces_hold_as_much_to_do_as_pairs(make_face: Callable[..., LoadedFace]) -> None:
    """Measured in batches drawn for training, with settings that draw far too little of themselves."""
    pairs = [paler(make_face(seed, spots=True, kind="pair", side=160)) for seed in range(3)]
    raws = [make_face(seed, side=160) for seed in range(3, 8)]
    config = TrainConfig(
        preset="tiny",
        size=128,
        window=48,
        steps=150,
        whole=0.0,
        batch_size=1,
        clean_share=0.0,
        paired_share=0.0,
        density=8.0,
        dense_factor=1.0,
        contrast=(0.5, 1.0),
        colour=False,
        stamped=0.0,
    )

    def trained_on(**changes: object) -> Edits:
        dataset = WindowDataset([*pairs, *raws], dataclasses.replace(config, **changes))  # type: ignore[arg-type]
        windows = []
        for item in range(len(dataset)):
            batch = dataset[item]
            raw, target = (side[0].permute(1, 2, 0).numpy() for side in (batch.raw, batch.target))
            windows.append(dataclasses.replace(window(0, 0), raw=raw, target=target))
        return edits_of(windows, config)

    goal = trained_on(paired_share=1.0)
    plain, matched = trained_on(matched=False), trained_on()
    assert plain.share < 0.5 * goal.share and plain.size < 0.7 * goal.size, "or there is nothing to match"
    assert 0.65 < matched.share / goal.share < 1.5
    assert 0.65 < matched.size / goal.size < 1.5


def test_pairs_are_left_as_they_are(make_face: Callable[..., LoadedFace]) -> None:
    faces = [make_face(0, spots=True, kind="pair"), make_face(1)]
    config = TrainConfig(preset="tiny", size=64, window=32, steps=4, batch_size=2, paired_share=1.0)
    alone = WindowDataset(faces, dataclasses.replace(config, matched=False))[0]
    matched = WindowDataset(faces, config)
    assert np.array_equal(matched[0].raw, alone.raw) and matched.factors != MarkFactors()
    for kinds in (faces[:1], faces[1:]):
        assert WindowDataset(kinds, config).factors == MarkFactors(), "there is nothing to match"
