"""Which faces there are to learn from, and how they are laid out on disk: names alone, no photo is opened."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bpfre.blemishes import Labels
from bpfre.errors import DataError
from bpfre.training.config import TrainConfig
from bpfre.training.data.faces import Kind
from bpfre.training.data.places import Place, folder_of_pairs, holds_pairs, photos_of, table_of_pairs, two_folders
from bpfre.training.data.samples import Sample, Split
from bpfre.training.data.splits import assign_splits, close_open_splits, keep_fraction, split_officially

_SPLITS: dict[Split, str] = {"train": "training", "validation": "validation", "test": "test, not used"}
_TITLES: dict[Kind, str] = {"pair": "pairs", "raw": "raw", "retouched": "retouched"}


@dataclass(frozen=True)
class Discovery:
    """What was found."""

    samples: tuple[Sample, ...]  # every one with its split; those of the split test are never trained on
    layouts: tuple[str, ...]  # a sentence for each place that was looked at
    skipped: tuple[tuple[Path, str], ...]  # what is left out, with the reason

    def count(self, kind: Kind, split: Split) -> int:
        """Return how many faces of one kind are on one side of the split."""
        return sum(sample.kind == kind and sample.split == split for sample in self.samples)

    def describe(self) -> list[str]:
        """Return what was found as lines of text: the places, then the faces of each split by kind."""
        counts = Counter((sample.split, sample.kind) for sample in self.samples)
        lines = list(self.layouts)
        labelled = [sample.labels for sample in self.samples if sample.labels]
        if labelled:
            marks = sum(len(photo.marks) for photo in labelled)
            lines.append(f"{len(labelled)} of the photos have labels, {marks} marks in all")
        for split, title in _SPLITS.items():
            kinds = [f"{counts[split, kind]} {name}" for kind, name in _TITLES.items() if counts[split, kind]]
            if kinds or split != "test":
                lines.append(f"{title}: {', '.join(kinds) or 'none'}")
        return lines


def discover(
    paired: Sequence[Path],
    unpaired: Sequence[Path],
    config: TrainConfig,
    *,
    exclude: Sequence[str] = (),
    labels: Labels | None = None,
) -> Discovery:
    """Find pairs and single photos, and split them by people.

    Pairs are looked for in
    - a folder that holds both sides, FFHQ with FFHQR among them: the raw side called raw, source, input, ffhq or
      images1024x1024, the retouched one retouched, target, gt or ffhqr, in any case; each flat or in sub-folders, not
      necessarily the same. Photos are matched by file name without suffix; names that repeat, by their path too;
    - a CSV or JSONL file with raw, retouched and, if wanted, split; paths are relative to the file;
    - two other folders: raw, retouched.

    Single photos are raw where their folder does not tell sides apart in the same way, or is itself called by a name
    of the retouched side.

    FFHQ's names in more than one part of FFHQR's official split are split officially, a table as it says, everything
    else by seed and `config.validation`; see `assign_splits`.

    Args:
        paired: where pairs are.
        unpaired: folders of photos.
        config: seed, shares.
        exclude: glob patterns of photos to leave out, by path below the folder or below its raw or retouched side;
            a pair is left out where one of its photos is.
        labels: of marks on raw photos, known by their paths below the folder.

    Raises:
        DataError: a place does not exist or holds nothing usable, with the layouts that were looked for; or there
            are labels, and none is of a photo that was found.
    """
    if not paired and not unpaired:
        raise DataError("There is nothing to train on.", "Give --paired DIR, --unpaired DIR, or both.")
    places = [*paired_places(paired, exclude), *(photos_of(root, exclude) for root in unpaired)]
    samples: list[Sample] = []
    for place in places:
        own = place.samples if place.has_splits else split_officially(place.samples)
        samples += close_open_splits(own)
    samples = keep_fraction(assign_splits(_once(samples), config), config)
    if labels:
        samples = _labelled(samples, labels)
    if not any(sample.split == "train" for sample in samples):
        raise DataError(
            f"There is nothing to train on: {', '.join(str(place.root) for place in places)} holds only faces of"
            " the validation and test splits.",
            "Add faces of the training split (FFHQ's folders 00000 to 55000).",
        )
    return Discovery(
        samples=tuple(samples),
        layouts=tuple(f"{place.root}: {place.layout}" for place in places),
        skipped=tuple(skip for place in places for skip in place.skipped),
    )


def paired_places(paired: Sequence[Path], exclude: Sequence[str]) -> list[Place]:
    """Read what stands after --paired.

    Tables and folders with both sides stand for themselves; two others are the raw and the retouched side.

    Args:
        paired: where pairs are, as in `discover`.
        exclude: glob patterns of photos to leave out.

    Raises:
        DataError: a place does not exist or holds no pair.
    """
    places, others = [], []
    for path in paired:
        if not path.exists():
            raise DataError(f"{path} does not exist.", "Check the path.")
        if path.is_file():
            places.append(table_of_pairs(path, exclude))
        elif len(paired) == 1 or holds_pairs(path):
            places.append(folder_of_pairs(path, exclude))
        else:
            others.append(path)
    if len(others) == 2:
        places.append(two_folders(others[0], others[1], exclude))
    elif others:
        raise DataError(
            f"{', '.join(map(str, others))}: none of these folders holds both sides of pairs.",
            "Give one folder that does, or exactly two: --paired RAW RETOUCHED.",
        )
    return places


def _labelled(samples: Sequence[Sample], labels: Labels) -> list[Sample]:
    by_name = {photo.photo: photo for photo in labels.photos}
    found = [
        dataclasses.replace(sample, labels=by_name.get(sample.name)) if sample.kind == "raw" else sample
        for sample in samples
    ]
    if not any(sample.labels for sample in found):
        raise DataError(
            "None of the labelled photos is among the training faces.",
            "The labels name photos by their path below the folder of --unpaired.",
        )
    return found


def _once(samples: Iterable[Sample]) -> list[Sample]:
    """Drop what is named twice."""
    return list({(sample.kind, str(sample.raw), str(sample.retouched)): sample for sample in samples}.values())
