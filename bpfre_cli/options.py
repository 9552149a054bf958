"""Arguments and options that commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from bpfre.errors import UsageError


class DetectorName(str, Enum):
    """Face detectors; `auto` is retinaface where its weights are there, else mtcnn."""

    AUTO = "auto"
    RETINAFACE = "retinaface"
    MTCNN = "mtcnn"


Photos = Annotated[list[Path], typer.Argument(metavar="PHOTOS...", help="Photos, or folders of photos.")]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results; sub-folders and names are kept.")]
Weights = Annotated[str, typer.Option(metavar="NAME|FILE", help="Shipped weights, or a .safetensors file.")]
Detector = Annotated[DetectorName, typer.Option(help="Face detector; auto: retinaface if its weights are there.")]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cuda, mps or cpu.")]
BatchSize = Annotated[int, typer.Option(min=1, metavar="N", help="Faces the network sees at once.")]
MinFace = Annotated[float, typer.Option(min=1, metavar="PX", help="Smallest face to retouch, longer side in px.")]


class FacesChoice(str, Enum):
    """Which faces of a photo are retouched."""

    ALL = "all"
    LARGEST = "largest"
    CENTER = "center"


class MarksChoice(str, Enum):
    """What becomes of marks that belong to the person."""

    KEEP = "keep"
    REMOVE = "remove"


Marks = Annotated[MarksChoice, typer.Option(help="Moles, freckles and scars: keep them, or remove them too.")]


class RawAs(str, Enum):
    """What camera RAW files become."""

    TIFF = "tiff"
    JPEG = "jpeg"


Faces = Annotated[FacesChoice, typer.Option(help="Which faces: all, the largest, or the nearest to the middle.")]
MaxFaces = Annotated[int | None, typer.Option(min=1, metavar="N", help="At most so many faces a photo, the largest.")]
MinScore = Annotated[float, typer.Option(min=0, max=1, metavar="0..1", help="Least confidence of the detector.")]
Protect = Annotated[Path | None, typer.Option(metavar="DIR", help="Masks named as photos: white stays as it is.")]
Only = Annotated[Path | None, typer.Option(metavar="DIR", help="Masks named as photos: only white may change.")]
CoarseOnly = Annotated[bool, typer.Option("--coarse-only", help="Stop after the first stage: moles go, too.")]
Layers = Annotated[bool, typer.Option("--layers", help="Write photo, correction and mask as layers (PSD) beside it.")]
Raw = Annotated[RawAs, typer.Option("--raw-as", help="What camera RAW becomes: 16-bit TIFF or JPEG.")]
MaxMegapixels = Annotated[float, typer.Option(min=1, metavar="MP", help="Refuse larger photos before decoding.")]
Strength = Annotated[float, typer.Option(min=0, max=1, metavar="0..1", help="How much of the correction to apply.")]
Effects = Annotated[
    str,
    typer.Option(  # spaces in the help, so that it wraps in a narrow terminal
        metavar="LIST", show_default="all", help="What to correct: some of spots, redness, under-eye, shine; by commas."
    ),
]
Recursive = Annotated[bool, typer.Option("--recursive/--no-recursive", help="Look into sub-folders.")]
Overwrite = Annotated[bool, typer.Option("--overwrite/--skip-existing", help="Redo or keep results already there.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="List what would be done; write nothing.")]
Report = Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write every photo and face to this file.")]
Review = Annotated[bool, typer.Option("--review", help="Write DIR/review.html: before and after of every photo.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show failures only.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


def join_sides(paired: list[Path] | None, retouched: list[Path] | None) -> tuple[str, ...] | None:
    """Join the two folders of `--paired RAW RETOUCHED`: the second one comes as an argument.

    Raises:
        UsageError: they cannot be told apart.
    """
    sides = [*(paired or []), *(retouched or [])]
    if len(sides) > 2 or (retouched and len(paired or []) != 1):
        raise UsageError(
            "The pairs cannot be told from the arguments.", "Write --paired DIR, or --paired RAW RETOUCHED."
        )
    return tuple(map(str, sides)) or None
