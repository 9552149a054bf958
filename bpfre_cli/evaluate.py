"""`bpfre evaluate`: results beside a retoucher's, in figures."""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bpfre.errors import DataError, UsageError
from bpfre_cli import console, options
from bpfre_cli.version import version

if TYPE_CHECKING:
    from bpfre.evaluation.gauges import Gauges
    from bpfre.evaluation.measuring import LeftOut
    from bpfre.evaluation.methods import Method
    from bpfre.evaluation.pairs import FoundPairs, PairReader
    from bpfre.evaluation.scores import Score
    from bpfre.faces import FaceDetector
    from bpfre.retouching.batches import Network


class Split(str, Enum):
    """Which pairs; auto: the test part where there is one, else the validation part, else all."""

    AUTO = "auto"
    TEST = "test"
    VALIDATION = "validation"
    TRAIN = "train"
    ALL = "all"


def evaluate(
    retouched: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RETOUCHED]", help="After --paired RAW: the folder of the retouched side."),
    ] = None,
    paired: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Pairs, as bpfre train takes them: a folder with both sides, a table, or --paired RAW RETOUCHED.",
        ),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Shipped weights, or a .safetensors file. May be repeated.",
            show_default="starter",
        ),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE|DIR",
            help="More rows: other weights, or a folder with another program's results. May be repeated.",
        ),
    ] = None,
    classical: Annotated[
        bool, typer.Option("--classical", help="A row for retouching without learning: blobs found and inpainted.")
    ] = False,
    coarse: Annotated[bool, typer.Option("--coarse", help="A row for the first stage of each network.")] = False,
    size: Annotated[
        int | None,
        typer.Option(
            min=64,
            metavar="PX",
            help="Measure aligned face crops of this side, as papers do (512).",
            show_default="whole photos at their own size",
        ),
    ] = None,
    split: Annotated[
        Split, typer.Option(help="Which pairs; auto: the test part (FFHQR has one), else validation, else all.")
    ] = Split.AUTO,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At most so many pairs, always the same ones.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for per_image.csv and summary.json.")] = Path(
        "evaluation"
    ),
    detector: options.Detector = options.DetectorName.AUTO,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Measure results against a retoucher's: PSNR, SSIM, LPIPS and more, beside the unedited photos.

    Whole photos are retouched as bpfre retouch does it; with --size the network sees each crop itself.
    LPIPS, DISTS and identity need weights: bpfre weights fetch alexnet vgg16 arcface

    Example: bpfre evaluate --paired ffhqr/ --size 512
    """
    places = [Path(place) for place in options.join_sides(paired, retouched) or ()]
    if not places:
        raise UsageError("There is nothing to evaluate on.", "Give --paired DIR.")
    from bpfre.runtime import pick_device, tune_allocator

    tune_allocator()
    from bpfre.evaluation.contenders import RememberingDetector
    from bpfre.evaluation.gauges import open_gauges
    from bpfre.evaluation.pairs import PairReader, find_pairs
    from bpfre.faces import open_detector

    console.show_log()
    warnings.simplefilter("ignore")  # of libraries, to developers
    _check_out(out, places)
    found = find_pairs(places, split=split.value, limit=limit)
    device = pick_device(device)
    talks = not (quiet or as_json)
    gauges = open_gauges(device, tell=console.say if talks else None)
    finder = RememberingDetector(open_detector(detector.value, device=device))
    names = _names(weights or ["starter"], against or [])
    methods = _methods(names, size, finder, device, coarse=coarse, classical=classical)
    facts: dict[str, object] = {
        "bpfre": version(),
        "about": list(found.about),
        "size": size or "full",
        "value_range": "8 bits a channel, RGB, as [0, 1]",
        "detector": finder.name,
        "device": device,
        "weights_sha256": {name: _digest(name) for name in names if not Path(name).is_dir()},
    }
    if talks:
        for line in found.about:
            console.say(line)
    for path, reason in found.skipped:
        console.warn(f"{path}: {reason}")
    reader = PairReader(found.samples, size, finder)
    if _run(found, reader, methods, gauges, facts, out, talks=talks, as_json=as_json):
        raise typer.Exit(1)


def _names(weights: Sequence[str], against: Sequence[str]) -> list[str]:
    """Return what is compared, each once."""
    for name in weights:
        if Path(name).is_dir():
            raise UsageError(f"{name} is a folder, not weights.", "Results of other programs go to --against.")
    return list(dict.fromkeys([*weights, *against]))


def _methods(
    names: Sequence[str], size: int | None, detector: FaceDetector, device: str, *, coarse: bool, classical: bool
) -> list[Method]:
    """Open the rows, the unedited photos first."""
    from bpfre.evaluation.classical import ClassicalRetoucher
    from bpfre.evaluation.methods import OnCrops, ResultsFolder, ThroughRunner, Unedited
    from bpfre.network import CoarseOnly
    from bpfre.weights import load_network

    def row(name: str, network: Network) -> Method:
        return ThroughRunner(name, network, detector) if size is None else OnCrops(name, network, device)

    methods: list[Method] = [Unedited()]
    if classical:
        methods.append(row("classical", ClassicalRetoucher()))
    for name in names:
        if Path(name).is_dir():
            methods.append(ResultsFolder(Path(name)))
            continue
        network = load_network(name, device=device)
        if coarse:
            methods.append(row(f"{name}, coarse", CoarseOnly(network)))
        methods.append(row(name, network))
    return methods


def _run(
    found: FoundPairs,
    reader: PairReader,
    methods: Sequence[Method],
    gauges: Gauges,
    facts: dict[str, object],
    out: Path,
    *,
    talks: bool,
    as_json: bool,
) -> bool:
    """Measure, write and show. Returns whether any pair had to be left out."""
    from bpfre.evaluation.measuring import LeftOut, measure_pairs

    scores: list[Score] = []
    left_out: list[LeftOut] = []
    interrupt: KeyboardInterrupt | None = None
    clock = time.monotonic()
    try:
        with console.photo_progress(len(found.samples), shown=talks, doing="Measuring") as progress:
            for outcome in measure_pairs(found.samples, reader, methods, gauges):
                if isinstance(outcome, LeftOut):
                    left_out.append(outcome)
                    console.fail(f"{outcome.pair} is left out. {outcome.reason}")
                else:
                    scores += outcome
                progress.advance(int(not isinstance(outcome, LeftOut)))
    except KeyboardInterrupt as error:  # what is measured is written all the same
        interrupt = error
    facts |= {"seconds": round(time.monotonic() - clock, 1), "interrupted": interrupt is not None}
    if scores:
        _finish(scores, left_out, gauges, facts, out, talks=talks, as_json=as_json)
    elif interrupt is None:
        raise DataError(f"None of the {len(found.samples)} pairs could be measured.", "See the reasons above.")
    if interrupt is not None:
        raise interrupt
    return bool(left_out)


def _finish(
    scores: Sequence[Score],
    left_out: Sequence[LeftOut],
    gauges: Gauges,
    facts: dict[str, object],
    out: Path,
    *,
    talks: bool,
    as_json: bool,
) -> None:
    from bpfre.evaluation.scores import summarise
    from bpfre.evaluation.tables import (
        PER_IMAGE,
        SUMMARY,
        summary_document,
        table_of,
        write_scores,
        write_summary,
    )

    summaries = summarise(scores, gauges.columns)
    facts["pairs"] = pairs = len({score.pair for score in scores})
    document = summary_document(summaries, gauges, left_out, facts)
    write_scores(out / PER_IMAGE, scores, gauges.columns)
    write_summary(out / SUMMARY, document)
    if as_json:
        console.document(document)
    if not talks:
        return
    head, rows = table_of(summaries, gauges.columns)
    shown = "at full size" if facts["size"] == "full" else f"as crops of {facts['size']} px"
    count = "1 pair" if pairs == 1 else f"{pairs} pairs"
    console.grid(f"{count} {shown}: mean ± standard deviation over the pairs", head, rows)
    for missing in gauges.missing:
        console.warn(f"{missing.title} is not measured. {missing.reason}")
    console.say(f"Every picture is in {out / PER_IMAGE}, everything together in {out / SUMMARY}.")


def _check_out(out: Path, places: Sequence[Path]) -> None:
    """Make sure that no input is written over.

    Raises:
        UsageError: a table of pairs is where the results go.
    """
    from bpfre.evaluation.tables import PER_IMAGE, SUMMARY

    for place in places:
        if place.resolve() in {(out / name).resolve() for name in (PER_IMAGE, SUMMARY)}:
            raise UsageError(f"The results would replace {place}.", "Choose another --out.")


def _digest(weights: str) -> str:
    from bpfre.weights import weights_path

    return hashlib.sha256(weights_path(weights).read_bytes()).hexdigest()
