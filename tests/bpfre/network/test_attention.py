from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bpfre.network.attention import BlemishAttention

CHANNELS = (4, 6, 8)


def make(prior: float = 0.05, unshuffle: int = 2) -> BlemishAttention:
    return BlemishAttention(CHANNELS, context=5, unshuffle=unshuffle, prior=prior)


def awake() -> BlemishAttention:
    module = make()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return module


def features(n: int = 2, side: int = 16) -> list[Tensor]:
    return [torch.randn(n, c, side >> i, side >> i) for i, c in enumerate(CHANNELS)]


def test_shapes_and_ranges() -> None:
    with torch.no_grad():
        mixed, full, weights = awake()(features())
    assert [tuple(m.shape) for m in mixed] == [(2, 4, 16, 16), (2, 6, 8, 8), (2, 8, 4, 4)]
    assert full.shape == (2, 1, 32, 32)
    assert [tuple(w.shape) for w in weights] == [(2, 1, 16, 16), (2, 1, 8, 8), (2, 1, 4, 4)]
    for tensor in (full, *weights):
        assert float(tensor.min()) >= 0 and float(tensor.max()) <= 1
        assert float(tensor.std()) > 0


def test_every_scale_mixes_feature_and_replacement_by_its_weight() -> None:
    module, given = awake(), features()
    mixed, _, weights = module(given)
    for i, (feature, w) in enumerate(zip(given, weights, strict=True)):
        layer = module.replacement[i]
        replacement = F.conv2d(feature, layer.weight, layer.bias)
        torch.testing.assert_close(mixed[i], feature * (1 - w) + replacement * w)


def test_weights_follow_from_maps_and_predicted_strength() -> None:
    """One scale, everything by hand: maps from lateral, smooth and head; alpha and beta from the mean feature."""
    module = BlemishAttention((3,), context=2, unshuffle=2, prior=0.1)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    x = torch.randn(2, 3, 6, 6)
    mixed, full, weights = module([x])

    def leaky(t: Tensor) -> Tensor:
        return torch.where(t > 0, t, 0.2 * t)

    context = F.conv2d(x, module.lateral[0].weight, module.lateral[0].bias)
    context = leaky(F.conv2d(leaky(context), module.smooth[0].weight, module.smooth[0].bias, padding=1))
    blemish = 1 / (1 + torch.exp(-F.conv2d(context, module.head[0].weight, module.head[0].bias, padding=1)))
    alpha, beta = (x.mean(dim=(2, 3)) @ module.strength.weight.t() + module.strength.bias).unbind(1)
    w = 1 / (1 + torch.exp(-(alpha[:, None, None] * blemish.max(dim=1).values + beta[:, None, None])))
    torch.testing.assert_close(weights[0][:, 0], w)
    torch.testing.assert_close(full[:, 0, ::2, ::2], blemish[:, 0])  # the first of each 2 x 2 block
    torch.testing.assert_close(full[:, 0, 1::2, 1::2], blemish[:, 3])
    replaced = F.conv2d(x, module.replacement[0].weight, module.replacement[0].bias)
    torch.testing.assert_close(mixed[0], x + (replaced - x) * w[:, None])


def test_coarse_scales_guide_fine_ones() -> None:
    module, given = awake(), features()
    changed = [*given[:2], given[2] + torch.randn_like(given[2])]
    module.strength.weight.data.zero_()  # the other way from coarse to fine
    assert not torch.allclose(module(given)[2][0], module(changed)[2][0])
    finer = [given[0] + 1, *given[1:]]
    torch.testing.assert_close(module(given)[2][2], module(finer)[2][2])  # and never the other way round


def test_maps_start_at_the_prior_and_weights_low() -> None:
    for prior in (0.02, 0.3):
        module = make(prior)
        for head in module.head:
            torch.nn.init.zeros_(head.weight)
        _, full, weights = module(features())
        torch.testing.assert_close(full, torch.full_like(full, prior))
        for w in weights:
            torch.testing.assert_close(w, torch.sigmoid(torch.full_like(w, 4 * prior - 3)))
