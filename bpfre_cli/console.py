"""The only place that prints: results to stdout; progress, warnings and errors to stderr."""

from __future__ import annotations

import json
import logging
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console, RenderableType
from rich.logging import RichHandler
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

_out = Console(highlight=False)
_err = Console(highlight=False, stderr=True)
_LONGEST_WORD = 24  # in a grid, before it is broken
_speaks = True  # whether this process shows progress and warnings


def say(text: str) -> None:
    """Print a line to stdout."""
    _out.print(Text(_printable(text)), soft_wrap=True)


def draw(picture: RenderableType) -> None:
    """Print a picture that rich can render to stdout, not higher than the screen where it can choose."""
    _out.print(picture, height=max(1, _out.size.height - 2))


def warn(text: str) -> None:
    """Print a line to stderr, marked as a warning where colours are shown."""
    if not _speaks:
        return
    _err.print(Text(_printable(text), style="yellow"), soft_wrap=True)


def fail(message: str, next_step: str = "") -> None:
    """Print an error and what to do next to stderr."""
    _err.print(Text(_printable(message), style="bold red"), soft_wrap=True)
    if next_step:
        _err.print(Text(_printable(next_step)), soft_wrap=True)


def mute() -> None:
    """Print nothing but errors from here on: one of several processes speaks for all."""
    _out.quiet = True
    global _speaks
    _speaks = False


def document(values: Mapping[str, object]) -> None:
    """Print one JSON document to stdout."""
    _out.file.write(json.dumps(values, indent=2) + "\n")
    _out.file.flush()


def table(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Print names and values to stdout."""
    grid = Table(title=title, title_justify="left", show_header=False)
    for name, value in rows:
        grid.add_row(name, Text(_printable(value), overflow="fold"))
    _out.print(grid)


def grid(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of figures below a head to stdout; the first column holds names. Words of names and head are wrapped.

    Where that is too wide, rows become columns. What is too wide even then goes beyond the edge: no figure is cut.
    """
    cells = (head, *rows)
    turned = list(zip(*cells, strict=True))
    flat = [[cell.replace("\n", " ") for cell in row] for row in turned]
    ways = [_grid(title, row[0], row[1:]) for row in (cells, flat, turned)]
    made = next((way for way in ways if _natural_width(way) <= _out.width), min(ways, key=_natural_width))
    made.width = _natural_width(made)
    _out.print(made, crop=False)


def _grid(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    made = Table(title=_printable(title), title_justify="left", box=SIMPLE)
    columns = []
    for number, (name, *cells) in enumerate(zip(head, *rows, strict=True)):
        lines = (line for cell in cells for line in (cell.splitlines() if number else cell.split()))
        wide = max(map(len, (*name.split(), *lines)))
        made.add_column(Text(_wrapped(name, wide)), justify="right" if number else "left", no_wrap=True)
        columns.append(cells if number else [_wrapped(cell, wide) for cell in cells])
    for row in zip(*columns, strict=True):
        made.add_row(*(Text(_printable(cell)) for cell in row))
    return made


def _wrapped(name: str, wide: int) -> str:
    return textwrap.fill(_printable(name), min(wide, _LONGEST_WORD), break_on_hyphens=False)


def _natural_width(made: Table) -> int:
    """Width without a line broken, in characters."""
    return Measurement.get(_out, _out.options.update(max_width=10_000), made).maximum


def show_log() -> None:
    """Send what bpfre logs to stderr, in step with progress bars."""
    logger = logging.getLogger("bpfre")
    if not logger.handlers:
        logger.addHandler(RichHandler(console=_err, show_time=False, show_path=False, markup=False))
        logger.propagate = False


class PhotoProgress:
    """A bar of photos done, faces, rate and time left."""

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar, self._task, self._faces = bar, task, 0

    def advance(self, faces: int) -> None:
        """Count one photo more."""
        self._faces += faces
        self._bar.update(self._task, advance=1, faces=self._faces)


@contextmanager
def photo_progress(photos: int, *, shown: bool, doing: str = "Retouching") -> Iterator[PhotoProgress]:
    """Show a bar on stderr while the block runs; only on a terminal."""
    columns = (
        TextColumn(doing),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[faces]} faces"),
        _Rate("photos/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_err, transient=True, disable=not (shown and _err.is_terminal)) as bar:
        yield PhotoProgress(bar, bar.add_task("", total=photos, faces=0))


@contextmanager
def download_progress(title: str, size: int) -> Iterator[Callable[[int], None]]:
    """Show a download on stderr while the block runs; only on a terminal.

    Args:
        size: bytes in all.

    Yields:
        A function that takes the bytes so far.
    """
    columns = (TextColumn(title), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_err, transient=True, disable=not _err.is_terminal) as bar:
        task = bar.add_task("", total=size)
        yield lambda done: bar.update(task, completed=done)


class TrainingProgress:
    """A training run as it goes: photos prepared, then a bar of steps."""

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar, self._task, self._photos = bar, task, 0

    def photo(self, path: Path, reason: str | None) -> None:
        """Count a prepared photo; say why it is left out, if it is."""
        self._photos += 1
        self._bar.update(self._task, note=f"{self._photos} photos prepared")
        if reason:
            warn(f"{path}: {reason}")

    def step(self, step: int, losses: Mapping[str, float]) -> None:
        """Show a step's losses."""
        note = "  ".join(f"{name} {value:.4f}" for name, value in losses.items() if isinstance(value, float))
        self._bar.update(self._task, completed=step, note=note)

    def done(self, weights: Path) -> None:
        """Name the file that was written."""
        say(f"The weights are in {weights}.")


@contextmanager
def training_progress(out: Path, steps: int) -> Iterator[TrainingProgress]:
    """Show a training run on stderr while the block runs; the bar only on a terminal."""
    say(f"Training in {out}.")
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        _Rate("steps/s"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=_err, disable=not (_err.is_terminal and _speaks)) as bar:
        yield TrainingProgress(bar, bar.add_task("", total=steps, note=""))


class _Rate(ProgressColumn):
    """How many a second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.2f} {self._unit}" if speed else f"- {self._unit}")


def _printable(text: str) -> str:
    """Escape what a terminal would obey or could not show, such as names that are no text."""
    return "".join(
        character if character.isprintable() or character == "\n" else character.encode("unicode_escape").decode()
        for character in text
    )
