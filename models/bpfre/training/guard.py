"""Tell a step that would ruin the run: a loss or gradient that is no number, or a loss far above its recent past."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable

from bpfre.errors import TrainingError

WINDOW = 50  # losses that make the recent past
PATIENCE = 20  # losses seen before a spike can be told
LIMIT = 5  # restorations without a good step between them that end the run


class LossGuard:
    """Judges every step by its loss and gradient, the same in every process as both are averages over processes.

    Args:
        spike: how many times the median of the recent past is too much.
        losses: the recent past of a run that goes on.
    """

    def __init__(self, spike: float, losses: Iterable[float] = ()) -> None:
        self.spike = spike
        self._losses: deque[float] = deque(losses, maxlen=WINDOW)
        self._failures = 0

    @property
    def recent(self) -> list[float]:
        """Losses of the recent past, oldest first."""
        return list(self._losses)

    @recent.setter
    def recent(self, losses: Iterable[float]) -> None:
        self._losses = deque(losses, maxlen=WINDOW)

    def is_good(self, loss: float, gradient: float) -> bool:
        """Return whether the step may be taken; remembers its loss if so.

        Raises:
            TrainingError: steps keep failing.
        """
        good = math.isfinite(loss) and math.isfinite(gradient)
        if good and len(self._losses) >= PATIENCE:
            good = loss <= self.spike * statistics.median(self._losses)
        if good:
            self._failures = 0
            self._losses.append(loss)
            return True
        self._failures += 1
        if self._failures > LIMIT:
            raise TrainingError(
                f"The loss ran away {self._failures} times in a row although the last good state was restored.",
                "Lower --lr, or raise spike with --set if such losses are right for your data.",
            )
        return False
