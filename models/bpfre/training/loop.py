"""The training loop."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from accelerate import Accelerator
from torch.utils.data import DataLoader, Subset

from bpfre.network import preset
from bpfre.network.perceptual import Perceptual
from bpfre.network.presets import SWITCHES
from bpfre.training.config import RunConfig, TrainConfig
from bpfre.training.data import Batch, FaceSource, WindowDataset, validation_batches
from bpfre.training.data.matching import MarkFactors
from bpfre.training.distributed import mean_over_processes
from bpfre.training.guard import LossGuard
from bpfre.training.interruption import interruption, leave_to_parent
from bpfre.training.learner import Learner
from bpfre.training.run_folder import RunFolder
from bpfre.training.samples import sample_sheet, write_sheet
from bpfre.training.schedule import is_adversarial
from bpfre.training.trackers import Tracker
from bpfre.training.validation import validate
from bpfre.weights import load_network, save_network

OnStep = Callable[[int, Mapping[str, float]], None]
OnNote = Callable[[str], None]


def train(
    faces: Sequence[FaceSource],
    kept: Sequence[FaceSource],
    config: RunConfig,
    folder: RunFolder,
    accelerator: Accelerator,
    *,
    phi: Perceptual | None = None,
    workers: int = 1,
    record: Mapping[str, str] | None = None,
    on_step: OnStep | None = None,
    on_note: OnNote | None = None,
) -> Path:
    """Train a network, or go on with a run that was cut off, exactly as if it had not been.

    Every process of a run calls this with the same arguments; the first one writes. SIGINT and SIGTERM end the run
    after the step it is at, once that is saved; a second SIGINT ends it at once.

    Args:
        faces: training faces.
        kept: faces for validation.
        config: the run, with nothing left to be picked; must be that of the folder where it holds a run already.
        folder: where everything is written.
        accelerator: device, precision and processes.
        phi: network of the perceptual term, on the accelerator's device.
        workers: processes that draw windows, for each process of the run.
        record: provenance written into the weights' header.
        on_step: told the step and its figures.
        on_note: told what a user should know, such as a restored state.

    Returns:
        The weights file (averaged weights).

    Raises:
        UsageError: the folder holds a run of another configuration.
        WeightsError: the checkpoint is damaged.
        TrainingError: the loss keeps running away.
        KeyboardInterrupt: the run was asked to end.
    """
    settings, first = config.train, accelerator.is_main_process
    if first:
        folder.claim(config)
    accelerator.wait_for_everyone()
    working = settings.working_sizes
    switches = {name: getattr(settings, name) for name in SWITCHES}
    shape = preset(settings.preset, size=settings.size, zoom=working, **switches)
    learner = Learner(shape, settings, accelerator, phi)
    start = learner.load(folder.state) if folder.state.is_file() else 0
    if config.data.init and start == 0:
        learner.start_from(load_network(config.data.init))
    if first and start == 0:
        learner.save(folder.state, 0)  # the first good state
    tracker = Tracker(folder, start) if first else None
    if tracker and on_note and (0 < start < settings.all_steps or tracker.repeated):
        again = f" Steps since its last checkpoint, done again: {tracker.repeated}." if tracker.repeated else ""
        on_note(f"Going on after {start} of {settings.all_steps} steps.{again}")
    guard = LossGuard(settings.spike, tracker.losses if tracker else ())
    if first:
        folder.describe(
            device=str(accelerator.device),
            processes=accelerator.num_processes,
            precision=accelerator.mixed_precision,
            training=[face.name for face in faces],
            kept=[face.name for face in kept],
        )
    _share_losses(accelerator, guard)
    best = min((row["refined"]["score"] for row in tracker.validations), default=float("inf")) if tracker else 0.0
    record = dict(record or {})

    def checkpoint(done: int, *, stopping: bool) -> None:
        nonlocal best
        assert tracker
        if done % settings.validate_every == 0 or done == settings.all_steps:
            chosen = kept[: settings.validation_faces]
            figures = validate(learner.average, validation_batches(chosen, settings), settings, accelerator.device)
            if figures:
                tracker.validation(done, figures)
                if figures["refined"]["score"] < best:
                    best = figures["refined"]["score"]
                    save_network(learner.average, folder.best, record | {"steps": str(done)}, half=True)
        if stopping or done % settings.checkpoint_every == 0 or done == settings.all_steps:
            tracker.flush()
            # The state last: a run cut off between the two goes back and writes its weights again.
            save_network(learner.average, folder.last, record | {"steps": str(done)}, half=True)
            learner.save(folder.state, done)

    def announce() -> None:
        if on_note and first:
            on_note(
                "Stopping after this step; Ctrl-C again stops at once and loses the steps since the last checkpoint."
            )

    began = time.monotonic()
    batches = _batches(faces, settings, accelerator, start, workers, on_note if first else None)
    with contextlib.closing(tracker) if tracker else contextlib.nullcontext(), interruption(announce) as interrupted:
        for step in range(start, settings.all_steps):
            adversarial = is_adversarial(step, settings)
            learner.clear()
            micro = itertools.islice(batches, settings.accumulate)
            row, batch = learner.gradients(micro, step, adversarial=adversarial)
            row = mean_over_processes(accelerator, row)
            norms = (value for name, value in row.items() if name.startswith("gradient"))
            good = guard.is_good(row["loss"], sum(norms))
            if good:
                learner.apply(step, adversarial=adversarial)
            else:
                at = learner.load(folder.state)
                row["restored"] = float(at)
                if on_note:
                    on_note(f"Step {step}: the loss ran away ({row['loss']:.3g}); restored the state after {at} steps.")
            if tracker:
                tracker.step(step, row | {"seconds": round(time.monotonic() - began, 2)})
            if on_step:
                on_step(step, row)
            done = step + 1
            stopping = interrupted.wanted_anywhere(accelerator)
            if tracker and (done % settings.sample_every == 0 or done == settings.all_steps):
                sheet = sample_sheet(learner.average, batch)
                write_sheet(folder.samples / f"{done:06d}.png", sheet)
                tracker.sheet(done, sheet)
            if tracker:
                checkpoint(done, stopping=stopping)
            if done % settings.checkpoint_every == 0 or done % settings.validate_every == 0:
                accelerator.wait_for_everyone()
            if stopping and done < settings.all_steps:
                if first and on_note:
                    on_note(f"{done} of {settings.all_steps} steps are done and saved.")
                raise KeyboardInterrupt
    accelerator.wait_for_everyone()
    return folder.last


def _batches(
    faces: Sequence[FaceSource],
    settings: TrainConfig,
    accelerator: Accelerator,
    start: int,
    workers: int,
    note: Callable[[str], None] | None,
) -> Iterator[Batch]:
    """Yield this process's batches from the first step to do on."""
    dataset = WindowDataset(faces, settings, rank=accelerator.process_index, world=accelerator.num_processes)
    if note and dataset.factors != MarkFactors():
        density, contrast = dataset.factors.density, dataset.factors.contrast
        note(
            f"To match the edits of the pairs, blemishes on unpaired faces are drawn {density:.1f} times as densely "
            f"and {contrast:.1f} times as strongly as set."
        )
    rest = Subset(dataset, range(start * settings.accumulate, settings.all_steps * settings.accumulate))
    return iter(DataLoader(rest, batch_size=None, num_workers=workers, worker_init_fn=leave_to_parent))


def _share_losses(accelerator: Accelerator, guard: LossGuard) -> None:
    """Give every process the recent losses that only the first one has read."""
    if accelerator.num_processes > 1:
        from accelerate.utils import broadcast_object_list

        guard.recent = broadcast_object_list([guard.recent])[0]
