"""`bpfre visualize`: pictures of what the network sees and does."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bpfre.errors import FaceRefusedError, UsageError
from bpfre_cli import console, options
from bpfre_cli.terminal import open_terminal

if TYPE_CHECKING:
    import numpy as np

    from bpfre.evaluation import Viewer
    from bpfre.retouching import Job, LastRun


_OF_RUN = "that of the retouch shown"  # default of options


class Format(str, Enum):
    """png: a file a sheet; pdf, html: all sheets in one file."""

    PNG = "png"
    PDF = "pdf"
    HTML = "html"


def visualize(
    photos: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PHOTOS",
            help="Photos, or folders of photos; else those of the last retouch in this folder; else the examples.",
        ),
    ] = None,
    attention: Annotated[
        bool, typer.Option("--attention", help="A sheet a face: both maps, both stages, the correction.")
    ] = False,
    stages: Annotated[bool, typer.Option("--stages", help="A sheet a face: what each stage changed.")] = False,
    features: Annotated[
        bool, typer.Option("--features", help="A sheet a face: the suppression weights of every scale.")
    ] = False,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="WEIGHTS_A WEIGHTS_B", help="A sheet a face: two networks side by side."),
    ] = None,
    gif: Annotated[bool, typer.Option("--gif", help="A film a face that walks through the two stages.")] = False,
    mp4: Annotated[bool, typer.Option("--mp4", help="The same as MP4.")] = False,
    masks: Annotated[
        bool, typer.Option("--masks", help="Both maps at each photo's resolution as 16-bit PNG, in masks/.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Show the sheets in the terminal too.")] = False,
    album: Annotated[Format, typer.Option("--format", help="A PNG a sheet, one PDF, or one HTML page.")] = Format.PNG,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the pictures.")] = Path("attention"),
    weights: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Shipped weights, or a .safetensors file.", show_default=_OF_RUN),
    ] = None,
    detector: Annotated[options.DetectorName | None, typer.Option(help="Face detector.", show_default=_OF_RUN)] = None,
    min_face: Annotated[
        float | None, typer.Option(min=1, metavar="PX", help="Smallest face, longer side in px.", show_default=_OF_RUN)
    ] = None,
    device: options.Device = "auto",
    recursive: options.Recursive = True,
    quiet: options.Quiet = False,
) -> None:
    """Show what the network sees and does on every face: blemish maps, results of both stages, corrections.

    Each face is worked on by the whole network, as retouch does by default; its --strength, --effects, --marks,
    --coarse-only and masks play no part here. Maps from --masks can be handed to: bpfre retouch --only

    Example: bpfre visualize --attention
    """
    from bpfre.runtime import pick_device, tune_allocator

    tune_allocator()
    from bpfre.evaluation import Viewer, Wanted, check_masks, check_mp4, open_album
    from bpfre.faces import open_detector
    from bpfre.weights import load_network

    console.show_log()
    warnings.simplefilter("ignore")  # of libraries, to developers
    wanted = Wanted(
        attention=attention, stages=stages, features=features, compare=compare, gif=gif, mp4=mp4, masks=masks
    )
    if not (wanted.sheets or wanted.of_one):
        raise UsageError("There is nothing to show.", "Add --attention.")
    if show and not wanted.sheets:
        raise UsageError("--show shows sheets, and none is asked for.", "Add --attention.")
    if mp4:
        check_mp4()
    screen = open_terminal() if show else None
    jobs, run, about = _choose(photos or [], out, recursive=recursive)
    if masks:
        check_masks([job.name for job in jobs])
    if about and not quiet:
        console.say(about)
    device = pick_device(device)
    settings = dataclasses.replace(
        run.settings,
        weights=weights or run.settings.weights,
        detector=detector.value if detector else run.settings.detector,
        min_face=min_face or run.settings.min_face,
    )
    finder = open_detector(settings.detector, device=device, min_face=settings.min_face)
    networks = {name: load_network(name, device=device) for name in wanted.names(settings.weights)}
    with (
        open_album(album.value, out) as sheets,
        console.photo_progress(len(jobs), shown=not quiet and screen is None, doing="Looking") as progress,
    ):
        viewer = Viewer(
            wanted=wanted,
            networks=networks,
            detector=finder,
            settings=settings,
            album=sheets,
            out=out,
        )
        failed = [job for job in jobs if not _view(viewer, job, progress, screen, quiet=quiet)]
    if failed:
        raise typer.Exit(1)


def _choose(photos: list[Path], out: Path, *, recursive: bool) -> tuple[list[Job], LastRun, str]:
    """Return the photos to show, how they were retouched or else the defaults, and a sentence where none were named."""
    from bpfre.evaluation import example_photos
    from bpfre.retouching import LastRun, jobs_of, plan_jobs, recall

    defaults = LastRun(inputs=tuple(photos), out=out)
    if photos:
        return plan_jobs(photos, out, recursive=recursive, developed="tiff"), defaults, ""
    run = recall()
    jobs = jobs_of(run) if run else []
    if run and jobs:
        count = f"the {len(jobs)} photos" if len(jobs) > 1 else "the photo"
        return jobs, run, f"No photo was named: showing {count} of the last retouch in this folder, into {run.out}."
    why = f"the photos of the last retouch, into {run.out}, are gone" if run else "no retouch in this folder is known"
    jobs = plan_jobs(example_photos(), out)
    return jobs, defaults, f"No photo was named, and {why}: showing the {len(jobs)} example photos."


def _view(
    viewer: Viewer,
    job: Job,
    progress: console.PhotoProgress,
    screen: Callable[[np.ndarray], None] | None,
    *,
    quiet: bool,
) -> bool:
    """Show one photo and tell what was written. Returns whether it could be done."""
    from bpfre.retouching.sentences import sentence

    written: set[Path] = set()
    shown: set[int] = set()
    refused = 0
    try:
        for made in viewer.view(job.source, job.name):
            if isinstance(made, FaceRefusedError):
                refused += 1
                console.warn(f"{job.source}: {made}")
                continue
            if not quiet and made.path not in written:
                console.say(f"{job.source} -> {made.path}")
            written.add(made.path)
            shown |= {made.face} - {0}
            if screen is not None and made.sheet is not None:
                screen(made.sheet)
    except Exception as error:  # one photo must not stop the others
        console.fail(f"{job.source} failed. {sentence(error, 'shown')}")
        return False
    finally:
        progress.advance(len(shown))
    if not (written or refused or quiet):
        console.say(f"{job.source}: no face was found.")
    return True
