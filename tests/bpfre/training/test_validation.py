from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from bpfre.training import TrainConfig
from bpfre.training.data import Batch, Role
from bpfre.training.validation import validate


class Out(NamedTuple):
    coarse: Tensor
    refined: Tensor


class Half(nn.Module):
    """Goes half of the way from 0.5 grey with a dark square to plain grey; its second stage shifts all by `shift`."""

    def __init__(self, shift: float) -> None:
        super().__init__()
        self.shift = shift

    def forward(self, x: Tensor, _position: Tensor) -> Out:
        coarse = (x + 0.5) / 2
        return Out(coarse, coarse + self.shift)


@pytest.fixture
def batch() -> Batch:
    """Plain grey with a square of a quarter of the picture 0.2 darker."""
    target = torch.full((1, 3, 8, 8), 0.5)
    raw = target.clone()
    raw[..., :4, :4] -= 0.2
    return Batch(raw, target, torch.zeros(1, 2, 8, 8), torch.tensor([int(Role.SUPERVISED)]))


def test_figures_are_what_the_formulas_say(batch: Batch) -> None:
    config = TrainConfig(unedited=2.0)
    rows = validate(Half(0.02), [batch, batch], config, torch.device("cpu"))  # type: ignore[arg-type]
    unedited, coarse, refined = rows["unedited"], rows["coarse"], rows["refined"]
    # Mean square error: a quarter of the pixels 0.2 off.
    assert unedited["psnr"] == pytest.approx(-10 * torch.tensor(0.25 * 0.2**2).log10().item(), abs=1e-3)
    assert (unedited["reproduced"], unedited["elsewhere"]) == (pytest.approx(0), 0)
    assert unedited["edited"] == pytest.approx(0.2 * 255, rel=1e-5)
    assert coarse["reproduced"] == pytest.approx(0.5, abs=1e-5) and coarse["elsewhere"] == pytest.approx(0, abs=1e-4)
    assert refined["edited"] == pytest.approx(0.08 * 255, rel=1e-4)
    assert refined["elsewhere"] == pytest.approx(0.02 * 255, rel=1e-4)
    assert refined["score"] == pytest.approx(0.12 * 255, rel=1e-4)


def test_a_face_without_edits_counts_what_changed_elsewhere() -> None:
    clean = torch.full((1, 3, 8, 8), 0.5)
    batch = Batch(clean, clean, torch.zeros(1, 2, 8, 8), torch.tensor([int(Role.CLEAN)]))
    row = validate(Half(0.1), [batch], TrainConfig(), torch.device("cpu"))["refined"]  # type: ignore[arg-type]
    assert row["edited"] == 0 and row["elsewhere"] == pytest.approx(25.5, rel=1e-4)


def test_without_faces_there_is_nothing_to_say() -> None:
    assert validate(Half(0), [], TrainConfig(), torch.device("cpu")) == {}  # type: ignore[arg-type]
