from __future__ import annotations

import dataclasses
import json

from bpfre.training import TrainConfig
from bpfre.training.losses import supervised_losses  # noqa: F401  (the names of the weights are its keys)


def test_json_holds_every_setting() -> None:
    config = TrainConfig(preset="tiny", steps=7, lr=2e-4)
    values = json.loads(config.to_json())
    assert values == config.to_dict()
    assert set(values) == {field.name for field in dataclasses.fields(TrainConfig)}
    assert TrainConfig(**values) == config
