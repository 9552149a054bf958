from __future__ import annotations

import cv2
import numpy as np
import torch

from bpfre.network import position_grid
from bpfre.training.data.views import look_through, positions, template_matrix, view_matrix

STORED = 160


def test_a_mirrored_window_is_the_window_of_a_mirrored_crop() -> None:
    picture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (STORED, STORED, 3), np.uint8), (0, 0), 1)
    straight = view_matrix(np.array([50.0, 80.0]), 0.9, 5.0, 64, flip=False)
    mirrored = view_matrix(np.array([STORED - 1 - 50.0, 80.0]), 0.9, -5.0, 64, flip=True)
    a = look_through(picture, straight, 64)
    b = look_through(np.ascontiguousarray(picture[:, ::-1]), mirrored, 64)
    assert np.abs(a - b).max() <= 8 / 255  # 1/32 px steps of the warp
    places = [positions(m, side=64, stored=STORED, flip=f) for m, f in ((straight, False), (mirrored, True))]
    np.testing.assert_allclose(*places, atol=1e-5)


def test_the_position_of_the_whole_crop_is_the_networks_default() -> None:
    matrix = view_matrix(np.full(2, (STORED - 1) / 2), 128 / STORED, 0.0, 128, flip=False)
    grid = position_grid(128, 128, device=torch.device("cpu"), dtype=torch.float32)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(positions(matrix, side=128, stored=STORED, flip=False), grid, atol=1e-5)


def test_positions_say_where_each_pixel_comes_from() -> None:
    """A picture whose red and green are each pixel's own place, looked at from anywhere."""
    y, x = np.mgrid[0:STORED, 0:STORED]
    picture = np.stack([x, y, 0 * x], -1).astype(np.uint8)
    rng = np.random.default_rng(0)
    for flip in (False, True) * 4:
        matrix = view_matrix(rng.uniform(50, 110, 2), rng.uniform(0.8, 1.25), rng.normal(0, 7), 48, flip)
        seen = (look_through(picture, matrix, 48)[..., :2] * 255 + 0.5) * (2 / STORED) - 1
        place = positions(matrix, side=48, stored=STORED, flip=flip)
        if flip:
            seen[..., 0] *= -1
        inside = (np.abs(place) < 0.9).all(axis=2)
        assert inside.any()
        np.testing.assert_allclose(place[inside], seen[inside], atol=0.02)


def test_the_template_of_a_whole_crop_is_a_change_of_scale() -> None:
    matrix = view_matrix(np.full(2, (STORED - 1) / 2), 128 / STORED, 0.0, 128, flip=False)
    to_template = template_matrix(matrix, STORED)
    np.testing.assert_allclose(to_template @ [63.5, 63.5, 1], [255.5, 255.5], atol=1e-9)
    np.testing.assert_allclose(to_template @ [-0.5, -0.5, 1], [-0.5, -0.5], atol=1e-9)


def test_the_template_follows_the_window() -> None:
    matrix = view_matrix(np.array([40.0, 100.0]), 1.1, 12.0, 64, flip=True)
    at = np.array([70.0, 90.0, 1.0])
    window = np.append(matrix @ at, 1)
    np.testing.assert_allclose(template_matrix(matrix, STORED) @ window, (at[:2] + 0.5) * 512 / STORED - 0.5, atol=1e-9)


def test_skin_is_looked_at_like_a_picture() -> None:
    skin = np.zeros((STORED, STORED), bool)
    skin[40:120, 40:120] = True
    seen = look_through(skin, view_matrix(np.full(2, 79.5), 0.5, 0.0, 80, flip=False), 80)
    assert seen.dtype == np.float32 and seen.min() >= 0 and seen.max() <= 1
    assert abs(seen.mean() - 0.25) < 0.02
