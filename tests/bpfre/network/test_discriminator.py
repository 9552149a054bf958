from __future__ import annotations

import pytest
import torch

from bpfre.network import PixelDiscriminator, preset


@pytest.fixture
def discriminator() -> PixelDiscriminator:
    return PixelDiscriminator(preset("tiny").discriminator_channels)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 48), (4, 8)])
def test_gives_a_logit_per_pixel(discriminator: PixelDiscriminator, height: int, width: int) -> None:
    assert discriminator(torch.rand(2, 3, height, width)).shape == (2, 1, height, width)


def test_logits_are_local(discriminator: PixelDiscriminator) -> None:
    discriminator.eval()  # in training every pass refines the norm
    x = torch.rand(1, 3, 128, 128)
    changed = x.clone()
    changed[..., :8, :8] = 1 - changed[..., :8, :8]
    with torch.no_grad():
        difference = (discriminator(x) - discriminator(changed)).abs()
    assert float(difference[..., :8, :8].mean()) > 1e-4
    assert float(difference[..., 64:, 64:].max()) == 0


def test_gradient_reaches_every_parameter(discriminator: PixelDiscriminator) -> None:
    out = discriminator(torch.rand(2, 3, 32, 32))
    (out * torch.randn_like(out)).sum().backward()
    silent = [n for n, p in discriminator.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


def test_spectral_norm_holds_the_weights(discriminator: PixelDiscriminator) -> None:
    with torch.no_grad():
        discriminator.stem.parametrizations.weight.original.mul_(100)
        for _ in range(30):  # power iterations, one a training pass
            discriminator(torch.rand(1, 3, 16, 16))
        assert float(torch.linalg.matrix_norm(discriminator.stem.weight.flatten(1), 2)) == pytest.approx(1, abs=0.02)
