"""Figures of pictures, and of all pictures together: mean and spread."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bpfre.evaluation.gauges import Column
from bpfre.evaluation.methods import UNEDITED


@dataclass(frozen=True)
class Score:
    """One picture made by one method."""

    pair: str
    method: str
    width: int  # px, as measured
    height: int
    edited_area: float  # share of the pixels that the retoucher changed
    values: dict[str, float | None]  # by column; None where there was nothing to measure


@dataclass(frozen=True)
class Spread:
    """One column of one method over all pairs. Equal pictures have an infinite PSNR: they are counted apart."""

    pairs: int  # with a finite value
    infinite: int
    mean: float | None  # of the finite values; None where there are none
    sd: float | None  # standard deviation of the sample; None for fewer than two
    median: float | None  # infinite values included


@dataclass(frozen=True)
class MethodSummary:
    """One method over all pairs."""

    method: str
    columns: dict[str, Spread]
    beats_unedited: float | None  # share of the pairs whose PSNR is higher than the unedited photo's; None for itself


def summarise(scores: Sequence[Score], columns: Sequence[Column]) -> list[MethodSummary]:
    """Put the scores of each method together, methods in the order of their first score."""
    by_method: dict[str, list[Score]] = {}
    for score in scores:
        by_method.setdefault(score.method, []).append(score)
    unedited = {score.pair: score.values["psnr"] for score in by_method.get(UNEDITED, ())}
    return [
        MethodSummary(
            method,
            {column.key: _spread([score.values[column.key] for score in own]) for column in columns},
            None if method == UNEDITED else _share_above(own, unedited),
        )
        for method, own in by_method.items()
    ]


def _spread(values: Sequence[float | None]) -> Spread:
    known = [value for value in values if value is not None]
    finite = [value for value in known if math.isfinite(value)]
    middle = statistics.median(known) if known else None
    return Spread(
        pairs=len(finite),
        infinite=len(known) - len(finite),
        mean=statistics.fmean(finite) if finite else None,
        sd=statistics.stdev(finite) if len(finite) > 1 else None,
        median=middle if middle is not None and math.isfinite(middle) else None,
    )


def _share_above(scores: Sequence[Score], unedited: dict[str, float | None]) -> float | None:
    better = [
        value > other
        for score in scores
        if (value := score.values["psnr"]) is not None and (other := unedited.get(score.pair)) is not None
    ]
    return sum(better) / len(better) if better else None
