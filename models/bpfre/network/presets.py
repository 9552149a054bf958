"""The named networks: functions that fill a `BPFReConfig` by keyword."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from bpfre.errors import UsageError
from bpfre.network.config import MAX_SIZE, BPFReConfig


def paper() -> BPFReConfig:
    """The network of the paper: a deep U-Net and a StyleGAN2-type generator at 512, rendering whole faces."""
    return BPFReConfig(
        preset="paper",
        size=512,
        unshuffle=1,
        channels=(64, 128, 256, 512, 512, 512, 512),
        blocks=(1, 1, 1, 1, 1, 1, 1),
        generator_channels=(64, 128, 256, 512, 512, 512, 512),
        attention_channels=64,
        style_dim=512,
        side_gain=0.0,
        output="image",
        position=False,
        map_prior=0.05,
        discriminator_channels=(64, 128, 256, 512, 512),
    )


def starter() -> BPFReConfig:
    """The network that ships: every stage present, made for two CPU cores, correcting where its maps say so."""
    return BPFReConfig(
        preset="starter",
        size=512,
        unshuffle=2,
        channels=(48, 80, 128, 160),
        blocks=(1, 1, 1, 2),
        generator_channels=(32, 48, 64, 96),
        attention_channels=24,
        style_dim=128,
        side_gain=1.0,
        output="correction",
        position=True,
        map_prior=0.02,
        discriminator_channels=(48, 64, 96, 128),
    )


def tiny() -> BPFReConfig:
    """A network of the same shape in miniature, for tests."""
    return BPFReConfig(
        preset="tiny",
        size=64,
        unshuffle=2,
        channels=(8, 12, 16),
        blocks=(1, 1, 1),
        generator_channels=(8, 8, 12),
        attention_channels=8,
        style_dim=16,
        side_gain=1.0,
        output="correction",
        position=True,
        map_prior=0.05,
        discriminator_channels=(8, 12, 16),
    )


SWITCHES = ("relative", "detail", "completion", "apart")  # fields of the configuration that a run may choose
PRESETS: dict[str, Callable[[], BPFReConfig]] = {"paper": paper, "starter": starter, "tiny": tiny}


def preset(
    name: str,
    *,
    size: int | None = None,
    zoom: tuple[float, float] | None = None,
    relative: bool = False,
    detail: bool = False,
    completion: bool = False,
    apart: bool = False,
) -> BPFReConfig:
    """Return the configuration called `name`, with what else users may choose where it is given.

    Raises:
        UsageError: there is no such preset, or the size does not suit it.
    """
    if name not in PRESETS:
        raise UsageError(f"There is no preset called {name!r}.", f"Choose one of: {', '.join(PRESETS)}.")
    config = PRESETS[name]()
    config = dataclasses.replace(config, relative=relative, detail=detail, completion=completion, apart=apart)
    if zoom is not None:
        config = dataclasses.replace(config, zoom=zoom)
    if size is None:
        return config
    if size > MAX_SIZE:
        raise UsageError(f"A working size of {size} px is too large.", f"Choose at most {MAX_SIZE} for --size.")
    if size % config.stride:
        raise UsageError(
            f"The preset {name} cannot work at {size} px.", f"Choose a multiple of {config.stride} for --size."
        )
    return dataclasses.replace(config, size=size)


def as_known(config: BPFReConfig) -> BPFReConfig:
    """Return the preset that a configuration from outside claims to be, with what `preset` lets users choose.

    Raises:
        ValueError: there is no such preset, or it differs in more than sensible choices.
    """
    if not isinstance(config.preset, str) or config.preset not in PRESETS:
        raise ValueError(f"there is no preset {str(config.preset)[:40]!r}")
    known = PRESETS[config.preset]()
    chosen = {name: getattr(known, name) for name in ("size", "zoom", *SWITCHES)}
    if dataclasses.replace(config, **chosen) != known:
        raise ValueError(f"its header differs from the preset {config.preset}")
    low, high = (float(factor) for factor in config.zoom)
    if type(config.size) is not int or not 0 < config.size <= MAX_SIZE or not math.isfinite(high):
        raise ValueError(f"the working size in its header is not one of up to {MAX_SIZE} px")
    switches = {name: getattr(config, name) for name in SWITCHES}
    for name, value in switches.items():
        if type(value) is not bool:
            raise ValueError(f"{name} in its header is neither true nor false")
    return dataclasses.replace(known, size=config.size, zoom=(low, high), **switches)
