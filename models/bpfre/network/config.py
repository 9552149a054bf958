"""The hyper-parameters of one network: everything needed to build it again from a checkpoint's header."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Literal

MAX_SIZE = 2048  # px of a working crop; a batch of larger ones needs tens of GiB


@dataclass(frozen=True, kw_only=True)
class BPFReConfig:
    """Shape of a BPFRe network. Scale 0 is the finest; `unshuffle` sets its distance from the input."""

    preset: str  # name under which the values were chosen
    size: int  # side of the square working crop the network is made for [px]
    unshuffle: int  # pixel-unshuffle factor of the stem; 1 keeps full resolution
    channels: tuple[int, ...]  # encoder and decoder channels, finest scale first
    blocks: tuple[int, ...]  # residual blocks of the encoder at each scale
    generator_channels: tuple[int, ...]  # channels of the generator at each scale, finest first
    attention_channels: int  # width of the attention's top-down context
    style_dim: int  # length of the style vector [StyleGAN2's w]
    side_gain: float  # start of the gain on the side feature; 0 as in the group's later code
    output: Literal["image", "correction"]  # render the face, or a correction gated by the blemish map
    position: bool  # give the network each pixel's place in the aligned crop
    map_prior: float  # blemish probability the maps start from, in (0, 1)
    discriminator_channels: tuple[int, ...]  # channels of the pixel discriminator, finest first
    zoom: tuple[float, float] = (1.0, 1.0)  # working sizes it was trained for, relative to `size`
    relative: bool = False  # see and correct pixels by the logarithm of their light: see `tone`
    detail: bool = False  # see the local contrast of pixels besides, enlarged: see `detail`
    completion: bool = False  # in evaluation mode, corrections are made smooth and whole: see `completion`
    apart: bool = False  # the second stage takes back where the first was wrong: see `BPFRe`

    def __post_init__(self) -> None:
        if not len(self.channels) == len(self.blocks) == len(self.generator_channels):
            raise ValueError("channels, blocks and generator_channels must have one entry a scale.")
        if not 0 < self.zoom[0] <= 1 <= self.zoom[1]:
            raise ValueError(f"zoom must reach from at most to at least 1, not {self.zoom}.")
        if self.unshuffle < 1:
            raise ValueError(f"unshuffle must be 1 or more, not {self.unshuffle}.")
        if not 0 < self.map_prior < 1:
            raise ValueError(f"map_prior must lie inside (0, 1), not at {self.map_prior}.")
        if self.output not in ("image", "correction"):
            raise ValueError(f"output must be image or correction, not {self.output!r}.")
        if self.size % self.stride:
            raise ValueError(f"size {self.size} is not a multiple of the stride {self.stride}.")

    @property
    def stride(self) -> int:
        """Sides of the input are padded to multiples of this [px]."""
        return self.unshuffle * 2 ** (len(self.channels) - 1)

    def to_json(self) -> str:
        """Serialise for a checkpoint's header."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> BPFReConfig:
        """Read what `to_json` wrote.

        Raises:
            ValueError: not JSON, unknown or missing fields, or fields that contradict each other.
        """
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("a network configuration must be a JSON object.")
        names = {field.name for field in dataclasses.fields(cls)}
        needed = {field.name for field in dataclasses.fields(cls) if field.default is dataclasses.MISSING}
        if odd := (set(values) - names) | (needed - set(values)):
            raise ValueError(f"unexpected or missing fields: {sorted(odd)}.")
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**fields)
