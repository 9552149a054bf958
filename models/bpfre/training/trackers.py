"""Where the figures of a run go: rows of JSON, and TensorBoard where it is installed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpfre.training.run_folder import RunFolder, read_rows, write_rows

if TYPE_CHECKING:
    from torch import Tensor
    from torch.utils.tensorboard import SummaryWriter


def has_tensorboard() -> bool:
    """Whether the optional package is installed."""
    import importlib.util

    return importlib.util.find_spec("tensorboard") is not None


class Tracker:
    """Writes every figure of a run; a run that goes on first drops what belongs to steps it does again.

    Args:
        folder: the run's.
        start: the first step of this process.

    Attributes:
        repeated: how many steps were logged before that are done again.
    """

    def __init__(self, folder: RunFolder, start: int) -> None:
        # Training rows are numbered by the step they describe, validations by the steps done before them.
        rows, self.repeated = _trim(folder.metrics, start)
        self.losses = [row["loss"] for row in rows if row.get("loss") is not None]
        self.validations, _ = _trim(folder.validation, start + 1)
        self._metrics, self._validation = (path.open("a", buffering=1) for path in (folder.metrics, folder.validation))
        self._board = _open_board(folder.tensorboard, start) if has_tensorboard() else None

    def step(self, step: int, row: Mapping[str, float]) -> None:
        """Log the figures of one training step."""
        _append(self._metrics, {"step": step, **row})
        self._scalars("train", step, row)

    def validation(self, done: int, rows: Mapping[str, Mapping[str, float]]) -> None:
        """Log a validation after `done` steps: figures of the unedited input, the coarse and the refined stage."""
        _append(self._validation, {"step": done, **rows})
        for name, row in rows.items():
            self._scalars(f"validation/{name}", done, row)
        self.flush()

    def sheet(self, done: int, picture: Tensor) -> None:
        """Show a sheet of samples, [3, H, W] in [0, 1]."""
        if self._board:
            self._board.add_image("samples", picture, done)

    def flush(self) -> None:
        """Make sure that what was logged is on disk."""
        self._metrics.flush()
        self._validation.flush()
        if self._board:
            self._board.flush()

    def close(self) -> None:
        """Close the files."""
        self._metrics.close()
        self._validation.close()
        if self._board:
            self._board.close()

    def _scalars(self, prefix: str, step: int, row: Mapping[str, float]) -> None:
        if self._board:
            for name, value in row.items():
                self._board.add_scalar(f"{prefix}/{name}", value, step)


def _open_board(path: Path, start: int) -> SummaryWriter:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(path), purge_step=start)


def _trim(path: Path, end: int) -> tuple[list[dict[str, Any]], int]:
    """Drop the rows of steps from `end` on. -> the others, and how many are gone"""
    rows = read_rows(path)
    kept = [row for row in rows if row["step"] < end]
    write_rows(path, kept)
    return kept, len(rows) - len(kept)


def _append(file: Any, row: Mapping[str, object]) -> None:
    plain = {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in row.items()}
    file.write(json.dumps(plain) + "\n")
