"""Everything a training run is decided by: how it trains, and on what."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

import yaml

from bpfre.blemishes import MARK_KINDS
from bpfre.errors import UsageError

Phi = Literal["auto", "vgg19", "mobilenet_v2", "none"]
_EDITED = 0.05  # of map_scale: from there on a pixel counts as edited
_CHOICES: dict[str, tuple[str, ...]] = {
    "phi": get_args(Phi),
    "map_loss": ("cross_entropy", "l1"),
    "delta": ("fixed", "per_image"),
    "adversarial": ("saturating", "non_saturating"),
    "precision": ("auto", "no", "bf16"),
}


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of one run; `recipe` fills them for a preset. Lengths are px of a 512 face crop unless noted."""

    preset: str = "starter"  # shape of the network
    size: int = 512  # side of the working crop [px]

    steps: int = 5000  # optimiser steps; shares of the steps below are shares of these
    restarts: tuple[int, ...] = ()  # steps of further rounds, each from a new peak of the learning rate
    restart_lr: float = 1.0  # that peak relative to the first
    batch_size: int = 8  # windows a step, in each process
    accumulate: int = 1  # batches whose gradients are summed into one step
    window: int = 192  # side of a training window [px of the working crop]; `size` for whole crops throughout
    whole: float = 0.1  # share of the steps, at the end, on whole crops
    lr: float = 1e-3  # peak learning rate of the network
    disc_lr: float = 2e-4  # peak learning rate of the discriminator
    betas: tuple[float, float] = (0.9, 0.99)  # of Adam, network
    disc_betas: tuple[float, float] = (0.0, 0.99)  # of Adam, discriminator
    weight_decay: float = 1e-4  # decoupled (AdamW); 0 is Adam
    warmup: int = 100  # steps of linear warm-up
    final_lr: float = 0.02  # end of the cosine decay as a share of the peak
    clip: float = 1.0  # largest gradient norm
    ema: float = 0.998  # decay of the averaged weights
    seed: int = 0
    precision: str = "auto"  # no: float32; bf16: autocast; auto: bf16 on GPUs that have it

    paired_fraction: float = 1.0  # share of the pairs that is used, chosen by the seed
    validation: float = 0.05  # share of the faces kept for validation where the data has no split of its own
    matched: bool = True  # unpaired faces get as many and as strong blemishes as the pairs have edits
    paired_share: float = 0.5  # share of windows from pairs where there are unpaired faces too
    clean_share: float = 0.1  # share of windows that show a retouched face and must be left alone
    unpaired_share: float = 0.25  # share of windows of raw faces without a target (adversarial terms only)
    labelled_share: float = 0.6  # share of windows of unpaired faces that show labelled ones, where there are any
    synthesis: bool = True  # draw blemishes on unpaired faces: supervised windows without a retoucher
    edit_centred: float = 0.7  # share of windows centred on an edit or, failing that, on skin
    zoom: tuple[float, float] = (0.8, 1.25)  # scale of windows relative to the working crop
    relative: bool = False  # pixels and errors count relative to their light, as pigment does (see `network.tone`)
    detail: bool = False  # the network sees the local contrast of pixels besides, enlarged (see `network.detail`)
    completion: bool = False  # finish corrections in use: smooth, and whole marks (see `bpfre.network.completion`)
    apart: bool = False  # the stages have jobs of their own: the coarse one is not told which marks stay (`losses`)
    flip: bool = True  # mirror half of the windows
    colour: bool = True  # vary exposure, white balance, saturation, blur and grain, raw and target alike
    retoned: float = 0.0  # share of windows shown as dark or as light as if their skin were another person's
    density: float = 20.0  # blemishes on 100 000 px of skin
    contrast: tuple[float, float] = (0.45, 1.4)  # factor on the strength of drawn blemishes
    dense_factor: float = 3.0  # factor on the density at the start, falling to 1 over half the run
    kinds: tuple[str, ...] = ()  # names of `bpfre.blemishes.MARK_KINDS` to draw from; all if empty
    keep_density: float = 10.0  # moles and freckles on 100 000 px of skin
    kept_late: float = 0.0  # share of the steps over which marks to keep begin to count: what a mark is comes first
    stamped: float = 0.5  # share of both that are real ones lifted off labelled faces, where there are any

    blem_coarse: float = 1.0  # weights of the losses, by their names
    blem_refine: float = 0.5
    cons_coarse: float = 10.0
    cons_refine: float = 10.0
    adv_disc: float = 1.0
    adv_synt: float = 0.0
    adv_start: float = 0.5  # share of the steps before the adversarial terms begin
    adversarial: str = "saturating"  # form of adv_synt: the paper's, or the one whose gradient does not vanish
    phi: str = "auto"  # network of the perceptual term
    phi_weight: float = 0.1  # of the perceptual distance relative to the L1 distance inside cons_*
    balance: bool = True  # average errors over edited and unedited areas apart
    kept: float = 1.0  # weight of the mean error on marks known to stay against that on edits, with balance
    unedited: float = 2.0  # weight of the mean error off edits against the mean error on edits, with balance
    gradient: float = 0.5  # weight of the error of gradients on edits, with balance
    map_loss: str = "cross_entropy"  # distance of a map to the edit's size
    delta: str = "fixed"  # how an edit's size becomes 0..1: by map_scale, or by its largest value in each image
    map_scale: float = 0.04  # mean absolute edit at which a map's target reaches 1 [0..1 grey scale]

    spike: float = 20.0  # a loss this many times the median of the last 50 restores the last good state
    checkpoint_every: int = 100  # steps
    sample_every: int = 250  # steps
    validate_every: int = 500  # steps
    validation_faces: int = 64  # at most

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise UsageError(f"{name} cannot be {getattr(self, name)!r}.", f"Choose one of: {', '.join(choices)}.")
        intervals = ("checkpoint_every", "sample_every", "validate_every", "validation_faces")
        for name in ("size", "steps", "batch_size", "accumulate", "window", *intervals):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be 1 or more, not {getattr(self, name)}.")
        if any(steps < 1 for steps in self.restarts):
            raise UsageError(f"Each of restarts must be 1 or more, not {min(self.restarts)}.")
        if self.restart_lr <= 0:
            raise UsageError(f"restart_lr must be above 0, not {self.restart_lr}.")
        shares = ("whole", "paired_fraction", "validation", "paired_share", "clean_share", "unpaired_share")
        for name in (*shares, "labelled_share", "edit_centred", "retoned", "adv_start", "stamped", "kept_late"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} must lie between 0 and 1, not at {getattr(self, name)}.")
        if unknown := [kind for kind in self.kinds if kind not in MARK_KINDS]:
            raise UsageError(f"There is no kind of mark {unknown[0]!r}.", f"Choose from: {', '.join(MARK_KINDS)}.")
        for name in ("zoom", "contrast"):
            if not 0 < getattr(self, name)[0] <= getattr(self, name)[1]:
                raise UsageError(f"{name} must be two numbers above 0, the smaller one first.")
        if self.window > self.size:
            raise UsageError(
                f"A window of {self.window} px does not fit into a crop of {self.size} px.", "Lower --window."
            )

    @property
    def all_steps(self) -> int:
        """Optimiser steps of the whole run."""
        return self.steps + sum(self.restarts)

    @property
    def edited_from(self) -> float:
        """Mean absolute difference of raw and target from which a pixel counts as edited [0..1 grey scale]."""
        return _EDITED * self.map_scale

    @property
    def working_sizes(self) -> tuple[float, float]:
        """Sizes of the whole crop that windows are cut from, relative to `size`: those the network learns."""
        if self.window == self.size:
            return 1.0, 1.0
        return min(1.0, self.zoom[0]), max(1.0, self.zoom[1])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for files and logs."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainConfig:
        """Read what `to_dict` gave; settings that are not there take their defaults.

        Raises:
            UsageError: unknown names, or values out of range.
        """
        return _filled(cls, values, "training")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What a run learns from. Paths are absolute in a run folder."""

    paired: tuple[str, ...] = ()  # a folder or a table that holds both sides, or two folders: raw, retouched
    unpaired: tuple[str, ...] = ()  # folders of faces without their other side
    labels: str | None = None  # JSON file of marks on photos of `unpaired` that were labelled by eye
    hold_out: str | None = None  # text file of glob patterns: photos that training must not see
    init: str | None = None  # weights to start from: a shipped name or a file; random by default
    detector: str = "auto"  # finds the faces of photos that are not aligned yet


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """A whole run: `config.yaml` of its folder."""

    data: DataConfig
    train: TrainConfig

    def to_yaml(self) -> str:
        """Serialise for the run folder."""
        data = {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(self.data).items()}
        return yaml.safe_dump({"data": data, "train": self.train.to_dict()}, sort_keys=False)

    @classmethod
    def from_yaml(cls, text: str) -> RunConfig:
        """Read what `to_yaml` wrote, or a part of it.

        Raises:
            UsageError: not such a file, unknown names, or values out of range.
        """
        try:
            values = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UsageError("The configuration is not sound YAML.", "Start from a run's config.yaml.") from error
        if not isinstance(values, dict) or not set(values) <= {"data", "train"}:
            raise UsageError(
                "The configuration must have the sections data and train.", "Start from a run's config.yaml."
            )
        data, train = (values.get(name) or {} for name in ("data", "train"))
        if not isinstance(data, dict) or not isinstance(train, dict):
            raise UsageError("A section of the configuration is no mapping.", "Start from a run's config.yaml.")
        return cls(data=_filled(DataConfig, data, "data"), train=TrainConfig.from_dict(train))


T = TypeVar("T", DataConfig, TrainConfig)


def _filled(kind: type[T], values: dict[str, Any], title: str) -> T:
    """Build a dataclass from plain values; what is not there takes its default."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(set(map(str, values)) - set(fields))
    if unknown:
        raise UsageError(f"Unknown {title} settings: {', '.join(unknown)}.", "Check the names in the file.")
    for name, value in values.items():
        if not _fits(value, str(fields[name].type)):
            raise UsageError(f"{name} cannot be {value!r}.", f"It takes {fields[name].type}.")
    plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return kind(**plain)


def _fits(value: object, kind: str) -> bool:
    """Whether a plain value of a file may stand for a field of this type."""
    if kind.startswith("tuple"):
        item, *rest = kind.removeprefix("tuple[").removesuffix("]").split(", ")
        return (
            isinstance(value, list | tuple)
            and (rest == ["..."] or len(value) == 1 + len(rest))
            and all(_fits(v, item) for v in value)
        )
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return {
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": number and math.isfinite(value),  # type: ignore[arg-type]
        "bool": isinstance(value, bool),
        "str": isinstance(value, str),
        "str | None": value is None or isinstance(value, str),
    }[kind]
