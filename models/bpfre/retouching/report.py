"""The run as one JSON document."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from bpfre.photos.atomic import atomic_file
from bpfre.retouching.jobs import LeftOut
from bpfre.retouching.results import PhotoResult, total


def report_document(
    results: Sequence[PhotoResult], facts: Mapping[str, object], others: Sequence[LeftOut] = ()
) -> dict[str, object]:
    """Return the report.

    Args:
        results: every photo; they are sorted by source.
        facts: of the run, plain JSON values.
        others: files that were not taken for photos.
    """
    photos = sorted(results, key=lambda result: result.source)
    return {
        **facts,
        "totals": dataclasses.asdict(total(photos)),
        "photos": [_photo(result) for result in photos],
        "left_out": [{"source": str(other.path), "reason": other.reason} for other in others],
    }


def write_report(document: Mapping[str, object], path: Path) -> None:
    """Write the report as JSON, names in ASCII escapes; it appears whole or not at all.

    Raises:
        PhotoError: the disk refuses.
    """
    with atomic_file(path) as file:
        file.write(json.dumps(document, indent=2).encode("ascii") + b"\n")


def _photo(result: PhotoResult) -> dict[str, object]:
    values = dataclasses.asdict(result)
    return values | {"source": str(result.source), "destination": str(result.destination)}
