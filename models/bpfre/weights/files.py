"""Weights as safetensors: the network's shape and its training record stand in the header, nothing is executed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bpfre.errors import WeightsError
from bpfre.photos.atomic import atomic_file
from bpfre.weights.catalog import STARTER
from bpfre.weights.guard import check_tensors, check_values, foreign_config, opened

if TYPE_CHECKING:
    from bpfre.network import BPFRe, BPFReConfig

CONFIG_KEY = "bpfre.config"
RECORD_KEY = "bpfre.record"
SHIPPED = {STARTER.name: STARTER.place}


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

    What the header says is checked before memory is taken on its word, and nothing in the file is executed.

    Raises:
        WeightsError: no such file, not safetensors, damaged, or not a network of ours.
    """
    import torch

    from bpfre.network import BPFRe

    path = weights_path(weights)
    with opened(path) as file:
        config = _config_of(path, file.metadata() or {})
        with torch.device("meta"):
            network = BPFRe(config)
        check_tensors(path, file, network.state_dict())
        tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
    check_values(path, tensors)
    network.load_state_dict(tensors, assign=True)
    network = network.to(device).to(memory_format=torch.channels_last)
    return network.eval().requires_grad_(False)


def _header_of(path: Path) -> dict[str, str]:
    """Read what stands in a file's header.

    Raises:
        WeightsError: not safetensors, or damaged.
    """
    with opened(path) as file:
        return file.metadata() or {}


def _config_of(path: Path, header: Mapping[str, str]) -> BPFReConfig:
    """Read the configuration in a header.

    Raises:
        WeightsError: there is none, or not of a preset that is known here.
    """
    from bpfre.network import BPFReConfig
    from bpfre.network.presets import as_known

    try:
        return as_known(BPFReConfig.from_json(header[CONFIG_KEY]))
    except (LookupError, ValueError, TypeError, RecursionError, ArithmeticError) as error:
        raise foreign_config(path, error) from error


def read_shape(weights: str | Path) -> BPFReConfig:
    """Return the network's configuration in a weights file's header.

    Raises:
        WeightsError: no such file, damaged, or not a network of ours.
    """
    path = weights_path(weights)
    return _config_of(path, _header_of(path))


def read_record(weights: str | Path) -> dict[str, str]:
    """Return the training record in a weights file's header.

    Raises:
        WeightsError: no such file, or damaged.
    """
    path = weights_path(weights)
    text = _header_of(path).get(RECORD_KEY, "{}")
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError, RecursionError) as error:
        raise WeightsError(f"{path} has no sound training record.", "Fetch or copy it again.") from error


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
