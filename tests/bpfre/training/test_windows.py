from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch

from bpfre.training import TrainConfig, TrainingFace
from bpfre.training.windows import Batch, WindowDataset, _position, _window_matrix, make_window


def equal(a: Batch, b: Batch) -> bool:
    return torch.equal(a.raw, b.raw) and torch.equal(a.target, b.target) and torch.equal(a.position, b.position)


def test_a_batch_has_the_configured_shape(faces: list[TrainingFace], short: TrainConfig) -> None:
    dataset = WindowDataset(faces, short)
    assert len(dataset) == 6
    batch = dataset[0]
    assert batch.raw.shape == batch.target.shape == (2, 3, 32, 32)
    assert batch.position.shape == (2, 2, 32, 32)
    for tensor in (batch.raw, batch.target, batch.position):
        assert tensor.dtype == torch.float32 and torch.isfinite(tensor).all()
    assert batch.raw.min() >= 0 and batch.raw.max() <= 1 and batch.target.min() >= 0 and batch.target.max() <= 1


def test_the_last_steps_see_the_networks_own_size(faces: list[TrainingFace], short: TrainConfig) -> None:
    dataset = WindowDataset(faces, dataclasses.replace(short, batch_size=9))
    assert dataset[3].raw.shape == (9, 3, 32, 32)
    assert dataset[4].raw.shape == (2, 3, 64, 64), "as many pixels a step, rounded"
    assert WindowDataset(faces, dataclasses.replace(short, batch_size=1))[5].raw.shape == (1, 3, 64, 64)


def test_whole_crops_show_the_whole_crop(faces: list[TrainingFace], short: TrainConfig) -> None:
    batch = WindowDataset(faces, dataclasses.replace(short, preset="starter", batch_size=1))[5]
    assert batch.raw.shape == (1, 3, 512, 512)
    assert -1.3 < batch.position.min() < -0.85 and 0.85 < batch.position.max() < 1.3
    assert batch.position.mean(dim=(2, 3)).abs().max() < 0.1


def test_seed_and_step_decide_a_batch(faces: list[TrainingFace], short: TrainConfig) -> None:
    first, again = WindowDataset(faces, short), WindowDataset(faces, short)
    first[3]  # what was drawn before has no say
    assert equal(first[1], again[1])
    assert not equal(first[1], first[2])
    assert not equal(first[1], WindowDataset(faces, dataclasses.replace(short, seed=1))[1])


def test_another_step_is_another_view(faces: list[TrainingFace], plain: TrainConfig) -> None:
    dataset = WindowDataset(faces, plain)
    assert not torch.equal(dataset[1].position, dataset[2].position)


def test_windows_of_a_batch_differ(faces: list[TrainingFace], short: TrainConfig) -> None:
    batch = WindowDataset(faces, short)[0]
    assert not torch.equal(batch.raw[0], batch.raw[1])


@pytest.mark.parametrize("step", range(6))
def test_without_blemishes_raw_is_the_target(make_face: Callable, short: TrainConfig, step: int) -> None:
    """Permanent marks, colours, blur and grain come to both sides alike."""
    config = dataclasses.replace(short, density=0.0, keep_density=2000.0)
    batch = WindowDataset([make_face(0), make_face(3)], config)[step]
    assert torch.equal(batch.raw, batch.target)


def test_raw_is_the_target_away_from_marks(make_face: Callable, short: TrainConfig) -> None:
    config = dataclasses.replace(short, density=60.0, batch_size=4, window=96)
    dataset = WindowDataset([make_face(0)], config)
    shares = []
    for step in range(4):
        batch = dataset[step]
        differs = (batch.raw != batch.target).any(dim=1)
        shares.append(float(differs.float().mean()))
        # A blemish is a change that stands out in its middle; soft rims and blur only surround it.
        for window, changed in zip((batch.raw - batch.target).abs().mean(dim=1), differs, strict=True):
            middle = (window > 1 / 255).numpy().astype(np.uint8)
            near = cv2.dilate(middle, np.ones((61, 61), np.uint8)) > 0
            assert not changed.numpy()[~near].any()
    assert 0 < np.mean(shares) < 0.5


def test_more_density_is_more_blemishes_and_it_falls_over_the_run(make_face: Callable, short: TrainConfig) -> None:
    config = dataclasses.replace(
        short, steps=100, batch_size=12, window=64, whole=0.0, density=60.0, dense_factor=10.0, keep_density=0.0
    )
    dataset = WindowDataset([make_face(0)], config)

    def changed(steps: range) -> float:
        return float(np.mean([(dataset[s].raw != dataset[s].target).any(dim=1).float().mean() for s in steps]))

    assert changed(range(0, 4)) > 1.5 * changed(range(60, 64)) > 0


