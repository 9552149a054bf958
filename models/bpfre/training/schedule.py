"""The learning rate of each step."""

from __future__ import annotations

import math

from bpfre.training.config import TrainConfig


def rate_factor(step: int, config: TrainConfig) -> float:
    """Share of the peak learning rate. > 0, at most 1 in the first round

    Linear warm-up, then cosine decay to `config.final_lr`; the same again in each round of `config.restarts`, at
    `config.restart_lr` of the height (Loshchilov and Hutter, SGDR, ICLR 2017, eq. 5).
    """
    height = 1.0 if step < config.steps else config.restart_lr
    step, steps = _in_round(step, config)
    if step < config.warmup:
        return height * (step + 1) / config.warmup
    progress = (step - config.warmup) / max(1, steps - config.warmup)
    return height * (config.final_lr + (1 - config.final_lr) * 0.5 * (1 + math.cos(math.pi * progress)))


def shows_whole(step: int, config: TrainConfig) -> bool:
    """Whether a step shows whole crops: the last `config.whole` of each round do."""
    step, steps = _in_round(step, config)
    return config.window == config.size or step >= steps * (1 - config.whole)


def is_adversarial(step: int, config: TrainConfig) -> bool:
    """Whether the adversarial terms take part in a step."""
    return config.adv_synt > 0 and step >= config.adv_start * config.steps


def _in_round(step: int, config: TrainConfig) -> tuple[int, int]:
    """Number of a step in its round, and the steps of that round."""
    steps = config.steps
    for following in config.restarts:
        if step < steps:
            break
        step, steps = step - steps, following
    return step, steps
