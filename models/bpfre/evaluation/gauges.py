"""The figures that a result gets beside the retoucher's: what each is, and which can be had on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from bpfre.errors import BpfreError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from bpfre.faces import Face

HOW_TO_INSTALL = 'Run: pip install "bpfre[evaluate]".'


@dataclass(frozen=True)
class Column:
    """One figure of a picture."""

    key: str  # in files
    title: str  # in tables, with its unit
    better: Literal["higher", "lower"]
    digits: int  # behind the point, in tables
    about: str  # what it is and who computes it


@dataclass(frozen=True, eq=False)
class Measured:
    """A result and what it is measured against, all of one size."""

    result: np.ndarray  # [H, W, 3] uint8
    raw: np.ndarray
    target: np.ndarray
    face: Face | None  # in px of `raw`


class Gauge(Protocol):
    """Computes some columns."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it computes."""

    def __call__(self, measured: Measured) -> dict[str, float | None]:
        """Return the columns' values by key; None where there is nothing to measure."""


@dataclass(frozen=True)
class Missing:
    """A metric that cannot be had here."""

    title: str
    reason: str  # one sentence, and one on what to do


@dataclass(frozen=True)
class Gauges:
    """Everything that is measured."""

    all: tuple[Gauge, ...]
    missing: tuple[Missing, ...] = field(default=())

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns in the order of tables."""
        return tuple(column for gauge in self.all for column in gauge.columns)

    def measure(self, measured: Measured) -> dict[str, float | None]:
        """Return every column's value by key."""
        return {key: value for gauge in self.all for key, value in gauge(measured).items()}


def open_gauges(device: str, *, tell: Callable[[str], None] | None = None) -> Gauges:
    """Open every metric that can be had.

    Args:
        device: torch's name of where networks run and, on CUDA, everything else.
        tell: hears a sentence before a download begins.

    Raises:
        UsageError: the libraries are not installed.
    """
    try:
        import piq  # noqa: F401
        import torchmetrics  # noqa: F401
    except ImportError as error:
        raise UsageError(f"The metrics are not installed: {error.name} is missing.", HOW_TO_INSTALL) from error
    from bpfre.evaluation.fidelity import EditGauge, FidelityGauge
    from bpfre.evaluation.identity import IdentityGauge
    from bpfre.evaluation.perceptual import DistsGauge, HaarPsiGauge, LpipsGauge

    double = device if device.startswith("cuda") else "cpu"  # which other devices lack
    ways: Sequence[tuple[str, Callable[[], Gauge]]] = (
        ("PSNR and SSIM", lambda: FidelityGauge(double)),
        ("HaarPSI", lambda: HaarPsiGauge(double)),
        ("LPIPS", lambda: LpipsGauge(device, tell=tell)),
        ("DISTS", lambda: DistsGauge(device)),
        ("errors on and off the edits", EditGauge),
        ("identity", lambda: IdentityGauge(device)),
    )
    gauges: list[Gauge] = []
    missing: list[Missing] = []
    for title, way in ways:
        try:
            gauges.append(way())
        except BpfreError as error:
            missing.append(Missing(title, str(error)))
    return Gauges(tuple(gauges), tuple(missing))


def as_tensor(picture: np.ndarray, device: str, *, double: bool = False) -> Tensor:
    """Bring a picture, [H, W, 3] uint8, to a device. -> [1, 3, H, W] in [0, 1]"""
    import torch

    pixels = torch.from_numpy(np.ascontiguousarray(picture)).to(device)
    kind = torch.float64 if double else torch.float32
    return pixels.permute(2, 0, 1)[None].to(kind) / 255
