"""Metrics that need published networks: found, verified, and in agreement with a second library.

The real weights are large and cannot be had everywhere, so networks of the same shape with random values take their
place: what is compared is how two libraries use one and the same network.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

pytest.importorskip("torchmetrics", reason="the extra evaluate is not installed")

import torchvision
from facexlib.recognition import arcface_arch
from torchmetrics.functional.image import dists

from bpfre.errors import WeightsError
from bpfre.evaluation import identity, perceptual
from bpfre.evaluation.gauges import Measured, as_tensor
from bpfre.faces import Face
from bpfre.faces.template import template
from bpfre.weights.catalog import ALEXNET, ARCFACE, VGG16
from bpfre.weights.published import PublishedFile


def place(published: PublishedFile, state: dict[str, torch.Tensor], folder: Path) -> PublishedFile:
    """Save a state as if it were the published file; return the record that it verifies against."""
    path = folder / published.file
    torch.save(state, path)
    return dataclasses.replace(published, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture
def weights_folder(bare_cache: Path) -> Path:
    folder = bare_cache / "weights"
    folder.mkdir(parents=True)
    return folder


Build = Callable[..., torch.nn.Module]


@pytest.fixture
def slim(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out of AlexNet and VGG-16 what no metric uses: the large layers of classification."""

    def without_head(build: Build) -> Build:
        def make(*, weights: Any = None, **_: object) -> torch.nn.Module:
            with torch.device("meta"):
                network: Any = build()
            network.classifier = torch.nn.Identity()
            network.to_empty(device="cpu")
            if weights is not None:
                network.load_state_dict(weights.get_state_dict(progress=False, check_hash=True))
            return network

        return make

    models = torchvision.models
    monkeypatch.setattr("torchmetrics.functional.image.dists.vgg16", without_head(models.vgg16))
    monkeypatch.setattr(models, "alexnet", without_head(models.alexnet))


def random_trunk(name: str) -> dict[str, torch.Tensor]:
    """Values for the convolutions of a torchvision network under which signals keep their size."""
    random = torch.Generator().manual_seed(1)
    with torch.device("meta"):
        features = torchvision.models.get_model(name, weights=None).features
    return {
        f"features.{key}": torch.randn(value.shape, generator=random) * math.sqrt(2 / max(1, value[0].numel()))
        if value.ndim > 1
        else torch.zeros(value.shape)
        for key, value in features.state_dict().items()
    }


@pytest.fixture
def pictures(portrait: np.ndarray) -> Measured:
    """A blurred face for a result; the face is taken to be aligned."""
    crop = np.ascontiguousarray(portrait[40:168, 60:188])
    face = Face(np.array([0, 0, 128, 128], np.float32), template(128).astype(np.float32), 1.0)
    return Measured(cv2.GaussianBlur(crop, (0, 0), 1.2), crop, crop, face)


def without_edit(measured: Measured) -> Measured:
    return dataclasses.replace(measured, result=measured.target)


