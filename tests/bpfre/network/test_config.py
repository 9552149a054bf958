from __future__ import annotations

import dataclasses
import json

import pytest

from bpfre.network import PRESETS, BPFReConfig, preset


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_json_round_trip_is_exact(name: str) -> None:
    assert BPFReConfig.from_json(preset(name).to_json()) == preset(name)


def test_stride_counts_unshuffle_and_halvings() -> None:
    assert preset("tiny").stride == 2 * 2 * 2
    assert preset("paper").stride == 2**6


def test_an_unknown_field_is_refused() -> None:
    values = json.loads(preset("tiny").to_json()) | {"dropout": 0.5}
    with pytest.raises(ValueError, match="dropout"):
        BPFReConfig.from_json(json.dumps(values))


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(BPFReConfig) if f.default is dataclasses.MISSING])
def test_a_missing_field_is_refused(field: str) -> None:
    values = json.loads(preset("tiny").to_json())
    del values[field]
    with pytest.raises(ValueError, match=field):
        BPFReConfig.from_json(json.dumps(values))


def test_weights_without_working_sizes_know_one() -> None:
    values = json.loads(preset("tiny").to_json())
    del values["zoom"]
    assert BPFReConfig.from_json(json.dumps(values)).zoom == (1.0, 1.0)


@pytest.mark.parametrize("zoom", [(1.1, 2.0), (0.5, 0.9), (0.0, 1.0)])
def test_working_sizes_reach_around_the_networks_own(zoom: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="zoom"):
        preset("tiny", zoom=zoom)


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "null"])
def test_text_that_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        BPFReConfig.from_json(text)


@pytest.mark.parametrize(
    "change",
    [
        {"blocks": (1, 1)},
        {"generator_channels": (8,)},
        {"size": 60},
        {"unshuffle": 0},
        {"unshuffle": -2},
        {"map_prior": 0.0},
        {"map_prior": 1.0},
        {"output": "sketch"},
    ],
)
def test_fields_that_make_no_network_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        dataclasses.replace(preset("tiny"), **change)
