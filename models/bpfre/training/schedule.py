"""The learning rate of each step."""

from __future__ import annotations

import math

from bpfre.training.config import TrainConfig


def rate_factor(step: int, config: TrainConfig) -> float:
    """Share of the peak learning rate. -> (0, 1]

    Linear warm-up, then cosine decay to `config.final_lr`; once more where the refine stage goes on alone.
    """
    steps = config.steps
    if refines_alone(step, config):
        step, steps = step - config.steps, config.refine_steps
    if step < config.warmup:
        return (step + 1) / config.warmup
    progress = (step - config.warmup) / max(1, steps - config.warmup)
    return config.final_lr + (1 - config.final_lr) * 0.5 * (1 + math.cos(math.pi * progress))


def refines_alone(step: int, config: TrainConfig) -> bool:
    """Whether the coarse stage has learned what it will and the refine stage learns what that leaves."""
    return config.steps <= step < config.all_steps


def shows_whole(step: int, config: TrainConfig) -> bool:
    """Whether a step shows whole crops: at the end, of both stages' training and of the refine stage's."""
    if config.window == config.size:
        return True
    if refines_alone(step, config):
        return step >= config.all_steps - config.refine_steps * config.whole
    return step >= config.steps * (1 - config.whole)


def is_adversarial(step: int, config: TrainConfig) -> bool:
    """Whether the adversarial terms take part in a step."""
    return config.adv_synt > 0 and step >= config.adv_start * config.steps
