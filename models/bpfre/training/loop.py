"""The training loop."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset

from bpfre.errors import UsageError
from bpfre.network import BPFRe, preset
from bpfre.photos.atomic import atomic_file
from bpfre.training.checkpoint import load_state, save_state
from bpfre.training.config import TrainConfig
from bpfre.training.faces import TrainingFace
from bpfre.training.losses import edit_measures, supervised_losses, total_loss
from bpfre.training.samples import write_sheet
from bpfre.training.windows import WindowDataset
from bpfre.weights import save_network

STATE, WEIGHTS, METRICS, CONFIG = "state.safetensors", "last.safetensors", "metrics.jsonl", "config.json"


def learning_rate(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then cosine decay to 2 % of the peak."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    progress = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.lr * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))


def train(
    faces: Sequence[TrainingFace],
    config: TrainConfig,
    out: Path,
    *,
    device: str = "cpu",
    workers: int = 1,
    record: Mapping[str, str] | None = None,
    on_step: Callable[[int, Mapping[str, float]], None] | None = None,
) -> Path:
    """Train a network, or go on with a run that was cut off.

    Args:
        faces: training faces.
        config: the run; must be that of the folder where the folder holds a run already.
        out: run folder: `config.json`, `metrics.jsonl`, `samples/`, `state.safetensors`, and `last.safetensors`
            (averaged weights, half precision).
        device: cuda, mps or cpu.
        workers: processes that draw windows.
        record: provenance written into the weights' header.
        on_step: told the step and its losses.

    Returns:
        The weights file (averaged weights).

    Raises:
        UsageError: the folder holds a run of another configuration.
        WeightsError: the checkpoint is damaged.
    """
    _claim(out, config)
    torch.manual_seed(config.seed)
    network = BPFRe(preset(config.preset)).to(device).to(memory_format=torch.channels_last)
    average = copy.deepcopy(network).eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.lr, betas=(0.9, 0.99), weight_decay=1e-4)
    start = 0
    if (out / STATE).is_file():
        start = load_state(out / STATE, network=network, average=average, optimizer=optimizer)
    _trim_metrics(out / METRICS, start)
    dataset = WindowDataset(faces, config)
    loader = DataLoader(Subset(dataset, range(start, config.steps)), batch_size=None, num_workers=workers)
    began = time.monotonic()
    with (out / METRICS).open("a", encoding="utf-8") as metrics:
        for step, batch in enumerate(loader, start):
            raw, target, position = (
                t.to(device, memory_format=torch.channels_last) for t in (batch.raw, batch.target, batch.position)
            )
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, config)
            output = network(raw, position)
            losses = supervised_losses(output, raw, target, config)
            loss = total_loss(losses, config)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            norm = nn.utils.clip_grad_norm_(network.parameters(), config.clip)
            if math.isfinite(float(norm)):  # a step that overflowed is left out
                optimizer.step()
            _update_average(average, network, config.ema if step > 200 else min(config.ema, step / (step + 10)))
            row: dict[str, float] = {name: float(value.detach()) for name, value in losses.items()}
            row |= {"loss": float(loss.detach()), "gradient": float(norm), "lr": learning_rate(step, config)}
            for name, image in (("coarse", output.coarse), ("refined", output.refined)):
                row |= {f"{k}_{name}": v for k, v in edit_measures(image, raw, target, config).items()}
            metrics.write(json.dumps({"step": step, "seconds": round(time.monotonic() - began, 2), **row}) + "\n")
            if on_step:
                on_step(step, row)
            done = step + 1
            if done % config.sample_every == 0 or done == config.steps:
                write_sheet(out / "samples" / f"{done:06d}.png", average, raw, target, position)
            if done % config.checkpoint_every == 0 or done == config.steps:
                metrics.flush()
                # The state last: a run cut off between the two goes back and writes its weights again.
                save_network(average, out / WEIGHTS, {**(record or {}), "steps": str(done)}, half=True)
                save_state(out / STATE, step=done, network=network, average=average, optimizer=optimizer)
    return out / WEIGHTS


def _claim(out: Path, config: TrainConfig) -> None:
    """Start a run folder, or make sure that the one there holds this very run."""
    text = config.to_json()
    stored = out / CONFIG
    if stored.is_file():
        try:
            same = json.loads(stored.read_text(encoding="utf-8")) == json.loads(text)
        except (OSError, ValueError):
            same = False
        if not same:
            raise UsageError(
                f"{out} holds a run with other settings.", "Choose another folder with --out, or repeat its settings."
            )
        return
    with atomic_file(stored) as file:
        file.write(text.encode())


def _trim_metrics(path: Path, start: int) -> None:
    """Drop rows of steps after the last checkpoint: they are about to be done again."""
    if not path.is_file():
        return
    rows = [line for line in path.read_text(encoding="utf-8").splitlines() if _step_of(line) in range(start)]
    with atomic_file(path) as file:
        file.write("".join(f"{row}\n" for row in rows).encode())


def _step_of(line: str) -> int:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError):  # a row cut off by the end of the process
        return -1


@torch.no_grad()
def _update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    for mean, value in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)
