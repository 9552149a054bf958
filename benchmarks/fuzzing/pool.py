"""Worker processes under watch: each answers one number after another, or is killed and replaced."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_LOOK = 0.02  # s between two looks at a worker


@dataclass(frozen=True)
class Report:
    """What is known of one number."""

    number: int
    state: str  # the worker's answer, or "crash", "hang", "memory"
    detail: str
    seconds: float  # that it ran or slept; not those in which it waited for a core
    megabytes: float  # the process's peak so far; 0 where the system does not tell


@dataclass(frozen=True)
class Limits:
    """What one number may take."""

    seconds: float = 10.0
    megabytes: float = 2048.0


def run_watched(command: Sequence[str], numbers: range, *, workers: int, limits: Limits) -> Iterator[Report]:
    """Let workers answer all numbers and yield a report of each, in the order in which they are done.

    Args:
        command: starts a worker: for each line with a number on its standard input, once it has printed "ready", it
            prints a JSON line `[state, detail]`.
    """
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in numbers:
        todo.put(number)
    done: queue.SimpleQueue[Report | BaseException] = queue.SimpleQueue()
    for _ in range(workers):
        threading.Thread(target=_work, args=(command, todo, done, limits), daemon=True).start()
    for _ in numbers:
        report = done.get()
        if isinstance(report, BaseException):
            raise report
        yield report


def _work(
    command: Sequence[str],
    todo: queue.SimpleQueue[int],
    done: queue.SimpleQueue[Report | BaseException],
    limits: Limits,
) -> None:
    worker: _Worker | None = None
    try:
        while True:
            try:
                number = todo.get_nowait()
            except queue.Empty:
                return
            worker = worker or _Worker(command)
            report = worker.ask(number, limits)
            done.put(report)
            if worker.process.poll() is not None:
                worker = None
    except BaseException as error:
        done.put(error)
    finally:
        if worker:
            worker.end()


class _Worker:
    """One process and a thread that listens to it."""

    def __init__(self, command: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        if self._answers.get(timeout=300) != "ready\n":
            raise RuntimeError(f"the worker {command} does not start")

    def ask(self, number: int, limits: Limits) -> Report:
        assert self.process.stdin
        began, waited = time.monotonic(), seconds_waited(self.process.pid)
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()
        while True:
            try:
                answer = self._answers.get(timeout=_LOOK)
            except queue.Empty:
                answer = None
            seconds = time.monotonic() - began - (seconds_waited(self.process.pid) - waited)
            peak = peak_megabytes(self.process.pid)
            if peak > limits.megabytes:
                return self._killed(number, "memory", f"{peak:.0f} MB", seconds, peak)
            if answer:
                state, detail = json.loads(answer)
                return Report(number, state, detail, seconds, peak)
            if answer == "":
                return Report(number, "crash", f"exit code {self.process.wait()}", seconds, peak)
            if seconds > limits.seconds:
                return self._killed(number, "hang", f"over {limits.seconds:g} s", seconds, peak)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()

    def _killed(self, number: int, state: str, detail: str, seconds: float, peak: float) -> Report:
        self.end()
        return Report(number, state, detail, seconds, peak)

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._answers.put(line)
        self._answers.put("")


def peak_megabytes(process: int) -> float:
    """Return the largest resident set that a process has had; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


def seconds_waited(process: int) -> float:
    """Return how long a process has been ready but without a core; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
