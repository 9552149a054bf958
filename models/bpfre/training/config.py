"""Everything a training run is decided by."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of one run. Lengths are px of a 512 face crop unless said otherwise."""

    preset: str = "starter"  # shape of the network
    steps: int = 5000  # optimiser steps
    batch_size: int = 8  # windows a step
    window: int = 192  # side of a training window [px]
    whole: float = 0.1  # share of the steps, at the end, on whole crops of the network's own size
    lr: float = 1e-3  # peak learning rate [AdamW]
    warmup: int = 100  # steps of linear warm-up
    clip: float = 1.0  # largest gradient norm
    ema: float = 0.998  # decay of the averaged weights
    seed: int = 0
    density: float = 20.0  # blemishes on 100 000 px of skin
    dense_factor: float = 3.0  # factor on the density at the start, falling to 1 over half the run
    keep_density: float = 10.0  # moles and freckles on 100 000 px of skin
    blem_coarse: float = 1.0  # weights of the losses, by their names
    blem_refine: float = 0.5
    cons_coarse: float = 10.0
    cons_refine: float = 10.0
    unedited: float = 2.0  # weight of the mean error off edits against the mean error on edits
    map_scale: float = 0.04  # mean absolute edit at which a map's target reaches 1 [0..1 grey scale]
    checkpoint_every: int = 100  # steps
    sample_every: int = 250  # steps

    def to_dict(self) -> dict[str, object]:
        """Plain values, for `config.json` and logs."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """Serialise for the run folder."""
        return json.dumps(self.to_dict(), indent=2)
