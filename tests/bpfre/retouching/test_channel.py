"""The queues between the stages."""

from __future__ import annotations

import threading

import pytest

from bpfre.retouching.channel import Budget, Channel, StoppedError


def start(work) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_put_waits_for_room() -> None:
    channel: Channel[int] = Channel(2)
    channel.put(1)
    channel.put(2)
    thread = start(lambda: channel.put(3))
    thread.join(0.05)
    assert thread.is_alive()
    assert channel.get() == 1
    thread.join(5)
    assert channel.get_more(5) == [2, 3]
    assert channel.is_empty()


@pytest.mark.parametrize("full", [True, False])
def test_stop_wakes_whoever_waits(full: bool) -> None:
    channel: Channel[int] = Channel(1)
    ended = threading.Event()

    def wait() -> None:
        with pytest.raises(StoppedError):
            channel.put(2) if full else channel.get()
        ended.set()

    if full:
        channel.put(1)
    start(wait)
    channel.stop()
    assert ended.wait(5)
    with pytest.raises(StoppedError):
        channel.put(3)


def test_budget_bounds_photos_and_pixels_but_lets_a_giant_pass_alone() -> None:
    budget = Budget(photos=2, pixels=10)
    budget.open()
    budget.open()
    budget.weigh(50)
    third = start(budget.open)
    second = start(lambda: budget.weigh(4))
    third.join(0.05)
    assert third.is_alive() and second.is_alive()
    budget.close(50)
    third.join(5)
    second.join(5)
    assert not third.is_alive() and not second.is_alive()


def test_stopped_budget_lets_nobody_in() -> None:
    budget = Budget(photos=1, pixels=1)
    budget.stop()
    with pytest.raises(StoppedError):
        budget.open()
    with pytest.raises(StoppedError):
        budget.weigh(1)


def test_budget_trades_a_files_room_for_its_pixels() -> None:
    budget = Budget(photos=3, pixels=10)
    budget.weigh(6)
    budget.weigh(2)
    growing = start(lambda: budget.weigh(5, instead_of=2))
    growing.join(0.05)
    assert growing.is_alive()  # 6 and 5 do not fit
    budget.add(3)
    budget.open()
    budget.close(9)
    growing.join(5)
    assert not growing.is_alive()
    budget.weigh(5)  # 5 and 5 do


def test_a_giant_alone_need_not_wait_for_its_own_file() -> None:
    budget = Budget(photos=1, pixels=10)
    budget.weigh(4)
    alone = start(lambda: budget.weigh(50, instead_of=4))
    alone.join(5)
    assert not alone.is_alive()
