"""Check that a retouched JPEG differs from its source in the blocks of the correction alone, and what that costs.

Run: python benchmarks/jpeg_blocks.py [FOLDER ...] [--photos 12] [--qualities 70 75 80 85 90 95 98] [--progressive]

Takes the example photos and up to --photos photos, evenly spread, of each folder. Each is retouched once with the
starter weights. Then it is encoded by OpenCV at every quality and chroma subsampling, the same correction is added
to what that file decodes to, and the result is written twice: block by block, and with every pixel encoded anew.

An untouched block is a square of 8 x 8 px that no coefficient block with a corrected pixel covers, nor reaches by
the one pixel that decoders interpolate over where chroma is halved. The table says which share of them decodes to
the source's bytes, in which share of coefficient blocks without a corrected pixel every coefficient is the source's,
the size of the result over that of the source, the time to write, and the mean difference from the wanted pixels
where there is a correction. Exits with 1 if one untouched block differs or one file was encoded anew.

Takes about 5 minutes for 16 photos of 2 megapixels on two cores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import jpeglib
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from bpfre.faces import open_detector
from bpfre.photos import Photo, find_photos, read_photo, write_photo
from bpfre.photos.atomic import atomic_file
from bpfre.photos.codecs import CODECS
from bpfre.photos.metadata import Metadata
from bpfre.retouching import RetouchSettings, plan_jobs, retouch_photos
from bpfre.weights import load_network

EXAMPLES = Path(__file__).parents[1] / "examples" / "photos"
FACTORS = {  # horizontal and vertical sampling of luma, OpenCV's code
    "4:4:4": ((1, 1), cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    "4:2:2": ((2, 1), cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422),
    "4:2:0": ((2, 2), cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420),
    "4:4:0": ((1, 2), cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440),
    "4:1:1": ((4, 1), cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411),
    "grey": ((1, 1), None),
}


@dataclass
class Sums:
    """Figures of several files, added up."""

    files: int = 0
    anew: int = 0  # files that were not written block by block
    untouched: int = 0  # blocks
    same: int = 0
    same_anew: int = 0
    blocks: int = 0  # coefficient blocks without a corrected pixel
    kept: int = 0
    source_bytes: int = 0
    bytes: int = 0
    bytes_anew: int = 0
    seconds: float = 0
    seconds_anew: float = 0
    error: float = 0  # sums of means over files
    error_anew: float = 0

    def add(self, other: Sums) -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


def corrected(paths: Sequence[Path]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Retouch photos losslessly; yield RGB before and the correction, int16, of those that changed."""
    network, detector = load_network("starter", device="cpu"), open_detector("auto", device="cpu", min_face=40)
    with tempfile.TemporaryDirectory() as folder:
        sources, out = Path(folder, "in"), Path(folder, "out")
        sources.mkdir()
        for index, path in enumerate(paths):
            Image.fromarray(read_photo(path).rgb).save(sources / f"{index:04}.png", compress_level=1)
        jobs = plan_jobs([sources], out)
        with closing(retouch_photos(jobs, RetouchSettings(device="cpu"), network=network, detector=detector)) as run:
            for result in run:
                if result.status == "retouched":
                    before, after = read_photo(result.source).rgb, read_photo(result.destination).rgb
                    yield before, after.astype(np.int16) - before


def encode(rgb: np.ndarray, sampling: str, quality: int, *, progressive: bool) -> bytes:
    """Encode with OpenCV."""
    code = FACTORS[sampling][1]
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)]
    if code is None:
        pixels = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    else:
        pixels, options = rgb[..., ::-1], [*options, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, code]
    done, data = cv2.imencode(".jpg", pixels, options)
    assert done
    return data.tobytes()


