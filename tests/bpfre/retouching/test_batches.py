"""The network on batches of crops."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor

from bpfre.errors import FaceRefusedError
from bpfre.network import BPFReOutput
from bpfre.retouching import batches
from bpfre.retouching.batches import corrections, crop_sizes, device_of, size_for


def crops(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(1).random((count, 64, 64, 3), dtype=np.float32))


def test_correction_is_refined_minus_crop_for_each(tiny) -> None:
    given = crops(3)
    found = corrections(tiny, given, device="cpu")
    with torch.no_grad():
        for crop, correction in zip(given, found, strict=True):
            x = torch.from_numpy(crop).permute(2, 0, 1)[None]
            expected = (tiny(x).refined - x)[0].permute(1, 2, 0).numpy()
            np.testing.assert_allclose(correction, expected, atol=1e-5)
            assert isinstance(correction, np.ndarray) and correction.flags.c_contiguous


def test_network_sees_rgb_crops_channels_last_without_gradients(identity) -> None:
    def look(x: Tensor) -> None:
        assert x.is_contiguous(memory_format=torch.channels_last)
        assert torch.is_inference_mode_enabled()
        assert torch.equal(x[1], torch.from_numpy(given[1]).permute(2, 0, 1))

    given = crops(2)
    identity.before = look
    for correction in corrections(identity, given, device="cpu"):
        assert isinstance(correction, np.ndarray) and not correction.any()


def test_batch_that_does_not_fit_is_done_face_by_face(brighter) -> None:
    def too_large(x: Tensor) -> None:
        if len(x) > 1:
            raise RuntimeError("out of memory")

    brighter.before = too_large
    found = corrections(brighter, crops(3), device="cpu")
    assert all(isinstance(correction, np.ndarray) for correction in found)
    assert [shape[0] for shape in brighter.batches] == [3, 1, 1, 1]


def test_only_the_face_that_is_not_finite_is_refused(brighter) -> None:
    given = crops(3)
    given[1][5, 5, 0] = np.inf
    found = corrections(brighter, given, device="cpu")
    assert isinstance(found[1], FaceRefusedError)
    assert isinstance(found[0], np.ndarray) and isinstance(found[2], np.ndarray)


def test_network_that_returns_another_size_is_refused(tiny) -> None:
    class Smaller(torch.nn.Module):
        config = tiny.config

        def forward(self, x: Tensor):
            return tiny(x)._replace(refined=x[..., ::2])

    (error,) = corrections(Smaller(), crops(1), device="cpu")
    assert isinstance(error, FaceRefusedError)


def test_working_sizes_are_those_it_was_trained_for_multiples_of_the_stride(identity) -> None:
    assert crop_sizes(identity) == (64,)
    object.__setattr__(identity.config, "zoom", (0.7, 1.5))
    assert crop_sizes(identity) == (48, 64, 96)
    object.__setattr__(identity.config, "stride", 40)
    assert crop_sizes(identity) == (80, 120)


@pytest.mark.parametrize(("extent", "size"), [(100, 384), (384, 384), (420, 384), (430, 512), (600, 768), (3000, 768)])
def test_a_face_is_hardly_made_smaller(extent: float, size: int) -> None:
    assert size_for(extent, (384, 512, 768)) == size


def test_network_without_tensors_runs_where_it_is_told(identity, tiny) -> None:
    assert device_of(identity, otherwise="cuda") == "cuda"
    assert device_of(tiny, otherwise="cuda") == "cpu"


def test_half_precision_that_overflows_is_done_again_in_single(monkeypatch: pytest.MonkeyPatch) -> None:
    class Overflowing(torch.nn.Module):
        config = None

        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Conv2d(3, 3, 1, bias=False)
            torch.nn.init.constant_(self.layer.weight, 60000.0)
            self.kinds: list[tuple[int, torch.dtype]] = []

        def forward(self, x: Tensor) -> BPFReOutput:
            y = self.layer(x)
            self.kinds.append((len(x), y.dtype))
            return BPFReOutput(y, y, x, x, [], [])

    monkeypatch.setattr(batches, "runs_in_half", lambda device: True)
    network, given = Overflowing(), [*crops(1), np.zeros((64, 64, 3), np.float32)]
    found = corrections(network, given, device="cpu")
    assert network.kinds == [(2, torch.float16), (1, torch.float32)]
    assert all(isinstance(correction, np.ndarray) and np.isfinite(correction).all() for correction in found)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu_to_a_quarter_of_a_grey_level(tiny) -> None:
    given = crops(3)
    on_cpu = corrections(tiny, given, device="cpu")
    on_cuda = corrections(copy.deepcopy(tiny).cuda(), given, device="cuda")
    for one, two in zip(on_cpu, on_cuda, strict=True):
        np.testing.assert_allclose(one, two, atol=0.25 / 255)
