from __future__ import annotations

import numpy as np

from bpfre.training.data.colour import draw_look

SKIN = np.zeros((48, 48), np.float32)
SKIN[10:40, 10:40] = 1


def test_both_sides_are_changed_alike() -> None:
    """Where they were equal they stay equal, where they differed they still do."""
    rng = np.random.default_rng(0)
    raw = rng.uniform(0.2, 0.8, (48, 48, 3)).astype(np.float32)
    target = raw.copy()
    target[20:25, 20:25] += 0.1
    for seed in range(20):
        look = draw_look(SKIN, np.random.default_rng(seed))
        a, b = look.apply(raw), look.apply(target)
        assert a.dtype == b.dtype == np.float32 and a.shape == raw.shape
        assert a.min() >= 0 and a.max() <= 1 and np.isfinite(a).all()
        far = np.ones((48, 48), bool)
        far[12:33, 12:33] = False  # beyond the reach of a blur
        assert np.array_equal(a[far], b[far])
        assert (a != b).any() and not np.array_equal(a, raw)
    assert target[0, 0, 0] == raw[0, 0, 0], "the input is left as it is"


def test_looks_differ_and_follow_from_the_seed() -> None:
    picture = np.full((48, 48, 3), (0.8, 0.6, 0.5), np.float32)
    shown = [draw_look(SKIN, np.random.default_rng(seed)).apply(picture) for seed in range(40)]
    assert np.array_equal(shown[3], draw_look(SKIN, np.random.default_rng(3)).apply(picture))
    means = np.array([image.mean(axis=(0, 1)) for image in shown])
    assert means.std(axis=0).min() > 0.03, "exposure and white balance vary"
    assert means[:, 0].mean() > means[:, 2].mean(), "and skin stays skin"


def test_colours_are_turned_off_skin_alone() -> None:
    turned = 0
    for seed in range(60):
        look = draw_look(SKIN, np.random.default_rng(seed))
        if look.away is None:
            continue
        turned += 1
        assert look.away[25, 25] < 0.01 and look.away[0, 0] > 0.95
    assert 3 < turned < 25
