"""Metrics that follow the eye more closely: HaarPSI, which needs no network, LPIPS and DISTS, which do."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bpfre.errors import WeightsError
from bpfre.evaluation.gauges import Column, Measured, as_tensor
from bpfre.weights.catalog import ALEXNET, VGG16
from bpfre.weights.fetch import fetch, is_offline
from bpfre.weights.published import PublishedFile, verify


class HaarPsiGauge:
    """HaarPSI of piq, in double precision: needs no weights, so it is always there."""

    columns = (
        Column("haarpsi", "HaarPSI", "higher", 4, "Haar wavelet-based perceptual similarity (Reisenhofer 2018); piq"),
    )

    def __init__(self, device: str) -> None:
        self._device = device

    def __call__(self, measured: Measured) -> dict[str, float | None]:
        """Measure against the target."""
        import piq

        result, target = (as_tensor(p, self._device, double=True) for p in (measured.result, measured.target))
        return {"haarpsi": float(piq.haarpsi(result, target, data_range=1.0))}


class LpipsGauge:
    """LPIPS of torchmetrics with AlexNet: the figure that papers give."""

    columns = (
        Column("lpips", "LPIPS", "lower", 4, "learned perceptual distance 0.1, AlexNet (Zhang 2018); torchmetrics"),
    )

    def __init__(self, device: str, *, tell: Callable[[str], None] | None = None) -> None:
        """Build the network; AlexNet's weights are downloaded where they are not here.

        Raises:
            WeightsError: they cannot be had, or are damaged.
        """
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

        if ALEXNET.find() is None:
            if tell and not is_offline():
                tell(f"LPIPS: downloading the {ALEXNET.title} weights ({ALEXNET.size >> 20} MB) from {ALEXNET.url}.")
            fetch(ALEXNET)
        with _found_by_torchvision(ALEXNET):
            self._metric = LearnedPerceptualImagePatchSimilarity("alex", normalize=True).to(device)
        self._device = device

    def __call__(self, measured: Measured) -> dict[str, float | None]:
        """Measure against the target."""
        result, target = (as_tensor(picture, self._device) for picture in (measured.result, measured.target))
        value = float(self._metric(result, target))
        self._metric.reset()
        return {"lpips": value}


class DistsGauge:
    """DISTS of torchmetrics."""

    columns = (
        Column(
            "dists",
            "DISTS",
            "lower",
            4,
            "deep image structure and texture distance (Ding 2020), not reduced to 256 px before; torchmetrics",
        ),
    )

    def __init__(self, device: str) -> None:
        """Build the network.

        Raises:
            WeightsError: VGG-16's weights are not here, or damaged.
        """
        from torchmetrics.functional.image.dists import DISTSNetwork  # the function of that module builds it each time

        with _found_by_torchvision(VGG16):
            self._network = DISTSNetwork().to(device).eval().requires_grad_(False)
        self._device = device

    def __call__(self, measured: Measured) -> dict[str, float | None]:
        """Measure against the target."""
        result, target = (as_tensor(picture, self._device) for picture in (measured.result, measured.target))
        return {"dists": float(self._network(result, target))}


@contextlib.contextmanager
def _found_by_torchvision(published: PublishedFile) -> Iterator[None]:
    """Let torchvision find verified weights, wherever they are on this machine, instead of downloading them.

    Raises:
        WeightsError: they are not here, or damaged.
    """
    import torch

    path = published.find()
    if path is None:
        raise WeightsError(f"The {published.title} weights are not on this machine.", published.how_to_get)
    verify(path, published)
    before = torch.hub._hub_dir  # not get_dir(): what a variable of the environment says is not to be set for good
    with tempfile.TemporaryDirectory() as place:
        checkpoints = Path(place) / "checkpoints"
        checkpoints.mkdir()
        _put(path.resolve(), checkpoints / published.file)
        torch.hub.set_dir(place)
        try:
            yield
        finally:
            torch.hub._hub_dir = before


def _put(source: Path, destination: Path) -> None:
    """Make a file appear in another folder, without a copy where the disk can do that."""
    for link in (os.symlink, os.link):
        with contextlib.suppress(OSError):
            link(source, destination)
            return
    shutil.copyfile(source, destination)
