"""One process's part in a run: from a configuration to weights."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from bpfre.errors import DataError
from bpfre.faces import open_detector, pick_detector
from bpfre.network import preset
from bpfre.network.perceptual import Perceptual, build_phi, pick_phi
from bpfre.training.config import RunConfig
from bpfre.training.data import Discovery, FaceSource, prepare
from bpfre.training.distributed import open_accelerator
from bpfre.training.loop import train
from bpfre.training.run_folder import RunFolder
from bpfre.weights import weights_path

OnPhoto = Callable[[Path, str | None], None]


def run_session(
    run: RunConfig,
    found: Discovery,
    folder: RunFolder,
    *,
    device: str = "cpu",
    cache: Path | None = None,
    workers: int = 1,
    on_photo: OnPhoto | None = None,
    on_step: Callable[[int, Mapping[str, float]], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Path:
    """Pick what is still open, prepare the faces, train.

    Args:
        run: the configuration; `auto` values are picked here and recorded.
        found: the data.
        folder: the run's.
        device: cpu, mps, cuda or cuda:N.
        cache: prepared faces; inside the run folder where it is not given.
        workers: processes that draw windows.
        on_photo: told each photo that was prepared, with the reason where it is left out.
        on_step: told each step and its figures.
        on_note: told what a user should know.

    Returns:
        The weights file.

    Raises:
        BpfreError: whatever stands in the way, with the next step.
    """
    preset(run.train.preset, size=run.train.size)  # a wrong size ends the run before faces are prepared
    if run.data.init:
        weights_path(run.data.init)
    note = on_note or (lambda _text: None)
    accelerator = open_accelerator(device, run.train.precision)
    try:
        run = _picked(run, folder, accelerator, note)
        detector = open_detector(run.data.detector, device=device)
        with accelerator.main_process_first():  # the others find faces and weights in the cache
            faces, kept = prepare(found, detector, cache or folder.faces, run.train, on_photo=on_photo)
            phi = build_phi(run.train.phi, device=str(accelerator.device))
        if not faces:
            raise DataError("No usable face was found in the training data.", "Check the paths and --hold-out.")
        note(f"{len(faces)} faces to learn from, {len(kept)} kept for validation.")
        return train(
            faces,
            kept,
            run,
            folder,
            accelerator,
            phi=phi,
            workers=workers,
            record=_record(run, faces, phi),
            on_step=on_step,
            on_note=on_note,
        )
    finally:
        accelerator.end_training()


def _picked(run: RunConfig, folder: RunFolder, accelerator: Accelerator, note: Callable[[str], None]) -> RunConfig:
    """Replace `auto`: a run that goes on keeps what it began with; the first process picks for all."""
    stored = folder.stored_config()
    choice: list[Any] = ["", "", ""]
    if accelerator.is_main_process:
        detector = run.data.detector
        if detector == "auto":
            detector = stored.data.detector if stored else pick_detector("auto")
        phi, why = run.train.phi, ""
        if phi == "auto" and stored:
            phi = stored.train.phi
        else:
            picked = pick_phi(phi, tell=note)
            phi, why = picked.name, picked.reason
        choice = [detector, phi, why]
    if accelerator.num_processes > 1:
        choice = broadcast_object_list(choice)
    detector, phi, why = choice
    if why:
        note(why)
    return RunConfig(
        data=dataclasses.replace(run.data, detector=detector), train=dataclasses.replace(run.train, phi=phi)
    )


def _record(run: RunConfig, faces: list[FaceSource], phi: Perceptual | None) -> dict[str, str]:
    """What the weights' header says of their training; no paths: weights travel."""
    kinds = {kind: sum(face.kind == kind for face in faces) for kind in ("pair", "raw", "retouched")}
    return {
        "preset": run.train.preset,
        "faces": str(len(faces)),
        **{name: str(count) for name, count in kinds.items()},
        "init": hashlib.sha256(weights_path(run.data.init).read_bytes()).hexdigest() if run.data.init else "",
        "detector": run.data.detector,
        "phi": run.train.phi,
        "phi_sha256": phi.sha256 if phi else "",
        "config": RunConfig(data=type(run.data)(), train=run.train).to_yaml(),
    }
