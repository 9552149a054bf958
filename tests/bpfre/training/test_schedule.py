from __future__ import annotations

import dataclasses

import pytest

from bpfre.training import TrainConfig
from bpfre.training.schedule import is_adversarial, rate_factor, shows_whole


def test_the_rate_warms_up_and_decays() -> None:
    config = TrainConfig(steps=1100, warmup=100, final_lr=0.02)
    assert rate_factor(0, config) == pytest.approx(0.01)
    assert rate_factor(49, config) == pytest.approx(0.5)
    assert rate_factor(99, config) == rate_factor(100, config) == pytest.approx(1)
    assert rate_factor(600, config) == pytest.approx(0.02 + 0.98 / 2)
    assert rate_factor(1100, config) == pytest.approx(0.02)
    rates = [rate_factor(step, config) for step in range(100, 1100)]
    assert rates == sorted(rates, reverse=True)


def test_the_rate_starts_anew_in_each_round() -> None:
    config = TrainConfig(steps=300, restarts=(200, 400), warmup=100, final_lr=0.02)
    rounds = [TrainConfig(steps=steps, warmup=100, final_lr=0.02) for steps in (300, 200, 400)]
    rates = [rate_factor(step, config) for step in range(config.all_steps)]
    assert rates == [rate_factor(step, alone) for alone in rounds for step in range(alone.steps)]
    lower = dataclasses.replace(config, restart_lr=0.25)
    assert [rate_factor(step, lower) for step in range(900)] == rates[:300] + [rate / 4 for rate in rates[300:]]


def test_whole_crops_are_shown_at_the_end_of_each_round() -> None:
    config = TrainConfig(steps=20, restarts=(10,), whole=0.1)
    assert [step for step in range(30) if shows_whole(step, config)] == [18, 19, 29]
    assert [step for step in range(20) if shows_whole(step, TrainConfig(steps=20, whole=0.1))] == [18, 19]
    assert all(shows_whole(step, TrainConfig(steps=3, window=512)) for step in range(3))


@pytest.mark.parametrize(("steps", "warmup"), [(1, 100), (100, 100), (1, 0)])
def test_short_runs_have_a_rate_too(steps: int, warmup: int) -> None:
    config = TrainConfig(steps=steps, warmup=warmup)
    assert all(0 < rate_factor(step, config) <= 1 for step in range(steps))


def test_adversarial_terms_begin_where_the_configuration_says() -> None:
    config = TrainConfig(steps=10, adv_synt=1.0, adv_start=0.3)
    assert [is_adversarial(step, config) for step in range(10)] == [False] * 3 + [True] * 7
    assert not any(is_adversarial(step, TrainConfig(steps=10, adv_synt=0.0, adv_start=0.0)) for step in range(10))
