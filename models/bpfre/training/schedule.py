"""The learning rate of each step."""

from __future__ import annotations

import math

from bpfre.training.config import TrainConfig


def rate_factor(step: int, config: TrainConfig) -> float:
    """Share of the peak learning rate: linear warm-up, then cosine decay to `config.final_lr`. -> (0, 1]"""
    if step < config.warmup:
        return (step + 1) / config.warmup
    progress = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.final_lr + (1 - config.final_lr) * 0.5 * (1 + math.cos(math.pi * progress))


def is_adversarial(step: int, config: TrainConfig) -> bool:
    """Whether the adversarial terms take part in a step."""
    return config.adv_synt > 0 and step >= config.adv_start * config.steps
