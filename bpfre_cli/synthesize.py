"""`bpfre synthesize`: pairs of faces with and without blemishes, made from photos."""

from __future__ import annotations

import time
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bpfre.errors import UsageError
from bpfre_cli import console, options

if TYPE_CHECKING:
    from bpfre.blemishes.pairs import PhotoPairs


class SourceName(str, Enum):
    """drawn: photo with marks, photo; healed: photo, photo without its spots; both: photo with marks, healed photo."""

    DRAWN = "drawn"
    HEALED = "healed"
    BOTH = "both"


def synthesize(
    photos: options.Photos,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for raw/, retouched/ and map/; sub-folders kept.")],
    source: Annotated[
        SourceName,
        typer.Option(help="What a pair is: drawn marks, real spots healed, or both (marks against the healed photo)."),
    ] = SourceName.BOTH,
    kinds: Annotated[
        str, typer.Option(metavar="LIST", help="Kinds of marks to draw, such as pimple,scab,mole [default: all].")
    ] = "",
    density: Annotated[
        float,
        typer.Option(min=0, metavar="N", help="Blemishes on 100 000 px of skin; a face at 512 px shows some 60 000."),
    ] = 40.0,
    keep_density: Annotated[
        float, typer.Option(min=0, metavar="N", help="Moles and other marks to keep, drawn on both sides; likewise.")
    ] = 10.0,
    strength: Annotated[float, typer.Option(min=0, metavar="X", help="Factor on the contrast of blemishes.")] = 1.0,
    variants: Annotated[int, typer.Option(min=1, metavar="N", help="Drawings of each face.")] = 1,
    size: Annotated[int, typer.Option(min=64, max=4096, metavar="PX", help="Side of the crops.")] = 512,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of everything random.")] = 0,
    detector: options.Detector = options.DetectorName.AUTO,
    device: options.Device = "auto",
    min_face: Annotated[
        float, typer.Option(min=1, metavar="PX", help="Smallest face to take, longer side in px of its photo.")
    ] = 80,
    recursive: options.Recursive = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace pairs of the same names.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Make training pairs from photos: draw blemishes on faces, heal real ones, or both.

    Writes aligned crops to raw/ and retouched/, and to map/ the exact size of the edit as 16-bit grey: level / 65025
    is the mean absolute difference from 0 to 1. Train on them with: bpfre train --paired pairs/

    Example: bpfre synthesize clean/ --out pairs/
    """
    from bpfre.runtime import pick_device, tune_allocator

    tune_allocator()
    from bpfre.blemishes.pairs import plan_pairs, write_pairs
    from bpfre.blemishes.synthesis import SynthesisSettings
    from bpfre.faces import open_detector
    from bpfre.retouching import plan_jobs

    console.show_log()
    settings = SynthesisSettings(
        source=source.value,
        density=density,
        keep_density=keep_density,
        strength=strength,
        kinds=_named(kinds, drawn=source is not SourceName.HEALED),
    )
    found = [(job.source, job.destination.relative_to(out)) for job in plan_jobs(photos, out, recursive=recursive)]
    jobs = plan_pairs(found, out, overwrite=overwrite)
    finder = open_detector(detector.value, device=pick_device(device), min_face=min_face)
    started, results = time.monotonic(), []
    with console.photo_progress(len(jobs), shown=not quiet, doing="Drawing") as progress:
        for result in write_pairs(
            jobs, out, settings, finder, size=size, seed=seed, variants=variants, min_face=min_face
        ):
            results.append(result)
            progress.advance(result.faces)
    _show(results, out, finder.name, time.monotonic() - started, quiet=quiet)
    if any(result.reason for result in results):
        raise typer.Exit(1)


def _named(kinds: str, *, drawn: bool) -> tuple[str, ...]:
    """Read a list of kinds; a hyphen or underscore may stand for a space."""
    from bpfre.blemishes.kinds import MARK_KINDS

    names = {name.replace(" ", "-"): name for name in MARK_KINDS}
    given = [kind.strip().lower().replace(" ", "-").replace("_", "-") for kind in kinds.split(",") if kind.strip()]
    if given and not drawn:
        raise UsageError("With --source healed nothing is drawn.", "Leave --kinds out, or choose another source.")
    for kind in given:
        if kind not in names:
            raise UsageError(f"There is no kind of mark {kind!r}.", f"Choose from: {', '.join(names)}.")
    return tuple(names[kind] for kind in given)


def _show(results: list[PhotoPairs], out: Path, detector: str, seconds: float, *, quiet: bool) -> None:
    if not quiet:
        rows = [
            ("pairs", str(sum(len(result.pairs) for result in results))),
            ("faces", str(sum(result.faces for result in results))),
            ("faces left out", str(sum(len(result.refused) for result in results))),
            ("photos without a face", str(sum(not (r.faces or r.refused or r.reason) for r in results))),
            ("failed", str(sum(bool(result.reason) for result in results))),
            ("time", f"{seconds:.1f} s"),
            ("with", detector),
            ("in", str(out)),
        ]
        console.table(f"{len(results)} photos", rows)
        for result in results:
            for reason in result.refused:
                console.warn(f"{result.source}: a face was left out. {reason}")
    for result in results:
        if result.reason:
            console.fail(f"{result.source} failed. {result.reason}")
