from __future__ import annotations

import math

import pytest

from bpfre.errors import TrainingError
from bpfre.training.guard import LIMIT, PATIENCE, WINDOW, LossGuard


@pytest.mark.parametrize(("loss", "gradient"), [(math.nan, 1.0), (math.inf, 1.0), (1.0, math.nan), (1.0, math.inf)])
def test_what_is_no_number_is_refused_from_the_first_step(loss: float, gradient: float) -> None:
    assert not LossGuard(20).is_good(loss, gradient)


def test_a_spike_is_told_once_there_is_a_past() -> None:
    guard = LossGuard(10)
    assert guard.is_good(1e6, 1)  # nothing to compare with
    for _ in range(PATIENCE):
        assert guard.is_good(1.0, 1)
    assert guard.is_good(9.9, 1)
    assert not guard.is_good(10.1, 1)
    assert guard.is_good(1.0, 1)


def test_a_refused_loss_is_not_part_of_the_past() -> None:
    guard = LossGuard(10, [1.0] * PATIENCE)
    for _ in range(LIMIT):
        assert not guard.is_good(1e9, 1)
    assert guard.recent == [1.0] * PATIENCE


def test_the_past_is_recent() -> None:
    guard = LossGuard(10, [100.0] * 500)
    assert len(guard.recent) == WINDOW
    for _ in range(WINDOW):
        assert guard.is_good(1.0, 1)
    assert not guard.is_good(100.0, 1)


def test_a_run_that_keeps_failing_ends_with_advice() -> None:
    guard = LossGuard(10)
    for _ in range(LIMIT):
        assert not guard.is_good(math.nan, 1)
    with pytest.raises(TrainingError) as caught:
        guard.is_good(math.nan, 1)
    assert "--lr" in caught.value.next_step


def test_a_good_step_between_failures_starts_the_count_again() -> None:
    guard = LossGuard(10)
    for _ in range(3):
        for _ in range(LIMIT):
            assert not guard.is_good(math.nan, 1)
        assert guard.is_good(1.0, 1)
