"""Is anything lost when a run is killed? `bpfre retouch` killed at random moments, again and again.

Run: python benchmarks/kills.py [--kills 200] [--photos 24] [--seed 0]      (about 4 s for each kill)

A folder of small portraits is retouched, with layers; at a random moment the process gets SIGKILL and the same command
is started again, until a run ends by itself; then with an empty output folder, until there were as many kills as asked
for. After every kill each result and layered file that is there must be, byte for byte, the one of a run that nobody
disturbed, and the originals must be as they were. After each run that ended by itself all of them must be there and no
temporary file.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage import data

HIDDEN = ".bpfre"


def make_photos(folder: Path, count: int) -> None:
    """Write portraits that all differ, PNG and JPEG by turns."""
    portrait = np.ascontiguousarray(data.astronaut()[:256, 96:352, :3])
    folder.mkdir()
    for index in range(count):
        picture = Image.fromarray(np.clip(portrait.astype(int) + index - count // 2, 0, 255).astype(np.uint8))
        picture.save(folder / f"{index:03}.{'jpg' if index % 2 else 'png'}")


def contents(folder: Path) -> dict[str, bytes]:
    """Read everything that a user sees in a folder."""
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if HIDDEN not in path.parts}


def start(photos: Path, out: Path) -> subprocess.Popen[bytes]:
    """Start retouching; one face at a time, so that every run computes alike."""
    command = [sys.executable, "-m", "bpfre_cli", "retouch", photos, "--out", out, "--batch-size", 1]
    arguments = [*map(str, command), "--detector", "mtcnn", "--device", "cpu", "--layers", "--quiet"]
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def main() -> None:
    """Kill, look, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if os.name != "posix":
        sys.exit("This needs SIGKILL.")
    rng = np.random.default_rng(options.seed)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        photos, undisturbed, out = (Path(place) / name for name in ("photos", "undisturbed", "out"))
        make_photos(photos, options.photos)
        originals = contents(photos)
        began = time.monotonic()
        if start(photos, undisturbed).wait():
            sys.exit("The undisturbed run failed.")
        length = time.monotonic() - began
        expected = contents(undisturbed)
        while counts["kills"] < options.kills:
            run = start(photos, out)
            try:
                code = run.wait(rng.uniform(0, 1.05 * length))
            except subprocess.TimeoutExpired:
                run.kill()
                run.wait()
                counts["kills"] += 1
                code = None
            found = contents(out) if out.exists() else {}
            counts["results looked at"] += len(found)
            counts["results not as in the undisturbed run"] += sum(expected.get(n) != data for n, data in found.items())
            counts["temporary files of a killed run"] += sum(1 for _ in out.rglob("*.part")) if code is None else 0
            counts["originals changed"] += contents(photos) != originals
            if code is not None:
                counts["runs that ended by themselves"] += 1
                counts["runs that ended with an error"] += code != 0
                counts["results missing at the end"] += len(expected.keys() - found.keys())
                counts["temporary files left at the end"] += sum(1 for _ in out.rglob("*.part"))
                shutil.rmtree(out, ignore_errors=True)  # a run that failed at once has made none
    table = Table(title=f"{counts['kills']} kills of a run of {length:.1f} s over {options.photos} photos")
    table.add_column("what")
    table.add_column("count", justify="right")
    for name in (
        "runs that ended by themselves",
        "results looked at",
        "results not as in the undisturbed run",
        "results missing at the end",
        "originals changed",
        "runs that ended with an error",
        "temporary files of a killed run",
        "temporary files left at the end",
    ):
        table.add_row(name, str(counts[name]))
    Console(width=100).print(table)
    harmless = ("kills", "runs that ended by themselves", "results looked at", "temporary files of a killed run")
    sys.exit(any(count for name, count in counts.items() if name not in harmless))


if __name__ == "__main__":
    main()
