"""Ctrl-C and polite kills: a run ends after the step it is at, with everything saved."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from accelerate import Accelerator

from bpfre.training.distributed import any_process

_AGAIN = 1.0  # s; launchers pass Ctrl-C on to processes that the terminal has told already


class Interruption:
    """Whether the user, or a cluster that needs the machine, has asked the run to end.

    Attributes:
        wanted: SIGINT or SIGTERM has come to this process.
    """

    def __init__(self, on_first: Callable[[], None] | None = None) -> None:
        self.wanted = False
        self._since = 0.0
        self._on_first = on_first

    def wanted_anywhere(self, accelerator: Accelerator) -> bool:
        """Whether any process has been asked, which ends them all at the same step; each has to call this."""
        return any_process(accelerator, self.wanted)

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Take a signal: the first is noted, a later Ctrl-C ends the run at once.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed again.
        """
        now = time.monotonic()
        if not self.wanted:
            self.wanted, self._since = True, now
            if self._on_first:
                # Not from in here: a handler may run in the middle of another print.
                threading.Thread(target=self._on_first, daemon=True).start()
        elif number == signal.SIGINT and now - self._since > _AGAIN:
            raise KeyboardInterrupt


@contextmanager
def interruption(on_first: Callable[[], None] | None = None) -> Iterator[Interruption]:
    """Watch for SIGINT and SIGTERM while the block runs; outside of the main thread nothing is watched.

    Args:
        on_first: called once, in a thread of its own, as soon as the first signal has come.
    """
    watched = Interruption(on_first)
    numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, watched.handle) for number in numbers}
    try:
        yield watched
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave_to_parent(_worker: int) -> None:
    """Make a data loader's process outlive signals that go to a whole group, as a terminal and clusters send them: the
    step still needs its windows. It ends with its parent.

    It gets `worker_init_fn`'s argument.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
