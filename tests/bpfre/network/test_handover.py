from __future__ import annotations

import dataclasses

import pytest
import torch

from bpfre.network import BPFRe
from bpfre.network.handover import hand_over


def test_a_network_that_sees_more_begins_with_the_same_answers(network: BPFRe) -> None:
    seeing = dataclasses.replace(network.config, detail=True, zoom=(0.5, 2.0))
    other = BPFRe(seeing).eval()
    other.load_state_dict(hand_over(network, seeing))
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        for before, after in zip(network(x)[:4], other(x)[:4], strict=True):
            torch.testing.assert_close(after, before)
        assert not other(x)[0].equal(x)  # it has answers


def test_what_it_sees_besides_is_there_to_be_learned(network: BPFRe) -> None:
    seeing = dataclasses.replace(network.config, detail=True)
    other = BPFRe(seeing)
    other.load_state_dict(hand_over(network, seeing))
    other(torch.rand(1, 3, 64, 64)).refined.square().mean().backward()
    gradient = other.get_parameter("encoder.enter.0.weight").grad
    assert gradient is not None and (gradient[:, 12:24].flatten(1).norm(dim=1) > 0).all()


def test_a_network_that_sees_as_much_is_taken_over_as_it_is(network: BPFRe) -> None:
    state = hand_over(network, dataclasses.replace(network.config, relative=True, completion=True, apart=True))
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("change", [{"channels": (8, 12, 20)}, {"size": 128}, {"position": False}])
def test_other_layers_are_refused(network: BPFRe, change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="different shapes"):
        hand_over(network, dataclasses.replace(network.config, **change))


def test_detail_is_not_given_up(network: BPFRe) -> None:
    seeing = BPFRe(dataclasses.replace(network.config, detail=True))
    with pytest.raises(ValueError, match="different shapes"):
        hand_over(seeing, network.config)
