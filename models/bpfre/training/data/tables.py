"""Lists of pairs in a CSV or JSONL file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from bpfre.errors import DataError
from bpfre.training.data.samples import Split

SUFFIXES = (".csv", ".jsonl")
_SPLITS = {"": None, "train": "train", "validation": "validation", "val": "validation", "test": "test"}


@dataclass(frozen=True, slots=True)
class Row:
    """One pair as the file gives it."""

    raw: str
    retouched: str
    split: Split | None


def read_table(path: Path) -> list[Row]:
    """Read the rows of a file with the columns (CSV) or keys (JSONL) raw, retouched and, if wanted, split.

    Raises:
        DataError: not such a file, a value is missing, or a split is none of train, validation and test.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"{path} is no list of pairs by its name.", f"Such lists end in {' or '.join(SUFFIXES)}.")
    read = _csv if path.suffix.lower() == ".csv" else _jsonl
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [_row(path, number, values) for number, values in read(path, file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"The list of pairs {path} cannot be read.", "Save it as UTF-8 text.") from error


def _csv(path: Path, lines: Iterator[str]) -> Iterator[tuple[int, dict[str, object]]]:
    reader = csv.DictReader(lines)
    reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
    missing = [name for name in ("raw", "retouched") if name not in reader.fieldnames]
    if missing:
        raise DataError(
            f"The list of pairs {path} has no column {' and no column '.join(missing)}.",
            "Its first line must name the columns: raw,retouched or raw,retouched,split.",
        )
    for values in reader:
        yield reader.line_num, dict(values)


def _jsonl(path: Path, lines: Iterator[str]) -> Iterator[tuple[int, dict[str, object]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise DataError(
                f"Line {number} of {path} is no JSON object.",
                'Write lines like {"raw": "a.png", "retouched": "b.png"}.',
            )
        yield number, values


def _row(path: Path, number: int, values: dict[str, object]) -> Row:
    texts = {name: values.get(name) for name in ("raw", "retouched", "split")}
    for name in ("raw", "retouched"):
        if not isinstance(texts[name], str) or not str(texts[name]).strip():
            raise DataError(
                f"Line {number} of {path} does not name its {name} photo.", "Give both sides of every pair."
            )
    split = str(texts["split"] or "").strip().lower()
    if split not in _SPLITS:
        raise DataError(
            f"Line {number} of {path} has the split {split!r}.", "Use train, validation or test, or leave it empty."
        )
    return Row(str(texts["raw"]).strip(), str(texts["retouched"]).strip(), cast("Split | None", _SPLITS[split]))
