"""Does any damaged file crash, hang or flood the product? Thousands of mutated files through its reading path.

Run: python benchmarks/fuzz.py [--files 20000] [--seed 0] [--workers 1] [--keep DIR]      (about 10 ms for each file)

Sound JPEG, PNG, TIFF, WebP and safetensors files of all variants are damaged: blindly, and behind checksums and
lengths that are put right. Each photo is read, edited and written as `bpfre retouch` does it; what was written is read
again. Each weights file is loaded. This happens in worker processes under watch. Faults are: a crash, more than 10 s,
more than 2 GB of memory, an exception that is none of ours, a file written that is not whole, pixels changed outside
of the edit, something left behind, an original changed. The exit code is 1 if there was any; `--keep` saves the files.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from fuzzing.pool import Limits, Report, run_watched
from rich.console import Console
from rich.table import Table

COLUMNS = ("done", "refused", "not encoded", "fault", "crash", "hang", "memory")
HARMLESS = ("done", "refused", "not encoded")


def work(seed: int) -> None:
    """Answer the numbers on standard input."""
    from fuzzing.checks import KINDS, check, seeds

    for kind in KINDS:
        seeds(kind)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as place:
        for line in sys.stdin:
            folder = Path(place) / line.strip()
            folder.mkdir()
            outcome = check(seed, int(line), folder)
            shutil.rmtree(folder)
            sys.stdout.write(json.dumps([outcome.state, outcome.detail]) + "\n")
            sys.stdout.flush()


def show(reports: Sequence[Report]) -> None:
    """Print the table and every fault."""
    from fuzzing.checks import KINDS, kind_of

    rows: dict[str, list[Report]] = defaultdict(list)
    for report in reports:
        rows[kind_of(report.number)].append(report)
    table = Table(title=f"{len(reports)} damaged files")
    for name in ("kind", "files", *COLUMNS, "slowest s", "peak MB"):
        table.add_column(name, justify="left" if name == "kind" else "right")
    for kind, found in (*((kind, rows[kind]) for kind in KINDS), ("all", reports)):
        counts = Counter(report.state for report in found)
        slowest, peak = (max((getattr(r, name) for r in found), default=0.0) for name in ("seconds", "megabytes"))
        table.add_row(kind, str(len(found)), *(str(counts[name]) for name in COLUMNS), f"{slowest:.1f}", f"{peak:.0f}")
    console = Console(width=120, highlight=False)
    console.print(table)
    for report in reports:
        if report.state not in HARMLESS:
            console.print(f"{report.number} ({kind_of(report.number)}): {report.state}, {report.detail}", markup=False)
    sentences = Counter(
        (kind_of(report.number), report.detail.partition(" ")[2]) for report in reports if report.state == "not encoded"
    )
    for (kind, sentence), count in sentences.most_common():
        console.print(f"{count} x {kind}, not encoded: {sentence}", markup=False)


def main() -> None:
    """Damage, watch, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the files that are faults")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.seed)
        return
    command = [sys.executable, __file__, "--work", "--seed", str(options.seed)]
    numbers = range(options.first, options.first + options.files)
    reports = sorted(
        run_watched(command, numbers, workers=options.workers, limits=Limits()), key=lambda report: report.number
    )
    show(reports)
    faults = [report for report in reports if report.state not in HARMLESS]
    if options.keep and faults:
        from fuzzing.checks import kind_of, make

        options.keep.mkdir(parents=True, exist_ok=True)
        for report in faults:
            (options.keep / f"{report.number}.{kind_of(report.number)}").write_bytes(make(options.seed, report.number))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
