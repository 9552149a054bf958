"""Weights of one network as another one of the same preset starts with."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from bpfre.network.bpfre import BPFRe
from bpfre.network.config import BPFReConfig
from bpfre.network.presets import SWITCHES

_ENTRY = "encoder.enter.0.weight"  # the layer that sees the picture


def hand_over(network: BPFRe, config: BPFReConfig) -> dict[str, Tensor]:
    """Return the weights of `network` for a network of configuration `config`.

    The two may differ in what changes no layer (zoom, completion, relative, apart), and `config` may have `detail`
    besides: channels that `network` does not see start with weights of zero, so that both give the same at first.

    Args:
        network: trained.
        config: of the network to start.

    Raises:
        ValueError: the layers of the two differ.
    """
    own = network.config
    detail = own.detail or config.detail
    chosen = {name: getattr(config, name) for name in ("zoom", *SWITCHES)} | {"detail": detail}
    if dataclasses.replace(own, **chosen) != config:
        raise ValueError("the networks are of different shapes")
    state = dict(network.state_dict())
    if detail and not own.detail:
        weight = state[_ENTRY]  # [C, picture + position, 3, 3]
        seen = 3 * own.unshuffle**2
        unseen = torch.zeros_like(weight[:, :seen])
        state[_ENTRY] = torch.cat([weight[:, :seen], unseen, weight[:, seen:]], dim=1)
    return state
