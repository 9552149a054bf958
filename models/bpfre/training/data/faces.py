"""What training learns from: aligned faces, and handles that load them when they are needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from bpfre.blemishes import Stamp

Kind = Literal["pair", "raw", "retouched"]


def crop_side(size: int) -> int:
    """Return the side S [px] of stored crops for a working crop of `size` px.

    A little finer than the working crop, so that windows can be drawn at several scales. Lengths in px of a 512 face
    crop are multiplied by S / 512 for a stored crop.
    """
    return round(1.25 * size)


@dataclass(frozen=True, eq=False)
class TrainingFace:
    """One aligned face; S is `crop_side(config.size)`."""

    raw: np.ndarray  # [S, S, 3] uint8 sRGB
    target: np.ndarray  # [S, S, 3] uint8: retoucher's side of a pair; healed crop of a raw face; else the same as raw
    skin: np.ndarray  # [S, S] bool: where marks may be drawn
    kind: Kind
    sharp: bool  # large enough in its photo to show skin in detail
    notes: np.ndarray | None = None  # [S, S] uint8: PLAIN, KEPT or UNKNOWN; None is PLAIN everywhere
    stamps: tuple[Stamp, ...] = ()  # labelled marks, lifted off


class FaceSource(Protocol):
    """A handle of one face. It holds no pixels: those of 56 000 pairs would not fit into memory."""

    @property
    def name(self) -> str:
        """Path below its data folder, posix."""

    @property
    def kind(self) -> Kind:
        """What is known of the face: both sides, the raw or the retouched one."""

    @property
    def sharp(self) -> bool:
        """Whether the face is large enough in its photo to show skin in detail."""

    @property
    def labelled(self) -> bool:
        """Whether its marks were labelled by eye."""

    def load(self) -> TrainingFace:
        """Read the face, the same at every call.

        Raises:
            BpfreError: its files cannot be read any more.
        """


@dataclass(frozen=True, eq=False)
class LoadedFace:
    """A face that is in memory already."""

    face: TrainingFace
    name: str

    @property
    def kind(self) -> Kind:
        """That of the face."""
        return self.face.kind

    @property
    def sharp(self) -> bool:
        """That of the face."""
        return self.face.sharp

    @property
    def labelled(self) -> bool:
        """Whether it has marks lifted off."""
        return bool(self.face.stamps)

    def load(self) -> TrainingFace:
        """Return the face."""
        return self.face
