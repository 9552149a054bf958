"""What a run is decided by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from bpfre.errors import UsageError
from bpfre.photos.layers import check_layers
from bpfre.photos.limits import MAX_MEGAPIXELS
from bpfre.retouching.effects import EFFECTS, Marks

Existing = Literal["resume", "overwrite", "error"]
Developed = Literal["tiff", "jpeg"]
Faces = Literal["all", "largest", "center"]


@dataclass(frozen=True, kw_only=True)
class RetouchSettings:
    """Settings of one run.

    Raises:
        UsageError: a value outside of its range.
    """

    strength: float = 1.0  # factor on every correction, 0..1; 0 changes nothing
    marks: Marks = "keep"  # moles, freckles and scars: leave them, or take them away too
    effects: tuple[str, ...] = EFFECTS  # what of a correction is applied
    detector: str = "auto"  # name for `open_detector`
    device: str = "auto"  # name for `pick_device`; a network that has tensors decides by where they are
    batch_size: int = 4  # faces the network sees at once, from as many photos as it takes
    min_face: float = 40  # longer side in photo px of the smallest face that is retouched
    faces: Faces = "all"  # which faces of a photo: all, the largest, or the one nearest to the middle
    max_faces: int | None = None  # of the chosen faces at most so many, the largest
    min_score: float = 0.0  # least confidence of the detector, 0..1
    protect: Path | None = None  # folder of masks, white where nothing may change
    only: Path | None = None  # folder of masks, white where something may change; photos without one stay as they are
    coarse_only: bool = False  # the network is its first stage alone
    weights: str = "starter"  # name or path for `load_network`
    max_megapixels: float = MAX_MEGAPIXELS  # larger photos are refused before they are decoded
    layers: bool = False  # write a layered file beside every retouched photo
    existing: Existing = "resume"  # a destination that is there: leave it, replace it, or report an error
    open_megapixels: float = 100  # of 8-bit RGB in memory at once, all photos together; a larger photo is alone there

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise UsageError(f"The strength has to be from 0 to 1, not {self.strength}.")
        if self.marks not in get_args(Marks):
            raise UsageError(f"There is no way {self.marks!r} with permanent marks.", "Choose keep or remove.")
        if wrong := [effect for effect in self.effects if effect not in EFFECTS]:
            raise UsageError(f"There is no effect {wrong[0]!r}.", f"Choose some of {', '.join(EFFECTS)}.")
        if not self.effects:
            raise UsageError("No effect is chosen.", f"Choose some of {', '.join(EFFECTS)}.")
        if self.batch_size < 1:
            raise UsageError(f"The batch size has to be 1 or more, not {self.batch_size}.")
        if not (self.min_face > 0 and math.isfinite(self.min_face)):
            raise UsageError(f"The smallest face has to be larger than 0 px, not {self.min_face}.")
        if self.faces not in get_args(Faces):
            raise UsageError(f"There is no choice of faces {self.faces!r}.", "Choose all, largest or center.")
        if self.max_faces is not None and self.max_faces < 1:
            raise UsageError(f"The number of faces has to be 1 or more, not {self.max_faces}.")
        if not 0 <= self.min_score <= 1:
            raise UsageError(f"The least score has to be from 0 to 1, not {self.min_score}.")
        for folder in (self.protect, self.only):
            if folder is not None and not folder.is_dir():
                raise UsageError(f"There is no folder of masks {folder}.", "Check the path.")
        if self.layers:
            check_layers()
        if not self.max_megapixels > 0:
            raise UsageError(f"The largest photo has to be of more than 0 megapixels, not {self.max_megapixels}.")
        if not self.open_megapixels > 0:
            raise UsageError(f"The megapixels in memory have to be more than 0, not {self.open_megapixels}.")
        if self.existing not in get_args(Existing):
            raise UsageError(
                f"There is no way {self.existing!r} with what exists.", "Choose resume, overwrite or error."
            )

    def deciding(self) -> dict[str, object]:
        """Return the settings that a result depends on; detector, weights and masks are known by more than a name."""
        names = ("strength", "marks", "effects", "min_face", "faces", "max_faces", "min_score", "coarse_only", "layers")
        return {name: getattr(self, name) for name in names}

    @property
    def open_photos(self) -> int:
        """How many photos may be in memory at once: enough to fill a batch with single portraits, twice."""
        return 2 * self.batch_size + 6
