"""`bpfre train`: train a network on pairs, on unpaired faces, or both."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bpfre.errors import DataError
from bpfre_cli.options import DetectorName, join_sides

if TYPE_CHECKING:
    from bpfre.training import Discovery, RunConfig

DATA, SETTINGS, RUN = "Data", "Settings", "Run"


def train(
    retouched: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RETOUCHED]", help="After --paired RAW: the folder of the retouched side."),
    ] = None,
    paired: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            rich_help_panel=DATA,
            help="Pairs: a folder with both sides in it (raw/ and retouched/, or FFHQ and FFHQR), a table (CSV, JSONL)"
            " with the columns raw and retouched, or two folders: --paired RAW RETOUCHED.",
        ),
    ] = None,
    unpaired: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            rich_help_panel=DATA,
            help="Faces without their other side; raw/ and retouched/ inside are told apart. May be repeated.",
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", rich_help_panel=DATA, help="Marks on unpaired photos labelled by eye: to remove, to keep."
        ),
    ] = None,
    hold_out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", rich_help_panel=DATA, help="Glob patterns of photos that training must not see."),
    ] = None,
    detector: Annotated[
        DetectorName | None, typer.Option(rich_help_panel=DATA, help="Finds the faces of photos not aligned yet.")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", rich_help_panel=DATA, help="Prepared faces [default: inside the run folder]."),
    ] = None,
    paired_fraction: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="0..1", rich_help_panel=DATA, help="Share of the pairs, by the seed."),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(rich_help_panel=SETTINGS, help="Network and recipe: starter (default), paper or tiny.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", rich_help_panel=SETTINGS, help="config.yaml of a run to repeat, or a part of one."
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="WEIGHTS", rich_help_panel=SETTINGS, help="Weights to start from: starter, or a file of a run."
        ),
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=16, metavar="PX", rich_help_panel=SETTINGS, help="Side of the working crop.")
    ] = None,
    window: Annotated[
        int | None, typer.Option(min=16, metavar="PX", rich_help_panel=SETTINGS, help="Side of a training window.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, rich_help_panel=SETTINGS, help="Optimiser steps.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, metavar="N", rich_help_panel=SETTINGS, help="Windows a step, in each process.")
    ] = None,
    accumulate: Annotated[
        int | None, typer.Option(min=1, metavar="N", rich_help_panel=SETTINGS, help="Batches summed into one step.")
    ] = None,
    lr: Annotated[float | None, typer.Option(min=0, rich_help_panel=SETTINGS, help="Peak learning rate.")] = None,
    seed: Annotated[int | None, typer.Option(rich_help_panel=SETTINGS, help="Seed of everything random.")] = None,
    phi: Annotated[
        str | None,
        typer.Option(rich_help_panel=SETTINGS, help="Perceptual network: auto, vgg19, mobilenet_v2 or none."),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(rich_help_panel=SETTINGS, help="auto, no (float32) or bf16, which newer CPUs have too."),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            rich_help_panel=SETTINGS,
            help="Any other setting, such as cons_refine=5, adv_synt=0.1, balance=false. May be repeated.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", rich_help_panel=RUN, help="Run folder; a run that was cut off goes on there [default: run]."
        ),
    ] = None,
    device: Annotated[str, typer.Option(metavar="NAME", rich_help_panel=RUN, help="auto, cuda, mps or cpu.")] = "auto",
    workers: Annotated[
        int, typer.Option(min=0, metavar="N", rich_help_panel=RUN, help="Processes that draw training windows.")
    ] = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", rich_help_panel=RUN, help="Show settings, data and cost; train nothing.")
    ] = False,
) -> None:
    """Train a network. Pairs teach a retoucher's edits; unpaired faces are healed and given drawn blemishes.

    Several GPUs or machines: start the same command with torchrun or accelerate launch
    (accelerate launch -m bpfre_cli train ...).

    Example: bpfre train --paired ffhqr/ --unpaired wild/
    """
    from bpfre.runtime import pick_device, tune_allocator

    tune_allocator()
    from bpfre.blemishes import read_labels
    from bpfre.training import discover, parse_settings, read_config, read_patterns, resolve

    base = read_config(config) if config else None
    folder = out or (_repeat_of(config) if config else Path("run"))
    named = {
        "preset": preset,
        "size": size,
        "window": window,
        "steps": steps,
        "batch_size": batch_size,
        "accumulate": accumulate,
        "lr": lr,
        "seed": seed,
        "phi": phi,
        "precision": precision,
        "paired_fraction": paired_fraction,
    }
    settings = parse_settings(setting or []) | {name: value for name, value in named.items() if value is not None}
    sources = {
        "paired": join_sides(paired, retouched),
        "unpaired": tuple(map(str, unpaired)) if unpaired else None,
        "labels": str(labels) if labels else None,
        "hold_out": str(hold_out) if hold_out else None,
        "init": init,
        "detector": detector.value if detector else None,
    }
    run = resolve(base, settings=settings, data={name: value for name, value in sources.items() if value is not None})
    if not run.data.paired and not run.data.unpaired:
        raise DataError("There is nothing to train on.", "Give --paired DIR, --unpaired DIR, or both.")
    device = pick_device(device)
    exclude = read_patterns(Path(run.data.hold_out) if run.data.hold_out else None)
    pairs, photos = ([Path(path) for path in paths] for paths in (run.data.paired, run.data.unpaired))
    marks = read_labels(Path(run.data.labels)) if run.data.labels else None
    found = discover(pairs, photos, run.train, exclude=exclude, labels=marks)
    if dry_run:
        _show(run, found)
        return
    _train(run, found, folder, device=device, cache=cache, workers=workers)


def _repeat_of(config: Path) -> Path:
    """Where a run is repeated: beside its folder, so that neither is mistaken for the other."""
    from bpfre.training import RunFolder

    original = config.absolute().parent
    is_run = RunFolder(original).config == config.absolute() and RunFolder(original).metrics.exists()
    return original.with_name(f"{original.name}-repeat") if is_run else Path("run")


def _show(run: RunConfig, found: Discovery) -> None:
    """Print what a run would be."""
    from bpfre.faces import pick_detector
    from bpfre.network import preset
    from bpfre.network.cost import discriminator_cost, network_cost
    from bpfre_cli import console

    run = dataclasses.replace(run, data=dataclasses.replace(run.data, detector=pick_detector(run.data.detector)))
    shape = preset(run.train.preset, size=run.train.size)
    costs = [("network", network_cost(shape, run.train.size))]
    if run.train.adv_synt:
        costs.append(("discriminator", discriminator_cost(shape, run.train.size)))
    console.say(run.to_yaml())
    if run.train.phi == "auto":
        console.say("phi is picked when the run starts: vgg19 where its weights can be had, else what is installed.")
    for line in found.describe():
        console.say(line)
    for path, reason in found.skipped:
        console.warn(f"{path}: {reason}")
    console.table(
        f"Cost of one pass over a crop of {run.train.size} px",
        [(name, f"{c.parameters / 1e6:.2f} M parameters, {c.flops / 1e9:.1f} GFLOP") for name, c in costs],
    )


def _train(run: RunConfig, found: Discovery, folder: Path, *, device: str, cache: Path | None, workers: int) -> None:
    """Train with a bar; only the first of several processes speaks."""
    from bpfre.training import RunFolder, is_first, run_session
    from bpfre.training.trackers import has_tensorboard
    from bpfre_cli import console

    if not is_first():
        console.mute()
    if not has_tensorboard():
        console.say(
            "TensorBoard is not installed: figures go to metrics.jsonl alone (pip install 'bpfre[tensorboard]')."
        )
    with console.training_progress(folder, run.train.all_steps) as progress:
        weights = run_session(
            run,
            found,
            RunFolder(folder),
            device=device,
            cache=cache,
            workers=workers,
            on_photo=progress.photo,
            on_step=progress.step,
            on_note=console.say,
        )
        progress.done(weights)