def covered(changed: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return which blocks of a size in px have a changed pixel."""
    rows, columns = -(-changed.shape[0] // height), -(-changed.shape[1] // width)
    padded = np.zeros((rows * height, columns * width), bool)
    padded[: changed.shape[0], : changed.shape[1]] = changed
    return padded.reshape(rows, height, columns, width).any(axis=(1, 3))


def untouched_blocks(changed: np.ndarray, across: int, down: int) -> np.ndarray:
    """Return which squares of 8 x 8 px no touched block reaches."""
    height, width = changed.shape
    area = covered(changed, 8 * down, 8 * across).repeat(8 * down, 0).repeat(8 * across, 1)[:height, :width]
    kernel = np.ones((3 if down == 2 else 1, 3 if across == 2 else 1), np.uint8)
    return ~covered(cv2.dilate(area.astype(np.uint8), kernel) > 0, 8, 8)


def planes(path: Path) -> list[np.ndarray]:
    """Read coefficients, with another codec than the product uses."""
    with jpeglib.version("9f"):
        image = jpeglib.read_dct(str(path))
        image.load()
    return [plane for plane in (image.Y, image.Cb, image.Cr) if plane is not None]


def write_anew(photo: Photo, rgb: np.ndarray, path: Path) -> None:
    """Write as it was done before: every pixel is encoded, with the source's tables."""
    native = rgb[..., :1] if photo.mode == "L" else rgb
    metadata = Metadata(photo.exif, photo.xmp, photo.icc)
    with atomic_file(path) as file:
        file.writelines(CODECS["JPEG"].encode(native, photo.mode, metadata, photo.encoding))


def measure(data: bytes, correction: np.ndarray, factors: tuple[int, int], folder: Path) -> Sums:
    """Write a correction into a file both ways and compare."""
    source, out, anew = folder / "source.jpg", folder / "out.jpg", folder / "anew.jpg"
    source.write_bytes(data)
    photo = read_photo(source)
    if photo.mode == "L":
        correction = np.repeat(correction[..., 1:2], 3, axis=2)
    after = np.clip(photo.rgb + correction, 0, 255).astype(np.uint8)
    start = time.perf_counter()
    note = write_photo(photo, after, out)
    between = time.perf_counter()
    write_anew(photo, after, anew)
    end = time.perf_counter()
    changed = (after != photo.rgb).any(axis=2)
    untouched = untouched_blocks(changed, *factors)
    now, now_anew = read_photo(out).rgb, read_photo(anew).rgb
    sums = Sums(
        files=1,
        anew=bool(note),
        untouched=int(untouched.sum()),
        same=int((untouched & ~covered((now != photo.rgb).any(axis=2), 8, 8)).sum()),
        same_anew=int((untouched & ~covered((now_anew != photo.rgb).any(axis=2), 8, 8)).sum()),
        source_bytes=len(data),
        bytes=out.stat().st_size,
        bytes_anew=anew.stat().st_size,
        seconds=between - start,
        seconds_anew=end - between,
        error=float(np.abs(now.astype(int) - after)[changed].mean()),
        error_anew=float(np.abs(now_anew.astype(int) - after)[changed].mean()),
    )
    for index, (plane, plane_now) in enumerate(zip(planes(source), planes(out), strict=True)):
        across, down = factors if index else (1, 1)
        free = ~covered(changed, 8 * down, 8 * across)
        sums.blocks += int(free.sum())
        sums.kept += int((plane == plane_now).all(axis=(2, 3))[free].sum())
    return sums


def show(rows: dict[str, Sums], title: str, console: Console) -> None:
    table = Table(title=title, title_justify="left")
    for name in (
        "",
        "files",
        "untouched blocks",
        "identical",
        "anew",
        "coefficients kept",
        "size",
        "anew",
        "write",
        "anew",
        "ratio",
        "error",
        "anew",
    ):
        table.add_column(name, justify="right")
    for name, sums in rows.items():
        table.add_row(
            name,
            str(sums.files),
            str(sums.untouched),
            f"{share(sums.same, sums.untouched)} %",
            f"{share(sums.same_anew, sums.untouched)} %",
            f"{share(sums.kept, sums.blocks)} %",
            f"{sums.bytes / sums.source_bytes:.3f}",
            f"{sums.bytes_anew / sums.source_bytes:.3f}",
            f"{1000 * sums.seconds / sums.files:.0f} ms",
            f"{1000 * sums.seconds_anew / sums.files:.0f} ms",
            f"{sums.seconds / sums.seconds_anew:.1f}",
            f"{sums.error / sums.files:.2f}",
            f"{sums.error_anew / sums.files:.2f}",
        )
    console.print(table)


def share(part: int, whole: int) -> str:
    """Return a percentage that says 100 only where it is all."""
    return "100" if part == whole else f"{np.floor(1e5 * part / whole) / 1e3:.3f}"


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--photos", type=int, default=12, help="of each folder")
    parser.add_argument("--qualities", type=int, nargs="+", default=[70, 75, 80, 85, 90, 95, 98])
    parser.add_argument("--progressive", action="store_true")
    arguments = parser.parse_args()
    paths: list[Path] = []
    for folder in (EXAMPLES, *arguments.folders):
        found = [photo.path for photo in find_photos([folder])]
        paths += found[:: -(-len(found) // arguments.photos)]
    console = Console(width=160)
    by_sampling: dict[str, Sums] = defaultdict(Sums)
    by_quality: dict[str, Sums] = defaultdict(Sums)
    everything = Sums()
    with tempfile.TemporaryDirectory() as folder:
        for rgb, correction in corrected(paths):
            for sampling, (factors, _) in FACTORS.items():
                for quality in arguments.qualities:
                    data = encode(rgb, sampling, quality, progressive=arguments.progressive)
                    sums = measure(data, correction, factors, Path(folder))
                    for total in (by_sampling[sampling], by_quality[f"quality {quality}"], everything):
                        total.add(sums)
    kind = "progressive" if arguments.progressive else "sequential"
    rows = {**by_sampling, **by_quality, "all": everything}
    show(rows, f"{len(paths)} photos, {kind}, {everything.anew} files encoded anew as a whole", console)
    return int(everything.same != everything.untouched or everything.kept != everything.blocks or everything.anew > 0)


if __name__ == "__main__":
    sys.exit(main())
