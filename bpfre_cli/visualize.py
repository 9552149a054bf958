"""`bpfre visualize`: pictures of what the network sees and does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bpfre.errors import PhotoError, UsageError


def visualize(
    photos: Annotated[list[Path] | None, typer.Argument(help="Photos or folders; else the example photos.")] = None,
    attention: Annotated[bool, typer.Option("--attention", help="Show maps and stages of every face.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("attention"),
    weights: Annotated[str, typer.Option(help="Weights: a shipped name or a .safetensors file.")] = "starter",
    detector: Annotated[str, typer.Option(help="Face detector: auto, retinaface or mtcnn.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")] = "auto",
) -> None:
    """Write for each face: input, both blemish maps, coarse, refined, and the correction.

    Example: bpfre visualize --attention
    """
    if not attention:
        raise UsageError("There is nothing to show.", "Add --attention.")
    from bpfre.runtime import pick_device, tune_allocator

    tune_allocator()
    from bpfre.evaluation import attention_sheets, example_photos, write_png
    from bpfre.faces import open_detector
    from bpfre.photos import find_photos
    from bpfre.weights import load_network
    from bpfre_cli import console

    found = find_photos(photos or example_photos())
    if not photos:
        console.say(f"No photo was named: showing the {len(found)} example photos.")
    device = pick_device(device)
    network, finder = load_network(weights, device=device), open_detector(detector, device=device)
    failed = 0
    for photo in found:
        stem = photo.relative.with_suffix("").as_posix().replace("/", "_")
        written = 0
        try:
            for sheet in attention_sheets(photo.path, network, finder):
                written += 1
                target = out / f"{stem}{photo.path.suffix.replace('.', '_')}_face{written}.png"
                write_png(target, sheet)
                console.say(f"{photo.path} -> {target}")
        except PhotoError as error:
            failed += 1
            console.warn(str(error))
            continue
        if not written:
            console.say(f"{photo.path}: no face was found.")
    if failed:
        raise typer.Exit(1)
