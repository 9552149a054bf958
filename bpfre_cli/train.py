"""`bpfre train`: train a network on pairs, on unpaired faces, or both."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bpfre.errors import DataError


def train(
    paired: Annotated[
        Path | None, typer.Option(help="Folder that holds raw/ and retouched/ photos of the same names.", metavar="DIR")
    ] = None,
    unpaired: Annotated[
        list[Path] | None, typer.Option(help="Folder of photos without a retouch; may be repeated.", metavar="DIR")
    ] = None,
    out: Annotated[Path, typer.Option(help="Run folder; a run that was cut off goes on there.")] = Path("run"),
    preset: Annotated[str, typer.Option(help="Shape of the network: starter, paper or tiny.")] = "starter",
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps.")] = 5000,
    batch_size: Annotated[int, typer.Option(min=1, help="Windows a step.")] = 8,
    window: Annotated[int, typer.Option(min=32, help="Side of a training window [px].")] = 192,
    lr: Annotated[float, typer.Option(min=0.0, help="Peak learning rate.")] = 1e-3,
    hold_out: Annotated[
        Path | None, typer.Option(help="Text file of glob patterns: photos that training must not see.", metavar="FILE")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder for prepared faces [default: inside the run folder].")
    ] = None,
    detector: Annotated[str, typer.Option(help="Face detector: auto, retinaface or mtcnn.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes that draw training windows.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
) -> None:
    """Train a network. Pairs teach the retoucher's edits; unpaired faces are healed and given drawn blemishes.

    Example: bpfre train --paired ffhqr/ --unpaired wild/
    """
    from bpfre.runtime import pick_device, tune_allocator

    tune_allocator()
    from bpfre.faces import open_detector
    from bpfre.network import preset as network_config
    from bpfre.training import TrainConfig, load_pairs, load_unpaired, read_patterns
    from bpfre.training import train as run_training
    from bpfre_cli.console import training_progress

    if paired is None and not unpaired:
        raise DataError("There is nothing to train on.", "Give --paired DIR, --unpaired DIR, or both.")
    network_config(preset)  # a wrong name ends the run before the faces are prepared
    config = TrainConfig(preset=preset, steps=steps, batch_size=batch_size, window=window, lr=lr, seed=seed)
    device = pick_device(device)
    finder = open_detector(detector, device=device)
    exclude = read_patterns(hold_out)
    with training_progress(out, steps) as progress:
        kept = cache or out / "faces"
        faces = load_pairs(paired, finder, kept, exclude=exclude, on_photo=progress.photo) if paired else []
        faces += load_unpaired(unpaired or [], finder, kept, exclude=exclude, on_photo=progress.photo)
        if not faces:
            raise DataError("No usable face was found in the training folders.", "Check the paths and --hold-out.")
        record = {
            "preset": preset,
            "faces": str(len(faces)),
            "paired": str(sum(face.paired for face in faces)),
            "detector": finder.name,
            "config": config.to_json(),
        }
        weights = run_training(faces, config, out, device=device, workers=workers, record=record, on_step=progress.step)
        progress.done(weights)