def as_lpips_takes_it(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1


def test_lpips_agrees_with_its_authors_package(
    pictures: Measured, weights_folder: Path, slim: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    lpips = pytest.importorskip("lpips", reason="lpips is the second opinion")
    trunk = random_trunk("alexnet")
    monkeypatch.setattr(perceptual, "ALEXNET", place(ALEXNET, trunk, weights_folder))
    before = torch.hub.get_dir()
    gauge = perceptual.LpipsGauge("cpu")
    assert torch.hub.get_dir() == before
    other = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
    names = {name: f"features.{name.partition('.')[2]}" for name in other.net.state_dict()}
    other.net.load_state_dict({name: trunk[original] for name, original in names.items()})
    with torch.inference_mode():
        expected = float(other(as_lpips_takes_it(pictures.result), as_lpips_takes_it(pictures.target)))
    assert expected > 1e-3
    assert gauge(pictures) == {"lpips": pytest.approx(expected, abs=1e-6)}
    assert gauge(without_edit(pictures)) == {"lpips": 0}
    assert gauge(pictures) == {"lpips": pytest.approx(expected, abs=1e-6)}  # what was measured before plays no part


def test_lpips_with_the_real_weights_agrees_with_its_authors_package(pictures: Measured) -> None:
    lpips = pytest.importorskip("lpips", reason="lpips is the second opinion")
    path = ALEXNET.find()
    if path is None:
        pytest.skip("AlexNet's weights are not on this machine: bpfre weights fetch alexnet")
    gauge = perceptual.LpipsGauge("cpu")
    other = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
    trunk = torch.load(path, weights_only=True)
    names = {name: f"features.{name.partition('.')[2]}" for name in other.net.state_dict()}
    other.net.load_state_dict({name: trunk[original] for name, original in names.items()})
    with torch.inference_mode():
        expected = float(other(as_lpips_takes_it(pictures.result), as_lpips_takes_it(pictures.target)))
    assert gauge(pictures) == {"lpips": pytest.approx(expected, abs=1e-4)}


def test_dists_agrees_with_piq(
    pictures: Measured, weights_folder: Path, slim: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    piq = pytest.importorskip("piq")
    trunk = random_trunk("vgg16")
    monkeypatch.setattr(perceptual, "VGG16", place(VGG16, trunk, weights_folder))
    gauge = perceptual.DistsGauge("cpu")

    shipped = Path(dists.__file__).with_name("dists_models") / "weights.pt"  # the authors' weights of the terms
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_, **__: torch.load(shipped, weights_only=True))

    def vgg16(**_: object) -> torch.nn.Module:
        network = dists.vgg16()
        network.load_state_dict(trunk)
        return network

    monkeypatch.setattr("piq.perceptual.vgg16", vgg16)
    other = piq.DISTS()  # shrinks what is larger than 256 px, as the authors' script does; this is not
    expected = float(other(*(as_tensor(picture, "cpu") for picture in (pictures.result, pictures.target))))
    assert expected > 1e-3
    assert gauge(pictures) == {"dists": pytest.approx(expected, abs=1e-5)}
    assert gauge(without_edit(pictures)) == {"dists": pytest.approx(0, abs=1e-6)}


@pytest.mark.parametrize(
    ("gauge", "published"),
    [(perceptual.LpipsGauge, ALEXNET), (perceptual.DistsGauge, VGG16), (identity.IdentityGauge, ARCFACE)],
)
def test_damaged_weights_are_not_used(gauge: Build, published: PublishedFile, weights_folder: Path) -> None:
    (weights_folder / published.file).write_bytes(b"not these")
    with pytest.raises(WeightsError, match="sha256"):
        gauge("cpu")


@pytest.fixture
def recogniser(weights_folder: Path, monkeypatch: pytest.MonkeyPatch) -> identity.IdentityGauge:
    """ArcFace with fewer blocks and random values."""

    def few_blocks(_layers: int) -> list[object]:
        return [
            arcface_arch.get_block(in_channel=a, depth=b, num_units=1) for a, b in pairwise((64, 64, 128, 256, 512))
        ]

    monkeypatch.setattr(arcface_arch, "get_blocks", few_blocks)
    torch.manual_seed(1)
    state = arcface_arch.Backbone(50, 0.6, "ir_se").state_dict()
    monkeypatch.setattr(identity, "ARCFACE", place(ARCFACE, state, weights_folder))
    return identity.IdentityGauge("cpu")


def test_identity_is_one_for_the_same_face_and_less_for_another(
    recogniser: identity.IdentityGauge, pictures: Measured
) -> None:
    same = recogniser(dataclasses.replace(pictures, result=pictures.raw))
    assert same == {"identity": pytest.approx(1, abs=1e-5)}
    soft = recogniser(pictures)["identity"]
    upside_down = recogniser(dataclasses.replace(pictures, result=np.ascontiguousarray(pictures.raw[::-1])))["identity"]
    assert soft is not None and upside_down is not None
    assert upside_down < soft < 1


def test_without_a_face_there_is_no_identity(recogniser: identity.IdentityGauge, pictures: Measured) -> None:
    assert recogniser(dataclasses.replace(pictures, face=None)) == {"identity": None}
    on_a_line = Face(np.zeros(4, np.float32), np.tile(np.arange(5, dtype=np.float32)[:, None] * 9, 2), 1.0)
    assert recogniser(dataclasses.replace(pictures, face=on_a_line)) == {"identity": None}


def test_the_recogniser_sees_the_middle_of_the_face_in_rgb(pictures: Measured) -> None:
    """Red in the left half of the face, blue in the right half."""
    halves = np.zeros((256, 256, 3), np.uint8)
    halves[:, :128, 0] = halves[:, 128:, 2] = 255
    face = Face(np.array([0, 0, 256, 256], np.float32), template(256).astype(np.float32), 1.0)
    shown = identity.face_input(halves, face)
    assert shown.shape == (1, 3, 112, 112)
    assert shown[0, :, 50, 20].tolist() == [1, -1, -1] and shown[0, :, 50, 90].tolist() == [-1, -1, 1]
    edge = int((shown[0, 0, 50] > 0).sum())
    assert edge == pytest.approx((128 - 32) * 112 / 188, abs=1)
