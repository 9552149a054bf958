from __future__ import annotations

import cv2
import numpy as np
import pytest

from bpfre.faces.similarity import compose, fit_similarity, invert, resize_matrix, scale_of, transform
from bpfre.faces.template import FFHQ_512, template


def similarity(scale: float, degrees: float, shift: tuple[float, float]) -> np.ndarray:
    angle = np.deg2rad(degrees)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]])


@pytest.mark.parametrize("degrees", [0, 33, 90, 179, -120])
@pytest.mark.parametrize("scale", [0.05, 1, 7])
def test_recovers_the_similarity_that_made_the_points(scale: float, degrees: float) -> None:
    truth = similarity(scale, degrees, (1200, -30))
    fitted = fit_similarity(FFHQ_512, transform(truth, FFHQ_512))
    assert np.allclose(fitted, truth, atol=1e-8 * scale * 1e3)
    assert scale_of(fitted) == pytest.approx(scale)


def test_no_other_similarity_fits_noisy_points_better() -> None:
    rng = np.random.default_rng(0)
    source = FFHQ_512 + rng.normal(scale=8, size=(5, 2))

    def error(matrix: np.ndarray) -> float:
        return float(((transform(matrix, source) - FFHQ_512) ** 2).sum())

    fitted = fit_similarity(source, FFHQ_512)
    for _ in range(200):
        near = similarity(1 + rng.normal(scale=0.01), rng.normal(scale=0.5), tuple(rng.normal(scale=0.5, size=2)))
        assert error(compose(near, fitted)) > error(fitted)


def test_never_mirrors() -> None:
    mirrored = FFHQ_512 * (-1, 1)
    assert np.linalg.det(fit_similarity(mirrored, FFHQ_512)[:, :2]) > 0


@pytest.mark.parametrize("turn", [0.8, 0.45, 0.3])
def test_is_steadier_under_landmark_noise_than_a_robust_fit(turn: float) -> None:
    rng = np.random.default_rng(1)
    turned = (FFHQ_512 - 256) * (turn, 1) + 256
    centers: dict[str, list[np.ndarray]] = {"ours": [], "robust": []}
    angles: dict[str, list[float]] = {"ours": [], "robust": []}
    for _ in range(200):
        noisy = turned + rng.normal(scale=1, size=(5, 2))
        robust = cv2.estimateAffinePartial2D(noisy, FFHQ_512, method=cv2.LMEDS)[0]
        for name, matrix in (("ours", fit_similarity(noisy, FFHQ_512)), ("robust", robust)):
            centers[name].append(transform(invert(matrix), np.array([[256, 256]]))[0])
            angles[name].append(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))
    spread = {name: float(np.linalg.norm(np.std(values, axis=0))) for name, values in centers.items()}
    assert spread["ours"] < 1.0 and np.std(angles["ours"]) < 0.7
    assert spread["robust"] > 2 * spread["ours"] and np.std(angles["robust"]) > 1.5 * np.std(angles["ours"])


def test_inverse_undoes() -> None:
    matrix = similarity(2.5, 40, (10, -7))
    assert np.allclose(compose(matrix, invert(matrix)), [[1, 0, 0], [0, 1, 0]])


def test_resize_matrix_is_what_opencv_resizes_by() -> None:
    ramp = np.tile(np.arange(200, dtype=np.float32), (100, 1))
    small = cv2.resize(ramp, (80, 40), interpolation=cv2.INTER_AREA)
    back = invert(resize_matrix((200, 100), (80, 40)))
    expected = transform(back, np.array([[i, 20] for i in range(80)]))[:, 0]
    assert np.abs(small[20] - expected).max() < 0.06  # whole source pixels are shared out, hence the rest


def test_template_scales_around_the_corner_of_the_crop() -> None:
    assert np.allclose(template(512), FFHQ_512)
    assert np.allclose((template(256) + 0.5) * 2, FFHQ_512 + 0.5)
