"""`bpfre retouch`: photos in, retouched photos out."""

from __future__ import annotations

import dataclasses
import hashlib
import time
import warnings
from collections import Counter
from contextlib import closing, nullcontext
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bpfre.errors import UsageError
from bpfre_cli import console, options
from bpfre_cli.version import version

if TYPE_CHECKING:
    from bpfre.retouching import Job, Journal, LastRun, LeftOut, PhotoResult, RetouchSettings
    from bpfre.review import Review


def retouch(
    photos: options.Photos,
    out: options.Out,
    strength: options.Strength = 1.0,
    marks: options.Marks = options.MarksChoice.KEEP,
    effects: options.Effects = "spots,redness,under-eye,shine",
    detector: options.Detector = options.DetectorName.AUTO,
    device: options.Device = "auto",
    batch_size: options.BatchSize = 4,
    min_face: options.MinFace = 40,
    faces: options.Faces = options.FacesChoice.ALL,
    max_faces: options.MaxFaces = None,
    min_score: options.MinScore = 0.0,
    protect: options.Protect = None,
    only: options.Only = None,
    coarse_only: options.CoarseOnly = False,
    layers: options.Layers = False,
    raw_as: options.Raw = options.RawAs.TIFF,
    max_megapixels: options.MaxMegapixels = 300,
    weights: options.Weights = "starter",
    overwrite: options.Overwrite = False,
    recursive: options.Recursive = True,
    dry_run: options.DryRun = False,
    report: options.Report = None,
    review: options.Review = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Remove blemishes from every face in photos and folders of photos.

    Originals are never written to; a photo without a face is copied as it is.
    Run the same command again and it does only what is not there yet.

    Example: bpfre retouch ./photos --out ./clean
    """
    if report is not None and report.suffix.lower() != ".json":
        raise UsageError(f"The report {report} does not end in .json.", "Name a .json file.")
    if report is not None and report.is_dir():  # found out at the end, it would cost the whole run's report
        raise UsageError(f"The report {report} is a folder.", "Name a .json file.")
    from bpfre.runtime import tune_allocator

    tune_allocator()
    from bpfre.photos.atomic import remove_stale
    from bpfre.retouching import LastRun, RetouchSettings, left_out, plan_jobs
    from bpfre.retouching.masks import check_masks

    console.show_log()
    warnings.simplefilter("ignore")  # of libraries, to developers
    settings = RetouchSettings(
        strength=strength,
        marks=marks.value,
        effects=tuple(dict.fromkeys(name.strip() for name in effects.split(",") if name.strip())),
        detector=detector.value,
        device=device,
        batch_size=batch_size,
        min_face=min_face,
        faces=faces.value,
        max_faces=max_faces,
        min_score=min_score,
        protect=protect,
        only=only,
        coarse_only=coarse_only,
        max_megapixels=max_megapixels,
        layers=layers,
        weights=weights,
        existing="overwrite" if overwrite else "resume",
    )
    jobs = plan_jobs(photos, out, recursive=recursive, developed=raw_as.value)
    check_masks((job.name for job in jobs), protect=protect, only=only)
    others = left_out(photos, out, recursive=recursive, developed=raw_as.value)
    journal = _journal_of(out, settings)
    if dry_run:
        _show_plan(jobs, others, settings, journal, quiet=quiet, as_json=as_json)
        return
    remove_stale(out)
    run = LastRun(inputs=tuple(photos), out=out, recursive=recursive, developed=raw_as.value, settings=settings)
    with _review_of(jobs, out, journal, max_megapixels) if review else nullcontext() as page:
        any_failed = _run(jobs, others, run, journal, report, page, quiet=quiet, as_json=as_json)
    if any_failed:
        raise typer.Exit(1)


def _review_of(jobs: list[Job], out: Path, journal: Journal, max_megapixels: float) -> Review:
    from bpfre.review import Review

    return Review(jobs, out, journal, max_megapixels=max_megapixels)


def _journal_of(out: Path, settings: RetouchSettings) -> Journal:
    """Open the journal of the output folder for a run with these settings, weights and detector."""
    from bpfre.faces import pick_detector
    from bpfre.retouching import Journal
    from bpfre.weights import weights_path

    weights = hashlib.sha256(weights_path(settings.weights).read_bytes()).hexdigest()
    known = {"bpfre": version(), "weights": weights, "detector": pick_detector(settings.detector)}
    return Journal(out, known | settings.deciding())


def _show_plan(
    jobs: list[Job],
    others: list[LeftOut],
    settings: RetouchSettings,
    journal: Journal,
    *,
    quiet: bool,
    as_json: bool,
) -> None:
    from bpfre.retouching import is_done
    from bpfre.retouching.masks import mask_state

    def decide(job: Job) -> str:
        masks = mask_state(job.name, protect=settings.protect, only=settings.only)
        return "skip" if is_done(job, settings.existing, journal, masks) else "retouch"

    plan = [(job, decide(job)) for job in jobs]
    if as_json:
        rows = [{"source": str(j.source), "destination": str(j.destination), "action": action} for j, action in plan]
        names = [{"source": str(other.path), "reason": other.reason} for other in others]
        console.document({"dry_run": True, "photos": rows, "left_out": names})
    elif not quiet:
        for job, action in plan:
            console.say(f"{action:8}{job.source} -> {job.destination}")
        for other in others:
            console.say(f"leave   {other.path}: {other.reason}")
        to_do = sum(action == "retouch" for _, action in plan)
        console.say(f"{to_do} to retouch, {len(plan) - to_do} there already. Nothing was written.")


def _run(
    jobs: list[Job],
    others: list[LeftOut],
    run: LastRun,
    journal: Journal,
    report: Path | None,
    review: Review | None,
    *,
    quiet: bool,
    as_json: bool,
) -> bool:
    """Retouch and report. Returns whether any photo failed."""
    from bpfre.faces import open_detector
    from bpfre.network import CoarseOnly
    from bpfre.retouching import remember, report_document, retouch_photos, write_report
    from bpfre.runtime import pick_device
    from bpfre.weights import load_network

    settings = run.settings
    device = pick_device(settings.device)
    network = load_network(settings.weights, device=device)
    chosen = CoarseOnly(network) if settings.coarse_only else network
    detector = open_detector(settings.detector, device=device, min_face=settings.min_face)
    remember(run)
    started, clock = datetime.now(timezone.utc), time.monotonic()
    results: list[PhotoResult] = []
    interrupt: KeyboardInterrupt | None = None
    try:
        with (
            console.photo_progress(len(jobs), shown=not (quiet or as_json)) as progress,
            closing(retouch_photos(jobs, settings, network=chosen, detector=detector, journal=journal)) as done,
        ):
            for result in done:
                results.append(result)
                if review is not None:
                    review.add(result)
                progress.advance(len(result.faces))
    except KeyboardInterrupt as error:  # what is done is reported all the same
        interrupt = error
    seconds = time.monotonic() - clock
    facts = {
        "bpfre": version(),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "interrupted": interrupt is not None,
        "photos_planned": len(jobs),
        "detector": detector.name,
        "device": device,
        "weights": settings.weights,
        "settings": {name: str(v) if isinstance(v, Path) else v for name, v in dataclasses.asdict(settings).items()},
    }
    document = report_document(results, facts, others)
    if as_json:
        console.document(document)
    else:
        _show_results(results, others, facts, quiet=quiet)
    try:  # a disk that refuses one of them costs neither the other nor what was printed
        if report is not None:
            write_report(document, report)
    finally:
        if review is not None:
            _write_review(review, len(jobs), others, facts, stopped=interrupt is not None, silent=quiet or as_json)
    if interrupt is not None:
        raise interrupt
    return any(result.status == "failed" for result in results)


def _write_review(
    review: Review, photos: int, others: list[LeftOut], facts: dict[str, object], *, stopped: bool, silent: bool
) -> None:
    """Write the page; the pictures that are not there yet are waited for, unless the user stopped the run."""
    shown = {name: facts[name] for name in ("bpfre", "started", "weights", "detector")}
    with console.photo_progress(photos, shown=not silent, doing="Making the review page") as progress:
        page = review.write(shown, others, hurry=stopped, each=lambda: progress.advance(0))
    if not silent:
        console.say(f"The review page is {page}.")


def _show_results(results: list[PhotoResult], others: list[LeftOut], facts: dict[str, object], *, quiet: bool) -> None:
    from bpfre.retouching import total

    if not quiet:
        totals = total(results)
        rows = [
            ("retouched", str(totals.retouched)),
            ("copied, nothing to retouch", str(totals.copied)),
            ("skipped, there already", str(totals.skipped)),
            ("failed", str(totals.failed)),
            (
                "faces",
                f"{totals.faces} found: {totals.faces_retouched} retouched, {totals.faces_unchanged} unchanged,"
                f" {totals.faces_refused} refused" + (f", {totals.faces_skipped} skipped" * bool(totals.faces_skipped)),
            ),
            ("time", f"{facts['seconds']:.1f} s"),
            ("with", f"{facts['detector']} on {facts['device']}, weights {facts['weights']}"),
        ]
        console.table(f"{totals.photos} of {facts['photos_planned']} photos", rows)
        for result in results:
            for face in result.faces:
                if face.status == "refused":
                    x0, y0, x1, y1 = face.box
                    place = f"face at {x0:.0f}, {y0:.0f} to {x1:.0f}, {y1:.0f}"
                    console.warn(f"{result.source}: {place} left as it was. {face.reason}")
        for note, photos in Counter(result.note for result in results if result.note).items():
            console.warn(f"{photos} {'photo' if photos == 1 else 'photos'}: {note}")
        if others:
            kinds = Counter(other.path.suffix.lower() or "no suffix" for other in others)
            listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
            console.warn(f"Left out, as they are no photos by their names: {listed}. A report (--report) names each.")
    for result in results:
        if result.status == "failed":
            console.fail(f"{result.source} failed. {result.reason}")
