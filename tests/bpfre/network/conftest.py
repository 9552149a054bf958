"""A fixed seed and a small network whose every branch is awake."""

from __future__ import annotations

import pytest
import torch

from bpfre.network import BPFRe, preset


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)  # more threads than idle cores would wait for each other


@pytest.fixture
def network() -> BPFRe:
    """The tiny network with random weights where it starts from constants."""
    net = BPFRe(preset("tiny")).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return net
