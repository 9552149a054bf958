"""Run the network over a batch of crops, whatever photos they come from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from bpfre.errors import FaceRefusedError

if TYPE_CHECKING:
    import torch


SIZES = (0.5, 0.75, 1.0, 1.5, 2.0)  # working sizes relative to the network's own
SHRINK = 0.9  # a face may be made so much smaller
_NEAR = 0.01


class NetworkConfig(Protocol):
    """What the runner has to know of a network."""

    @property
    def size(self) -> int:
        """Side of the square crops it works on, px."""

    @property
    def zoom(self) -> tuple[float, float]:
        """Sides it was trained for besides, relative to `size`."""

    @property
    def stride(self) -> int:
        """Sides have to be multiples of this, px."""


class Network(Protocol):
    """`BPFRe`, or anything that is called alike."""

    @property
    def config(self) -> NetworkConfig:
        """Its working size."""

    def __call__(self, x: torch.Tensor) -> Any:
        """[N, 3, S, S] RGB in [0, 1] -> something whose `refined` has the same shape."""


def crop_sizes(network: Network) -> tuple[int, ...]:
    """Return the working sizes in px, smallest first, each raised to a multiple of the stride."""
    config = network.config
    low, high = config.zoom
    sides = (config.size * factor for factor in SIZES if low * (1 - _NEAR) <= factor <= high * (1 + _NEAR))
    return tuple(sorted({math.ceil(side / config.stride) * config.stride for side in sides}))


def size_for(extent: float, sizes: Sequence[int]) -> int:
    """Choose the working size of a face: the smallest that hardly shrinks it, else the largest.

    Small faces are not enlarged into a blur that no network has seen; of large ones small spots stay to be seen.

    Args:
        extent: side of the crop in px of the photo.
        sizes: to choose from, smallest first.
    """
    return next((size for size in sizes if size >= SHRINK * extent), sizes[-1])


def device_of(network: Network, otherwise: str) -> str:
    """Return the device of the network's tensors, or `otherwise` where it has none."""
    import torch

    if isinstance(network, torch.nn.Module):
        for tensor in (*network.parameters(), *network.buffers()):
            return str(tensor.device)
    return otherwise


def corrections(network: Network, crops: Sequence[np.ndarray], *, device: str) -> list[np.ndarray | Exception]:
    """Return what the network would add to each crop, or why it has nothing for it.

    A batch that fails is tried again face by face, so that one face (or a batch too large for the memory) does
    not take the others with it.

    Args:
        network: in evaluation mode on `device`.
        crops: [S, S, 3] float32 in [0, 1] each.
        device: torch's name of it; on CUDA the network runs in half precision where that gives finite numbers.
    Returns:
        For each crop [S, S, 3] float32, refined minus crop; or the exception.
    """
    try:
        return _run(network, crops, device)
    except Exception as error:
        if len(crops) == 1:
            return [error]
    return [corrections(network, [crop], device=device)[0] for crop in crops]


def _run(network: Network, crops: Sequence[np.ndarray], device: str) -> list[np.ndarray | Exception]:
    import torch

    half = runs_in_half(device)
    with torch.inference_mode():
        pixels = torch.from_numpy(np.stack(crops)).to(device)  # [N, S, S, 3]
        result = _forward(network, pixels, half)
        finite = _all_finite(result)
        if half and not finite.all():  # half precision overflows where single precision may not
            result[~finite] = _forward(network, pixels[~finite], False)
            finite = _all_finite(result)
    return [
        correction if sound else FaceRefusedError("The network's output holds values that are not numbers.")
        for correction, sound in zip(result.cpu().numpy(), finite.tolist(), strict=True)
    ]


def runs_in_half(device: str) -> bool:
    """Whether the network is run in half precision: only where that is faster, on CUDA."""
    return device.startswith("cuda")


def _forward(network: Network, pixels: torch.Tensor, half: bool) -> torch.Tensor:
    """[N, S, S, 3] -> refined minus input, [N, S, S, 3] float32."""
    import torch

    # [N, H, W, 3] seen as [N, 3, H, W] is channels_last. float16, not bfloat16, whose steps are as coarse as
    # those of 8-bit pixels.
    crops = pixels.permute(0, 3, 1, 2)
    with torch.autocast(pixels.device.type, dtype=torch.float16, enabled=half):
        refined = network(crops).refined
    if refined.shape != crops.shape:
        raise FaceRefusedError(f"The network returned {list(refined.shape)} for {list(crops.shape)}.")
    return (refined.float() - crops).permute(0, 2, 3, 1).contiguous()


def _all_finite(result: torch.Tensor) -> torch.Tensor:
    """[N, ...] -> [N] bool."""
    return result.isfinite().flatten(1).all(1)
