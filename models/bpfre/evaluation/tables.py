"""What was measured as files and as a table: every picture in a CSV, everything together in a JSON document."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from bpfre.evaluation.gauges import Column, Gauges
from bpfre.evaluation.measuring import LeftOut
from bpfre.evaluation.scores import MethodSummary, Score, Spread
from bpfre.photos.atomic import atomic_file

PER_IMAGE, SUMMARY = "per_image.csv", "summary.json"
_ARROWS = {"higher": "↑", "lower": "↓"}


def write_scores(path: Path, scores: Sequence[Score], columns: Sequence[Column]) -> None:
    """Write one line for each picture; what there was nothing to measure of is empty, an infinite PSNR is `inf`.

    Raises:
        PhotoError: the disk refuses.
    """
    keys = [column.key for column in columns]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["pair", "method", "width", "height", "edited_area", *keys])
    for score in scores:
        figures = [score.edited_area, *(score.values[key] for key in keys)]
        shown = ["" if value is None else f"{value:.6g}" for value in figures]
        writer.writerow([score.pair, score.method, score.width, score.height, *shown])
    with atomic_file(path) as file:
        file.write(text.getvalue().encode("utf-8", "surrogateescape"))


def summary_document(
    summaries: Sequence[MethodSummary], gauges: Gauges, left_out: Sequence[LeftOut], facts: Mapping[str, object]
) -> dict[str, object]:
    """Return everything but the single pictures as plain JSON values: `facts` first."""
    return {
        **facts,
        "columns": [dataclasses.asdict(column) for column in gauges.columns],
        "not_measured": [dataclasses.asdict(missing) for missing in gauges.missing],
        "methods": [dataclasses.asdict(summary) for summary in summaries],
        "left_out": [dataclasses.asdict(pair) for pair in left_out],
    }


def write_summary(path: Path, document: Mapping[str, object]) -> None:
    """Write the document as JSON, names in ASCII escapes.

    Raises:
        PhotoError: the disk refuses.
    """
    with atomic_file(path) as file:
        file.write(json.dumps(document, indent=2, allow_nan=False).encode("ascii") + b"\n")


def table_of(summaries: Sequence[MethodSummary], columns: Sequence[Column]) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of a table: mean and standard deviation over the pairs.

    Columns that no method has a value for are left out.
    """
    shown = [c for c in columns if any(s.columns[c.key].pairs or s.columns[c.key].infinite for s in summaries)]
    head = ["method", *(f"{column.title} {_ARROWS[column.better]}" for column in shown)]
    rows = [[summary.method, *(_cell(summary.columns[c.key], c.digits) for c in shown)] for summary in summaries]
    return head, rows


def _cell(spread: Spread, digits: int) -> str:
    parts = []
    if spread.mean is not None:
        sd = "" if spread.sd is None else f"\n± {spread.sd:.{digits}f}"
        parts.append(f"{spread.mean:.{digits}f}{sd}")
    if spread.infinite:
        parts.append("inf" if spread.mean is None else f"({spread.infinite} inf)")
    return "\n".join(parts) if parts else "-"
