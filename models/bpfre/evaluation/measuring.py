"""Run every method over every pair and measure what comes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bpfre.errors import DataError
from bpfre.evaluation.gauges import Gauges, Measured, as_tensor
from bpfre.evaluation.methods import Method
from bpfre.evaluation.pairs import Pair, PairReader
from bpfre.evaluation.scores import Score
from bpfre.retouching.sentences import sentence
from bpfre.training.data.samples import Sample


@dataclass(frozen=True)
class LeftOut:
    """A pair that some step failed on; it counts for no method, so that all rows are of the same pairs."""

    pair: str
    reason: str


def measure_pairs(
    samples: Sequence[Sample], reader: PairReader, methods: Sequence[Method], gauges: Gauges
) -> Iterator[list[Score] | LeftOut]:
    """Measure pair by pair; one is in memory at a time.

    Args:
        samples: the pairs.
        reader: reads them.
        methods: the rows, in order.
        gauges: the columns.

    Yields:
        For each pair the scores of all methods, or why it is left out.
    """
    for sample in samples:
        try:
            pair = reader.read(sample)
            yield [_score(pair, method, gauges) for method in methods]
        except Exception as error:  # one pair must not stop the others
            yield LeftOut(sample.name, sentence(error, "measured"))


def _score(pair: Pair, method: Method, gauges: Gauges) -> Score:
    result = method.result(pair)
    if result.shape != pair.raw.shape or result.dtype != np.uint8:
        raise DataError(f"{method.name} made {list(result.shape)} of {list(pair.raw.shape)}.")
    height, width = pair.raw.shape[:2]
    values = gauges.measure(Measured(result, pair.raw, pair.target, pair.face))
    return Score(pair.name, method.name, width, height, _edited_area(pair), values)


def _edited_area(pair: Pair) -> float:
    from bpfre.training.validation import edited_pixels

    return float(edited_pixels(as_tensor(pair.raw, "cpu"), as_tensor(pair.target, "cpu")).float().mean())
