"""The state of a run in one safetensors file: it is there whole, or the one before it is."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from bpfre.errors import WeightsError
from bpfre.photos.atomic import atomic_file


def save_state(
    path: Path, *, step: int, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    """Write weights, averaged weights and optimiser state atomically."""
    tensors: dict[str, Tensor] = {}
    for prefix, module in (("network", network), ("average", average)):
        tensors |= {f"{prefix}/{name}": value for name, value in module.state_dict().items()}
    for index, entry in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{name}": torch.as_tensor(value) for name, value in entry.items()}
    # Cloning also un-shares storages, which safetensors refuses.
    plain = {k: v.detach().cpu().clone(memory_format=torch.contiguous_format) for k, v in tensors.items()}
    with atomic_file(path) as file:
        file.write(save(plain, metadata={"bpfre.step": json.dumps(step)}))


def load_state(path: Path, *, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Restore what `save_state` wrote. Returns the number of steps done.

    Raises:
        WeightsError: the file is damaged or belongs to another network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            step = int(json.loads((file.metadata() or {})["bpfre.step"]))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        for prefix, module in (("network/", network), ("average/", average)):
            module.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("optimizer/"):
                _, index, name = key.split("/")
                state.setdefault(int(index), {})[name] = value
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"The checkpoint {path} is damaged or belongs to another network.", "Choose another run folder with --out."
        ) from error
    return step
