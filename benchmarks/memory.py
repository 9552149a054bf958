"""Peak memory of `bpfre retouch` on panoramas of 100 megapixels and on a group photo with 60 faces.

Run: python benchmarks/memory.py FACES [--only NAME ...]

FACES holds a folder `london` of portraits, of which the photos are made. Every row is a run of its own over three
panoramas in one format (or as many group photos), so that reading, retouching and writing overlap as they do in a
folder. Prints the peak of the resident memory, and exits with 1 where a run failed, missed a face or took more than
4 GB. Takes half an hour on two cores, most of it for PNG, AVIF and HEIC encoders.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

LIMIT_GB = 4.0
COPIES = 3  # photos a run

Save = Callable[[np.ndarray, Path], None]


@dataclass(frozen=True)
class Row:
    """One run."""

    name: str
    columns: int  # portraits side by side
    rows: int
    side: int  # px of each
    save: Save
    suffix: str
    options: tuple[str, ...] = ()
    copies: int = COPIES


def _pillow(**options: object) -> Save:
    return lambda pixels, path: Image.fromarray(pixels).save(path, **options)  # type: ignore[arg-type]


def _tiff16(pixels: np.ndarray, path: Path) -> None:
    iio.imwrite(path, pixels.astype(np.uint16) * 257, plugin="tifffile", photometric="rgb")


def _png16(pixels: np.ndarray, path: Path) -> None:
    iio.imwrite(path, pixels.astype(np.uint16) * 257, plugin="opencv")


def _heic(pixels: np.ndarray, path: Path) -> None:
    import pillow_heif

    height, width = pixels.shape[:2]
    with path.open("wb") as file:
        pillow_heif.encode("RGB", (width, height), pixels.tobytes(), file, quality=80, tile_size=1024)


def _alpha(pixels: np.ndarray, path: Path) -> None:
    Image.fromarray(np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])).save(path, compress_level=1)


PANORAMA, GROUP = (8, 2, 2501), (10, 6, 640)  # 20,008 x 5,002 px, 16 faces; 6,400 x 3,840 px, 60 faces
ROWS = (
    Row("group JPEG", *GROUP, _pillow(quality=92), ".jpg"),
    Row("group TIFF, 16 bits", *GROUP, _tiff16, ".tif"),
    Row("group JPEG, layers", *GROUP, _pillow(quality=92), ".jpg", ("--layers",)),
    Row("panorama JPEG", *PANORAMA, _pillow(quality=92), ".jpg"),
    Row("panorama JPEG 4:4:4", *PANORAMA, _pillow(quality=95, subsampling=0), ".jpg"),
    Row("panorama PNG", *PANORAMA, _pillow(compress_level=1), ".png"),
    Row("panorama PNG with alpha", *PANORAMA, _alpha, ".png"),
    Row("panorama PNG, 16 bits", *PANORAMA, _png16, ".png"),
    Row("panorama TIFF, 16 bits", *PANORAMA, _tiff16, ".tif"),
    Row("panorama JPEG, layers", *PANORAMA, _pillow(quality=92), ".jpg", ("--layers",)),
    Row("panorama TIFF, 16 bits, layers", *PANORAMA, _tiff16, ".tif", ("--layers",)),
    Row("panorama AVIF", *PANORAMA, _pillow(quality=80, speed=10), ".avif", copies=2),
    Row("panorama HEIC", *PANORAMA, _heic, ".heic", copies=2),
)


def montage(portraits: list[Path], row: Row) -> np.ndarray:
    """[H, W, 3] uint8: portraits side by side."""
    canvas = np.empty((row.rows * row.side, row.columns * row.side, 3), np.uint8)
    for index in range(row.columns * row.rows):
        with Image.open(portraits[index % len(portraits)]) as image:
            tile = np.asarray(image.convert("RGB").resize((row.side, row.side), Image.Resampling.LANCZOS))
        y, x = index // row.columns * row.side, index % row.columns * row.side
        canvas[y : y + row.side, x : x + row.side] = tile
    return canvas


def measure(row: Row, portraits: list[Path], folder: Path) -> tuple[float, float, int, int]:
    """Return peak [GB], seconds, faces found and exit code of a run."""
    photos = folder / "photos"
    photos.mkdir()
    pixels = montage(portraits, row)
    for copy in range(row.copies):
        row.save(pixels, photos / f"{copy}{row.suffix}")
    del pixels
    report = folder / "report.json"
    command = [sys.executable, "-m", "bpfre_cli", "retouch", photos, "--out", folder / "out", "--report", report]
    started = time.monotonic()
    process = subprocess.Popen([*map(str, command), *row.options, "--quiet"])
    _, status, usage = os.wait4(process.pid, 0)  # of this run alone
    seconds = time.monotonic() - started
    faces = json.loads(report.read_text())["totals"]["faces"] if report.exists() else 0
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 1e9, seconds, faces, os.waitstatus_to_exitcode(status)


def main() -> None:
    """Run every row and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--only", nargs="+", choices=[row.name for row in ROWS], metavar="NAME", help="these rows")
    options = parser.parse_args()
    portraits = sorted((options.faces / "london").rglob("*.jpg"))[:60]
    table = Table("photos", "megapixels", "faces", "peak memory", "seconds", "in bounds", title=f"limit {LIMIT_GB} GB")
    good = True
    for row in ROWS:
        if options.only and row.name not in options.only:
            continue
        with tempfile.TemporaryDirectory() as place:
            peak, seconds, faces, code = measure(row, portraits, Path(place))
        expected = row.copies * row.columns * row.rows
        passed = peak <= LIMIT_GB and code == 0 and faces == expected
        good &= passed
        size = row.columns * row.rows * row.side**2 / 1e6
        table.add_row(
            f"{row.copies} x {row.name}",
            f"{size:.1f}",
            f"{faces} of {expected}",
            f"{peak:.2f} GB",
            f"{seconds:.0f}",
            "yes" if passed else f"NO (exit code {code})",
        )
        Console(stderr=True).print(f"{row.name}: {peak:.2f} GB, {faces} faces, {seconds:.0f} s")
    Console(width=110).print(table)
    sys.exit(not good)


if __name__ == "__main__":
    main()
