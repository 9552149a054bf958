"""Retouch a folder of 60 portraits with everything among them that trips batch tools, and check every output.

Run: python benchmarks/mixed_folder.py FACES

FACES holds a folder `london` of portraits. The folder made from it also has a truncated JPEG, a text file named
.jpg, a 16-bit TIFF, a CMYK JPEG, a JPEG turned by its EXIF tag, a photo without a face and a montage of 12 faces;
ten of the portraits are stored as PNG. Prints a table and exits with 1 if any row failed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from bpfre.photos import read_photo

ORIENTATION, ARTIST = 0x0112, 0x013B
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
BAD = ("truncated.jpg", "text.jpg")


def make_folder(portraits: list[Path], folder: Path) -> None:
    """Write the mixed folder."""
    for index, path in enumerate(portraits):
        if index < 10:
            Image.open(path).save(folder / f"{path.stem}.png")
        else:
            (folder / path.name).write_bytes(path.read_bytes())
    first = Image.open(portraits[0]).convert("RGB")
    (folder / BAD[0]).write_bytes(portraits[1].read_bytes()[:60_000])
    (folder / BAD[1]).write_text("This is not a photo.")
    deep = np.asarray(first, np.uint16) * 257
    iio.imwrite(
        folder / "deep.tif", deep, plugin="tifffile", photometric="rgb", extratags=[(700, 1, len(XMP), XMP, True)]
    )
    exif = Image.Exif()
    exif[ARTIST] = "bpfre"
    first.convert("CMYK").save(folder / "cmyk.jpg", quality=95, exif=exif)
    exif[ORIENTATION] = 6
    first.rotate(90, expand=True).save(folder / "sideways.jpg", quality=95, exif=exif, xmp=XMP)
    gradient = np.linspace(60, 200, 900, dtype=np.uint8)
    Image.fromarray(np.dstack([np.tile(gradient, (600, 1))] * 3)).save(folder / "no_face.png")
    montage = Image.new("RGB", (4 * 500, 3 * 500))
    for index, path in enumerate(portraits[10:22]):
        montage.paste(
            Image.open(path).resize((500, 500), Image.Resampling.LANCZOS), (index % 4 * 500, index // 4 * 500)
        )
    montage.save(folder / "montage.png")


def outside_is_identical(source: Path, output: Path, faces: list[dict]) -> bool:
    """Whether every pixel that no face region holds is that of the source."""
    before, after = read_photo(source).rgb, read_photo(output).rgb
    outside = np.ones(before.shape[:2], bool)
    for face in faces:
        if face["region"] is None:  # a refused face changes nothing
            continue
        x0, y0, x1, y1 = face["region"]
        outside[y0:y1, x0:x1] = False
    return bool((before[outside] == after[outside]).all())


def same_nature(source: Path, output: Path) -> bool:
    """Whether size, mode, depth, EXIF (orientation aside), XMP and ICC are those of the source."""
    a, b = read_photo(source), read_photo(output)
    return (a.rgb.shape, a.rgb.dtype, a.mode, a.format, a.exif, a.xmp, a.icc) == (
        b.rgb.shape,
        b.rgb.dtype,
        b.mode,
        b.format,
        b.exif,
        b.xmp,
        b.icc,
    )


def main() -> None:
    """Make the folder, run the command, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    options = parser.parse_args()
    portraits = sorted((options.faces / "london").rglob("*.jpg"))[:60]
    rows: list[tuple[str, bool, str]] = []

    def check(name: str, passed: bool, detail: object = "") -> None:
        rows.append((name, passed, str(detail)))

    with tempfile.TemporaryDirectory() as place:
        photos, clean = Path(place) / "photos", Path(place) / "clean"
        photos.mkdir()
        make_folder(portraits, photos)
        before = {path.name: path.read_bytes() for path in photos.iterdir()}
        command = [sys.executable, "-m", "bpfre_cli", "retouch", str(photos), "--out", str(clean)]
        done = subprocess.run(
            [*command, "--report", f"{place}/report.json"], capture_output=True, text=True, check=False
        )
        report = json.loads(Path(f"{place}/report.json").read_text())
        results = {Path(photo["source"]).name: photo for photo in report["photos"]}
        failed = sorted(name for name, photo in results.items() if photo["status"] == "failed")
        good = sorted(set(before) - set(BAD))
        check("exit code is 1", done.returncode == 1, done.returncode)
        check("the two bad files are named", failed == sorted(BAD) and all(n in done.stdout + done.stderr for n in BAD))
        check("all others are written", sorted(p.name for p in clean.iterdir()) == good, len(list(clean.iterdir())))
        check("inputs are untouched", {p.name: p.read_bytes() for p in photos.iterdir()} == before)
        each: Callable[[Callable[[str], bool]], list[str]] = lambda test: [n for n in good if not test(n)]  # noqa: E731
        wrong = each(lambda n: same_nature(photos / n, clean / n))
        check("size, mode, depth, EXIF, XMP, ICC as in the source", not wrong, wrong)
        lossless = [n for n in good if n.endswith((".png", ".tif"))]
        wrong = [n for n in lossless if not outside_is_identical(photos / n, clean / n, results[n]["faces"])]
        check(f"{len(lossless)} PNG and TIFF: identical outside the faces", not wrong, wrong)
        check("photo without a face is the same file", (clean / "no_face.png").read_bytes() == before["no_face.png"])
        check(
            "12 faces in the montage", len(results["montage.png"]["faces"]) == 12, len(results["montage.png"]["faces"])
        )
        turned, source = Image.open(clean / "sideways.jpg"), Image.open(photos / "sideways.jpg")
        check(
            "sideways photo stays as it is stored", turned.getexif() == source.getexif() and turned.size == source.size
        )
    table = Table("check", "passed", "detail", title=f"{len(before)} files")
    for name, passed, detail in rows:
        table.add_row(name, "yes" if passed else "NO", detail)
    Console(width=110).print(table)
    sys.exit(not all(passed for _, passed, _ in rows))


if __name__ == "__main__":
    main()
