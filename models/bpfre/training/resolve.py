"""From what the user said to the whole configuration of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from bpfre.errors import UsageError
from bpfre.network.presets import SWITCHES
from bpfre.training.config import DataConfig, RunConfig, TrainConfig
from bpfre.training.recipes import recipe
from bpfre.weights import SHIPPED, read_shape


def read_config(path: Path) -> RunConfig:
    """Read a configuration file.

    Raises:
        UsageError: it cannot be read or is not one.
    """
    try:
        return RunConfig.from_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The configuration {path} cannot be read.", "Name a run's config.yaml.") from error


def parse_settings(texts: Sequence[str]) -> dict[str, object]:
    """Read `name=value` for fields of `TrainConfig`; commas part the numbers of a pair, or names.

    Raises:
        UsageError: no such setting, or a value that is not of its type.
    """
    fields = {field.name: str(field.type) for field in dataclasses.fields(TrainConfig)}
    settings: dict[str, object] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or name not in fields:
            raise UsageError(f"{text!r} is no setting.", f"Write --set NAME=VALUE with one of: {', '.join(fields)}.")
        try:
            settings[name] = _parse(value, fields[name])
        except ValueError as error:
            raise UsageError(f"{name} cannot be {value!r}.", f"It takes {fields[name]}.") from error
    return settings


def resolve(base: RunConfig | None, *, settings: Mapping[str, object], data: Mapping[str, object]) -> RunConfig:
    """Fill a configuration: what the user named goes before the file, the file before the preset's recipe.

    Without a file, a run that starts from weights has their preset, sizes and switches unless the user named others.

    Args:
        base: configuration file, if one was named.
        settings: fields of `TrainConfig` that the user named.
        data: fields of `DataConfig` that the user named, paths as they are.

    Returns:
        The configuration with absolute paths.

    Raises:
        UsageError: unknown preset, or values out of range.
        WeightsError: there are no weights of ours to start from.
    """
    sources = dataclasses.replace(base.data if base else DataConfig(), **data)  # type: ignore[arg-type]
    absolute = dataclasses.replace(
        sources,
        paired=tuple(map(_absolute, sources.paired)),
        unpaired=tuple(map(_absolute, sources.unpaired)),
        labels=_absolute(sources.labels) if sources.labels else None,
        hold_out=_absolute(sources.hold_out) if sources.hold_out else None,
        init=_absolute(sources.init) if sources.init and sources.init not in SHIPPED else sources.init,
    )
    if base is None and absolute.init:
        settings = _shape_settings(absolute.init) | dict(settings)
    if base is None or settings.get("preset", base.train.preset) != base.train.preset:
        chosen = {"preset": "starter", **settings}
        name = str(chosen.pop("preset"))
        train = recipe(name, **chosen)
    else:
        train = dataclasses.replace(base.train, **settings)  # type: ignore[arg-type]
    return RunConfig(data=absolute, train=train)


def _shape_settings(weights: str) -> dict[str, object]:
    """Settings that make the network of a run the one that weights are of."""
    shape = read_shape(weights)
    names = ["preset", "size", *SWITCHES]
    if shape.zoom != (1.0, 1.0):  # else they know one size only
        names.append("zoom")
    return {name: getattr(shape, name) for name in names}


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def _parse(value: str, kind: str) -> object:
    if kind == "bool":
        if value.lower() not in ("true", "false"):
            raise ValueError
        return value.lower() == "true"
    if kind.endswith(", ...]"):
        return tuple(
            _parse(part.strip(), kind.removeprefix("tuple[").removesuffix(", ...]"))
            for part in value.split(",")
            if part.strip()
        )
    if kind.startswith("tuple"):
        low, high = (float(part) for part in value.split(","))
        return low, high
    return {"int": int, "float": float, "str": str}[kind](value)