def test_pairs_show_the_retouchers_edit(make_face: Callable, plain: TrainConfig) -> None:
    config = dataclasses.replace(plain, batch_size=4, window=128)
    batch = WindowDataset([make_face(2, spots=True, paired=True)], config)[0]
    difference = (batch.raw - batch.target).abs().mean(dim=1)
    assert all(float(window.max()) > 0.03 for window in difference)
    assert float((difference == 0).float().mean()) > 0.5


def test_sharp_faces_are_drawn_most_of_the_time(make_face: Callable, plain: TrainConfig) -> None:
    bright = dataclasses.replace(make_face(0), raw=np.full((640, 640, 3), 250, np.uint8))
    bright = dataclasses.replace(bright, target=bright.raw)
    dark = dataclasses.replace(bright, raw=np.full((640, 640, 3), 20, np.uint8), sharp=False)
    dark = dataclasses.replace(dark, target=dark.raw)
    config = dataclasses.replace(plain, batch_size=100, window=8, whole=0.0)
    batch = WindowDataset([bright, dark, dark, dark], config)[0]
    assert 0.65 < float((batch.raw.mean(dim=(1, 2, 3)) > 0.4).float().mean()) < 0.95


@pytest.mark.parametrize("sharp", [True, False])
def test_faces_of_one_sort_and_faces_without_skin_will_do(make_face: Callable, short: TrainConfig, sharp: bool) -> None:
    batch = WindowDataset([make_face(0, sharp=sharp, skin=False)], short)[0]
    assert torch.equal(batch.raw, batch.target), "there is no skin to draw on"


def coordinate_face() -> TrainingFace:
    """A picture whose red and green are each pixel's own x and y in the crop."""
    y, x = np.mgrid[0:640, 0:640]
    picture = np.stack([x, y, np.full_like(x, 320)], -1) * (255 / 640)
    picture = np.rint(picture).astype(np.uint8)
    return TrainingFace(picture, picture, np.ones((640, 640), bool), paired=False, sharp=True)


def test_position_says_where_each_pixel_comes_from(plain: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Warped coordinates must agree with the position, its x mirrored where the window is."""
    monkeypatch.setattr("bpfre.training.windows._recolour", lambda images, skin, rng: images)
    face, mirrored = coordinate_face(), set()
    for seed in range(16):
        rng = np.random.default_rng(seed)
        raw, target, position = make_window(face, rng, side=96, whole=False, density=0.0, config=plain)
        assert np.array_equal(raw, target)
        seen = raw[..., :2] * 2 - 1 + 1 / 640  # pixel centres
        inside = (np.abs(position) < 0.95).all(axis=2)  # beyond the crop it is reflected
        assert inside.any()
        flip = bool(position[48, 60, 0] > position[48, 36, 0]) != bool(seen[48, 60, 0] > seen[48, 36, 0])
        mirrored.add(flip)
        if flip:
            seen[..., 0] *= -1
        np.testing.assert_allclose(position[inside], seen[inside], atol=0.012)
        assert position[48, 60, 0] > position[48, 36, 0], "a mirrored face has its places like any other"
    assert mirrored == {True, False}


def test_a_mirrored_window_is_the_window_of_a_mirrored_crop() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (640, 640, 3), np.uint8)
    straight = _window_matrix(np.array([200.0, 300.0]), 0.9, 5.0, 64, flip=False)
    mirrored = _window_matrix(np.array([639 - 200.0, 300.0]), 0.9, -5.0, 64, flip=True)
    a = cv2.warpAffine(picture, straight, (64, 64))
    b = cv2.warpAffine(np.ascontiguousarray(picture[:, ::-1]), mirrored, (64, 64))
    assert np.abs(a.astype(int) - b).max() <= 8  # 1/32 px steps of the warp on white noise
    np.testing.assert_allclose(_position(straight, 64, False), _position(mirrored, 64, True), atol=1e-5)


def test_the_position_of_the_whole_crop_is_the_networks_default() -> None:
    from bpfre.network import position_grid

    matrix = np.array([[0.8, 0, 0.5 * 0.8 - 0.5], [0, 0.8, 0.5 * 0.8 - 0.5]])  # 640 px to 512 px, outer edges kept
    grid = position_grid(512, 512, device=torch.device("cpu"), dtype=torch.float32)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(_position(matrix, 512, False), grid, atol=1e-5)
