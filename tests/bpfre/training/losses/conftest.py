"""Small batches in which every role and a sparse edit occur."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from bpfre.network import BPFReOutput
from bpfre.training.data.windows import Batch, Role

MakeBatch = Callable[..., Batch]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


@pytest.fixture
def make_batch() -> MakeBatch:
    """Make a batch of the given roles; SUPERVISED samples are edited in a corner of a different size each."""

    def make(roles: Sequence[Role], size: int = 8) -> Batch:
        raw = 0.2 + 0.6 * torch.rand(len(roles), 3, size, size)
        target = raw.clone()
        for index, role in enumerate(roles):
            if role == Role.SUPERVISED:
                target[index, :, : 2 + index % 3, :3] += 0.05 * torch.randn(3, 2 + index % 3, 3)
        return Batch(raw, target, torch.zeros(len(roles), 2, size, size), torch.tensor([int(role) for role in roles]))

    return make


@pytest.fixture
def make_output() -> Callable[[Batch], BPFReOutput]:
    """Make what a network could have returned: near the raw faces, all tensors leaves that gather gradients."""

    def make(batch: Batch) -> BPFReOutput:
        n, _, height, width = batch.raw.shape
        images = [(batch.raw + 0.02 * torch.randn_like(batch.raw)).requires_grad_() for _ in range(2)]
        maps = [torch.rand(n, 1, height, width).mul(0.9).add(0.05).requires_grad_() for _ in range(2)]
        return BPFReOutput(*images, *maps, [], [])

    return make
