from __future__ import annotations

import signal
import threading
import time

import pytest

from bpfre.training import interruption as module
from bpfre.training.interruption import Interruption, interruption


def test_the_first_signal_is_noted_and_told_once() -> None:
    told = threading.Event()
    watched = Interruption(told.set)
    assert not watched.wanted
    watched.handle(signal.SIGTERM, None)
    assert watched.wanted and told.wait(10)
    told.clear()
    watched.handle(signal.SIGTERM, None)
    assert not told.wait(0.05)


def test_ctrl_c_that_a_launcher_passes_on_is_not_a_second_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    watched = Interruption()
    for _ in range(3):
        watched.handle(signal.SIGINT, None)
    now += 2 * module._AGAIN
    watched.handle(signal.SIGTERM, None)
    with pytest.raises(KeyboardInterrupt):
        watched.handle(signal.SIGINT, None)


def test_handlers_are_put_back() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    with pytest.raises(ZeroDivisionError), interruption() as watched:
        assert [signal.getsignal(number) for number in numbers] == [watched.handle] * 2
        raise ZeroDivisionError
    assert [signal.getsignal(number) for number in numbers] == before


def test_other_threads_watch_nothing() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with interruption() as watched:
            seen.extend([signal.getsignal(signal.SIGINT), watched.wanted])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before, False]
