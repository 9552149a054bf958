"""Device, mixed precision and processes, all through Accelerate."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs
from accelerate.state import AcceleratorState

# Others wait while the first process prepares faces and validates.
_WAIT = timedelta(hours=12)


def open_accelerator(device: str, precision: str) -> Accelerator:
    """Set up this process, alone or as one of those that torchrun or `accelerate launch` started.

    Args:
        device: cpu, mps, cuda or cuda:N; with several processes each has its own.
        precision: no, bf16, or auto (bf16 on GPUs that have it).
    """
    kind = device.partition(":")[0]
    if precision == "auto":
        precision = "bf16" if kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False) else "no"
    if world() == 1 and kind != "cpu":
        os.environ["ACCELERATE_TORCH_DEVICE"] = device
    # Accelerate keeps one state a process; a second run in it may have another precision.
    AcceleratorState._reset_state()
    return Accelerator(
        cpu=kind == "cpu",
        mixed_precision=precision,
        # Spectral norm's buffers are the same in every process: sending them about would only disturb autograd.
        kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False), InitProcessGroupKwargs(timeout=_WAIT)],
    )


def world() -> int:
    """How many processes take part, as the launcher says; 1 without one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this is the process that prints and writes."""
    return int(os.environ.get("RANK", "0")) == 0


def mean_over_processes(accelerator: Accelerator, row: Mapping[str, float]) -> dict[str, float]:
    """Average every value of a row over the processes."""
    values = torch.tensor(list(row.values()), dtype=torch.float64 if accelerator.device.type != "mps" else None)
    mean = accelerator.reduce(values.to(accelerator.device), reduction="mean")
    return dict(zip(row, mean.tolist(), strict=True))


def any_process(accelerator: Accelerator, value: bool) -> bool:
    """Whether a value is true in at least one process."""
    if accelerator.num_processes == 1:
        return value
    return mean_over_processes(accelerator, {"value": float(value)})["value"] > 0
