"""Figures are what their formulas say, and what other libraries say."""

from __future__ import annotations

import math
import sys

import cv2
import numpy as np
import pytest

pytest.importorskip("torchmetrics", reason="the extra evaluate is not installed")
pytest.importorskip("piq", reason="the extra evaluate is not installed")

from bpfre.errors import UsageError
from bpfre.evaluation.fidelity import EditGauge, FidelityGauge
from bpfre.evaluation.gauges import Measured, open_gauges
from bpfre.evaluation.perceptual import HaarPsiGauge


@pytest.fixture
def target(portrait: np.ndarray) -> np.ndarray:
    return portrait


@pytest.fixture
def raw(target: np.ndarray) -> np.ndarray:
    """The target with two spots."""
    raw = target.copy()
    for centre in ((112, 120), (150, 128)):
        cv2.circle(raw, centre, 4, (150, 70, 60), -1)
    return raw


def measured(result: np.ndarray, raw: np.ndarray, target: np.ndarray) -> Measured:
    return Measured(result, raw, target, None)


def results(raw: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
    noise = np.random.default_rng(0).normal(0, 6, target.shape)
    return {
        "unedited": raw,
        "blurred": cv2.GaussianBlur(target, (0, 0), 1.5),
        "noisy": np.clip(target + noise, 0, 255).astype(np.uint8),
        "dark": (target * 0.9).astype(np.uint8),
    }


def test_the_unedited_photo_reproduces_nothing(raw: np.ndarray, target: np.ndarray) -> None:
    figures = EditGauge()(measured(raw, raw, target))
    difference = np.abs(raw.astype(float) - target)
    edited = difference.max(axis=2) > 3
    assert figures["reproduced"] == 0
    assert figures["edited"] == pytest.approx(difference[edited].mean(), rel=1e-5)
    assert figures["elsewhere"] == pytest.approx(difference[~edited].mean(), abs=1e-6)
    psnr = FidelityGauge("cpu")(measured(raw, raw, target))["psnr"]
    assert psnr == pytest.approx(20 * math.log10(255) - 10 * math.log10(np.square(difference).mean()), abs=1e-4)


def test_the_target_itself_is_perfect(raw: np.ndarray, target: np.ndarray) -> None:
    same = measured(target, raw, target)
    assert FidelityGauge("cpu")(same) == {"psnr": math.inf, "ssim": pytest.approx(1, abs=1e-12)}
    assert HaarPsiGauge("cpu")(same) == {"haarpsi": pytest.approx(1, abs=1e-6)}
    assert EditGauge()(same) == {"edited": 0, "elsewhere": 0, "reproduced": 1}


def test_a_blurred_target_has_its_edits_and_errs_elsewhere(raw: np.ndarray, target: np.ndarray) -> None:
    blurred = cv2.GaussianBlur(target, (0, 0), 1.5)
    error = np.abs(blurred.astype(float) - target)
    edit = np.abs(raw.astype(float) - target)
    edited = edit.max(axis=2) > 3
    figures = EditGauge()(measured(blurred, raw, target))
    assert figures["edited"] == pytest.approx(error[edited].mean(), rel=1e-5)
    assert figures["elsewhere"] == pytest.approx(error[~edited].mean(), rel=1e-5)
    assert figures["reproduced"] == pytest.approx(1 - error[edited].mean() / edit[edited].mean(), rel=1e-5)
    assert figures["reproduced"] > 0.5 and figures["elsewhere"] > 1
    sharp, soft = (FidelityGauge("cpu")(measured(p, raw, target)) for p in (raw, blurred))
    assert soft["psnr"] < sharp["psnr"] and soft["ssim"] < sharp["ssim"]


def test_a_plain_shift_has_the_psnr_of_its_size() -> None:
    grey = np.full((64, 64, 3), 100, np.uint8)
    psnr = FidelityGauge("cpu")(measured(grey + np.uint8(10), grey, grey))["psnr"]
    assert psnr == pytest.approx(20 * math.log10(255 / 10), abs=1e-4)


def test_without_edits_there_is_nothing_to_reproduce(target: np.ndarray) -> None:
    nearly = np.where(target < 253, target + 3, target).astype(np.uint8)
    figures = EditGauge()(measured(target, target, nearly))
    assert figures["edited"] is None and figures["reproduced"] is None and 2.5 < figures["elsewhere"] <= 3


def test_psnr_and_ssim_agree_with_other_libraries(raw: np.ndarray, target: np.ndarray) -> None:
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is the second opinion")
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure

    for name, result in results(raw, target).items():
        figures = FidelityGauge("cpu")(measured(result, raw, target))
        psnr = metrics.peak_signal_noise_ratio(target, result, data_range=255)
        settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        ssim = metrics.structural_similarity(target, result, data_range=255, channel_axis=2, **settings)
        assert figures["psnr"] == pytest.approx(psnr, abs=1e-4), name
        assert figures["ssim"] == pytest.approx(ssim, abs=1e-4), name
        a, b = (torch.from_numpy(p.copy()).permute(2, 0, 1)[None].double() / 255 for p in (result, target))
        _, everywhere = structural_similarity_index_measure(a, b, data_range=1.0, return_full_image=True)
        inside = everywhere[..., 5:-5, 5:-5]  # where the window is
        assert figures["ssim"] == pytest.approx(float(inside.mean()), abs=1e-4), name


def test_haarpsi_falls_with_the_damage(target: np.ndarray) -> None:
    blurs = [cv2.GaussianBlur(target, (0, 0), sigma) for sigma in (0.5, 1.0, 2.0, 4.0)]
    values = [HaarPsiGauge("cpu")(measured(blurred, target, target))["haarpsi"] for blurred in blurs]
    assert values == sorted(values, reverse=True) and 0 < values[-1] < values[0] < 1


def test_what_cannot_be_had_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch, bare_cache: None) -> None:
    gauges = open_gauges("cpu")
    assert [column.key for column in gauges.columns] == [
        "psnr",
        "ssim",
        "haarpsi",
        "edited",
        "elsewhere",
        "reproduced",
    ]
    assert [missing.title for missing in gauges.missing] == ["LPIPS", "DISTS", "identity"]
    for missing, name in zip(gauges.missing, ("alexnet", "vgg16", "arcface"), strict=True):
        assert f"bpfre weights fetch {name}" in missing.reason
    assert "BPFRE_OFFLINE is set" in gauges.missing[0].reason


@pytest.mark.parametrize("package", ["torchmetrics", "piq"])
def test_without_the_libraries_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UsageError, match=rf"{package} is missing.*bpfre\[evaluate\]"):
        open_gauges("cpu")
