from __future__ import annotations

import torch

from bpfre.network.coarse import Decoder, Encoder

CHANNELS = (4, 6, 8)


def test_encoder_halves_at_each_scale() -> None:
    features = Encoder(5, channels=CHANNELS, blocks=(1, 0, 2))(torch.randn(2, 5, 16, 24))
    assert [tuple(f.shape) for f in features] == [(2, 4, 16, 24), (2, 6, 8, 12), (2, 8, 4, 6)]


def test_decoder_keeps_shapes_and_renders_at_full_size() -> None:
    given = [torch.randn(2, c, 16 >> i, 24 >> i) for i, c in enumerate(CHANNELS)]
    features, rendered = Decoder(channels=CHANNELS, unshuffle=4, output_gain=1.0)(given)
    assert [f.shape for f in features] == [f.shape for f in given]
    assert rendered.shape == (2, 3, 64, 96)


def test_decoder_hands_every_scale_to_the_image() -> None:
    decoder = Decoder(channels=CHANNELS, unshuffle=2, output_gain=1.0)
    given = [torch.randn(1, c, 16 >> i, 16 >> i, requires_grad=True) for i, c in enumerate(CHANNELS)]
    decoder(given)[1].square().sum().backward()
    for feature in given:
        assert feature.grad is not None and float(feature.grad.abs().sum()) > 0


def test_decoder_leaves_its_inputs_alone() -> None:
    given = [torch.randn(1, c, 16 >> i, 16 >> i) for i, c in enumerate(CHANNELS)]
    before = [f.clone() for f in given]
    Decoder(channels=CHANNELS, unshuffle=2, output_gain=1.0)(given)
    assert all(torch.equal(a, b) for a, b in zip(given, before, strict=True))
