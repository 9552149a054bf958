"""Weights as safetensors: the network's shape and its training record stand in the header, nothing is executed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bpfre.errors import WeightsError
from bpfre.photos.atomic import atomic_file

if TYPE_CHECKING:
    from bpfre.network import BPFRe

CONFIG_KEY = "bpfre.config"
RECORD_KEY = "bpfre.record"
SHIPPED = {"starter": Path(__file__).with_name("starter.safetensors")}


def weights_path(weights: str | Path) -> Path:
    """Resolve the name of shipped weights, or a path, to a file.

    Raises:
        WeightsError: neither a known name nor a file.
    """
    path = SHIPPED.get(str(weights), Path(weights))
    if not path.is_file():
        raise WeightsError(
            f"There are no weights at {weights}.", f"Name a .safetensors file, or one of: {', '.join(SHIPPED)}."
        )
    return path


def load_network(weights: str | Path = "starter", *, device: str = "cpu") -> BPFRe:
    """Build the network that a weights file describes and load it, in float32 and evaluation mode.

    Raises:
        WeightsError: no such file, not safetensors, damaged, or not a network of ours.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    from bpfre.network import BPFRe, BPFReConfig

    path = weights_path(weights)
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path} is not a sound safetensors file.", "Fetch or copy it again, or choose other weights."
        ) from error
    try:
        config = BPFReConfig.from_json(header[CONFIG_KEY])
        with torch.device("meta"):
            network = BPFRe(config)
        network.load_state_dict(tensors, assign=True)
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise WeightsError(
            f"{path} does not hold the weights of a BPFRe network.", "Choose a file that bpfre train wrote."
        ) from error
    network = network.to(device).to(memory_format=torch.channels_last)
    return network.eval().requires_grad_(False)


def read_record(weights: str | Path) -> dict[str, str]:
    """Return the training record in a weights file's header.

    Raises:
        WeightsError: no such file, or damaged.
    """
    from safetensors import SafetensorError, safe_open

    path = weights_path(weights)
    try:
        with safe_open(path, framework="pt") as file:
            return dict(json.loads((file.metadata() or {}).get(RECORD_KEY, "{}")))
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise WeightsError(f"{path} is not a sound safetensors file.", "Fetch or copy it again.") from error


def save_network(network: BPFRe, path: Path, record: Mapping[str, str], *, half: bool = False) -> None:
    """Write a network's weights atomically, with its configuration and training record in the header.

    Args:
        network: any device; left as it is.
        path: the file to write; its folder is made.
        record: what the weights are and where they come from.
        half: store float16 (half the size; the network still runs in float32).
    """
    import torch
    from safetensors.torch import save

    dtype = torch.float16 if half else torch.float32
    tensors = {
        name: value.detach().to("cpu", dtype).contiguous(memory_format=torch.contiguous_format)
        for name, value in network.state_dict().items()
    }
    metadata = {CONFIG_KEY: network.config.to_json(), RECORD_KEY: json.dumps(dict(record))}
    with atomic_file(path) as file:
        file.write(save(tensors, metadata=metadata))
