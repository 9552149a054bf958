"""The state of a run in one safetensors file: it is there whole, or the one before it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from bpfre.errors import WeightsError
from bpfre.photos.atomic import atomic_file

Modules = Mapping[str, nn.Module]
Optimizers = Mapping[str, torch.optim.Optimizer]


def save_state(path: Path, *, step: int, modules: Modules, optimizers: Optimizers) -> None:
    """Write the tensors of modules and optimisers under their names, atomically.

    Args:
        path: the file.
        step: steps done.
        modules: whatever has weights or buffers; no name may hold a slash.
        optimizers: their state alone: settings such as the learning rate follow from the configuration.
    """
    tensors: dict[str, Tensor] = {}
    for prefix, module in modules.items():
        tensors |= {f"{prefix}/{name}": value for name, value in module.state_dict().items()}
    for prefix, optimizer in optimizers.items():
        for index, entry in optimizer.state_dict()["state"].items():
            tensors |= {f"{prefix}/{index}/{name}": torch.as_tensor(value) for name, value in entry.items()}
    # Cloning also un-shares storages, which safetensors refuses.
    plain = {k: v.detach().cpu().clone(memory_format=torch.contiguous_format) for k, v in tensors.items()}
    with atomic_file(path) as file:
        file.write(save(plain, metadata={"bpfre.step": json.dumps(step)}))


def load_state(path: Path, *, modules: Modules, optimizers: Optimizers) -> int:
    """Restore what `save_state` wrote. Returns the number of steps done.

    Raises:
        WeightsError: the file is damaged or belongs to another network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            step = int(json.loads((file.metadata() or {})["bpfre.step"]))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        for prefix, module in modules.items():
            module.load_state_dict(_below(tensors, prefix))
        for prefix, optimizer in optimizers.items():
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in _below(tensors, prefix).items():
                index, name = key.split("/")
                state.setdefault(int(index), {})[name] = value
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": state, "param_groups": groups})
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"The checkpoint {path} is damaged or belongs to another network.", "Choose another run folder with --out."
        ) from error
    return step


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{prefix}/"): value for key, value in tensors.items() if key.startswith(f"{prefix}/")}
