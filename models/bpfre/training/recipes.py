"""How each preset is trained unless the user says otherwise."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bpfre.network import preset
from bpfre.training.config import TrainConfig


def paper() -> TrainConfig:
    """Settings of the group's later papers: whole 512 crops one at a time, L1 10 : VGG 1 : maps 10 : adversarial 1."""
    return TrainConfig(
        preset="paper",
        size=512,
        steps=300_000,
        batch_size=1,
        window=512,
        whole=0.0,
        lr=2e-4,
        disc_lr=2e-4,
        betas=(0.9, 0.99),
        weight_decay=0.0,
        warmup=1000,
        final_lr=0.0,
        ema=0.999,
        blem_coarse=10.0,
        blem_refine=10.0,
        cons_coarse=10.0,
        cons_refine=10.0,
        adv_disc=1.0,
        adv_synt=1.0,
        adv_start=0.0,
        phi_weight=0.1,
        synthesis=False,
        map_loss="l1",
        delta="per_image",
        checkpoint_every=1000,
        sample_every=1000,
        validate_every=5000,
    )


def starter() -> TrainConfig:
    """Made for two CPU cores: windows, drawn blemishes on unpaired faces, fixed map scale."""
    return TrainConfig(preset="starter", size=512)


def tiny() -> TrainConfig:
    """For tests."""
    return TrainConfig(preset="tiny", size=64, window=32, steps=20, batch_size=2, warmup=2, phi="none")


RECIPES: dict[str, Callable[[], TrainConfig]] = {"paper": paper, "starter": starter, "tiny": tiny}


def recipe(name: str, **changes: object) -> TrainConfig:
    """Return the recipe of a preset with some settings changed.

    Raises:
        UsageError: there is no such preset, or a value is out of range.
    """
    preset(name)
    config = RECIPES[name]()
    if "size" in changes and "window" not in changes and config.window == config.size:
        changes["window"] = changes["size"]  # whole crops stay whole
    return dataclasses.replace(config, **changes)  # type: ignore[arg-type]
