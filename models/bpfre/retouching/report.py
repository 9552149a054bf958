"""The run as one JSON document."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from bpfre.photos.atomic import atomic_file
from bpfre.retouching.results import PhotoResult, total


def report_document(results: Sequence[PhotoResult], facts: Mapping[str, object]) -> dict[str, object]:
    """Return the report: the run's `facts` (plain JSON values), its totals, and every photo sorted by source."""
    photos = sorted(results, key=lambda result: result.source)
    return {
        **facts,
        "totals": dataclasses.asdict(total(photos)),
        "photos": [_photo(result) for result in photos],
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
