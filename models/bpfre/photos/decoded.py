"""What every format module hands over: a file taken apart, pixels still as stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from bpfre.photos.metadata import Metadata


class Encoding(Protocol):
    """How a file was written, as far as it is needed to write it alike again."""

    def transposed(self) -> Encoding:
        """Return the settings for a picture whose width and height changed places."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """One file's content."""

    native: np.ndarray  # [H, W, C] uint8 or uint16, not turned
    mode: str  # "L" | "LA" | "RGB" | "RGBA" | "CMYK"
    metadata: Metadata
    encoding: Encoding


Encoded: TypeAlias = Sequence["bytes | memoryview"]  # a file's bytes in pieces, in order
