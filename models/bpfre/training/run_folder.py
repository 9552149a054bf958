"""The folder of a run: everything that is needed to understand it, to go on with it and to repeat it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from bpfre.errors import UsageError
from bpfre.photos.atomic import atomic_file
from bpfre.training.config import RunConfig

_PACKAGES = ("bpfre", "torch", "torchvision", "numpy", "opencv-python", "accelerate", "safetensors")


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run."""

    root: Path

    @property
    def config(self) -> Path:
        """Resolved configuration; `bpfre train --config` repeats it."""
        return self.root / "config.yaml"

    @property
    def environment(self) -> Path:
        """Versions, device and command of the last start."""
        return self.root / "environment.json"

    @property
    def split(self) -> Path:
        """Names of the faces of training and validation."""
        return self.root / "split.json"

    @property
    def metrics(self) -> Path:
        """A row a step."""
        return self.root / "metrics.jsonl"

    @property
    def validation(self) -> Path:
        """A row a validation."""
        return self.root / "validation.jsonl"

    @property
    def tensorboard(self) -> Path:
        """Event files."""
        return self.root / "tensorboard"

    @property
    def samples(self) -> Path:
        """Sheets of training windows."""
        return self.root / "samples"

    @property
    def state(self) -> Path:
        """Everything that the next step depends on."""
        return self.root / "state.safetensors"

    @property
    def last(self) -> Path:
        """Averaged weights after the last checkpoint, half precision."""
        return self.root / "last.safetensors"

    @property
    def best(self) -> Path:
        """Averaged weights with the lowest error in validation, half precision."""
        return self.root / "best.safetensors"

    @property
    def faces(self) -> Path:
        """Cache of prepared faces."""
        return self.root / "faces"

    def stored_config(self) -> RunConfig | None:
        """Return the configuration of the run that is here; None for a new folder.

        Raises:
            UsageError: the file is damaged.
        """
        if not self.config.is_file():
            return None
        try:
            return RunConfig.from_yaml(self.config.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, UsageError) as error:
            raise UsageError(
                f"{self.config} is damaged.", "Choose another folder with --out, or remove this one."
            ) from error

    def claim(self, config: RunConfig) -> None:
        """Start a run here, or make sure that the one here is this very run, but for rounds that follow.

        Raises:
            UsageError: the folder holds a run with other settings.
        """
        stored = self.stored_config()
        if stored is None or _goes_further(config, stored):
            _write(self.config, config.to_yaml())
        elif stored != config:
            raise UsageError(
                f"{self.root} holds a run with other settings ({_difference(stored, config)}).",
                "Choose another folder with --out, or repeat its settings.",
            )
        for leftover in self.root.glob(".bpfre-*.part"):  # of a process that was killed while it wrote
            leftover.unlink(missing_ok=True)

    def describe(
        self, *, device: str, processes: int, precision: str, training: Sequence[str], kept: Sequence[str]
    ) -> None:
        """Write down the environment and which faces are learnt from and which are kept for validation."""
        versions = {}
        for package in _PACKAGES:
            try:
                versions[package] = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                versions[package] = "not installed as a package"
        values = {
            "command": sys.argv,
            "python": platform.python_version(),
            "system": platform.platform(),
            "packages": versions,
            "device": device,
            "device_name": torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.processor(),
            "threads": torch.get_num_threads(),
            "processes": processes,
            "precision": precision,
        }
        _write(self.environment, json.dumps(values, indent=2))
        _write(self.split, json.dumps({"training": list(training), "validation": list(kept)}, indent=1))


def read_rows(path: Path) -> list[dict[str, float]]:
    """Read the rows of steps; a row cut off by the end of a process is left out."""
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
            int(row["step"])
        except (ValueError, KeyError, TypeError):
            continue
        rows.append(row)
    return rows


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Replace a file of rows."""
    _write(path, "".join(f"{json.dumps(row)}\n" for row in rows))


def _write(path: Path, text: str) -> None:
    with atomic_file(path) as file:
        file.write(text.encode())


def _goes_further(config: RunConfig, stored: RunConfig) -> bool:
    """Whether a run has rounds after those of another and is that one until then."""
    rounds, until = config.train.restarts, stored.train.restarts
    rate = config.train.restart_lr if until else stored.train.restart_lr  # which counts from the second round on
    before = dataclasses.replace(config.train, restarts=until, restart_lr=rate)
    same = dataclasses.replace(config, train=before) == stored
    return same and len(rounds) > len(until) and rounds[: len(until)] == until


def _difference(a: RunConfig, b: RunConfig) -> str:
    """Name the first settings that differ."""
    pairs = [(name, vars(a.train)[name], vars(b.train)[name]) for name in vars(a.train)]
    pairs += [(name, vars(a.data)[name], vars(b.data)[name]) for name in vars(a.data)]
    return ", ".join(f"{name}: {one} there, {two} here" for name, one, two in pairs if one != two)
