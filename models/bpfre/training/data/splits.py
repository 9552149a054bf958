"""Who is trained on, who validates, who is left for tests: decided by names alone, so that it never changes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence

from bpfre.training.config import TrainConfig
from bpfre.training.data.samples import Sample, Split, ffhq_names, ffhq_number, identity, in_ffhq_folder, thousand

_LAST_TRAIN, _LAST_VALIDATION = 55_000, 62_000  # folders of FFHQR's official split
_STRENGTH: dict[Split, int] = {"train": 0, "validation": 1, "test": 2}


def share_of(seed: int, *words: str) -> float:
    """Return a number in [0, 1) that follows from the seed and the words, spread evenly over words."""
    digest = hashlib.sha256("\0".join((str(seed), *words)).encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def official_split(number: int) -> Split:
    """Return FFHQR's split of a face of FFHQ: folders 00000-55000 train, 56000-62000 validate, 63000-69000 test."""
    folder = thousand(number)
    return "train" if folder <= _LAST_TRAIN else "validation" if folder <= _LAST_VALIDATION else "test"


def split_officially(samples: Sequence[Sample]) -> list[Sample]:
    """Apply FFHQR's own split where names are FFHQ's and reach over more than one part of it.

    One part alone is left open, as any other folder is; but FFHQ's folders of test faces stay what they are. Without
    faces of the official validation part, the training part is left open for a seeded split. Stray files among FFHQ's
    do not turn the split off.
    """
    numbers = [ffhq_number(sample.name) for sample in samples]
    if sum(number is not None for number in numbers) <= 0.9 * len(samples):
        return list(samples)
    splits = [None if number is None else official_split(number) for number in numbers]
    parts = set(splits) - {None}
    if len(parts) < 2 and not (parts == {"test"} and all(any(map(in_ffhq_folder, ffhq_names(s))) for s in samples)):
        return list(samples)
    if "validation" not in parts:
        splits = [None if split == "train" else split for split in splits]
    return [_with_split(sample, split) for sample, split in zip(samples, splits, strict=True)]


def close_open_splits(samples: Sequence[Sample]) -> list[Sample]:
    """Put what a data set with validation faces of its own says nothing about on the training side."""
    if not any(sample.split == "validation" for sample in samples):
        return list(samples)
    return [_with_split(sample, sample.split or "train") for sample in samples]


def assign_splits(samples: Sequence[Sample], config: TrainConfig) -> list[Sample]:
    """Decide every open split.

    A face that another data set decides for (the raw photo of a validation pair among the unpaired ones) follows it.
    Every other identity is on the validation side where a hash of seed and identity falls below `config.validation`:
    photos that are added later change nothing for those that were there. Where pairs (or, without pairs, faces) are so
    few that one side would stay empty, it gets the identity that is nearest to it.
    """
    decided: dict[str, Split] = {}
    for sample in samples:
        if sample.split:
            known = decided.get(identity(sample.name), sample.split)
            decided[identity(sample.name)] = max(known, sample.split, key=_STRENGTH.__getitem__)
    followed = [_with_split(s, s.split or decided.get(identity(s.name))) for s in samples]
    chosen = _seeded_validation(followed, config)
    return [_with_split(s, s.split or ("validation" if identity(s.name) in chosen else "train")) for s in followed]


def _with_split(sample: Sample, split: Split | None) -> Sample:
    return sample if split == sample.split else dataclasses.replace(sample, split=split)


def _seeded_validation(samples: Sequence[Sample], config: TrainConfig) -> set[str]:
    """Identities among those of open samples that go to the validation side."""
    shares = {(who := identity(s.name)): share_of(config.seed, "split", who) for s in samples if not s.split}
    chosen = {who for who, share in shares.items() if share < config.validation}
    pairs = any(s.kind == "pair" for s in samples)
    core = [s for s in samples if s.kind == "pair" or not pairs]
    there = {s.split for s in core}
    people = {identity(s.name) for s in core if not s.split}
    enough = len(people) > 1 or (people and "train" in there)
    if config.validation and enough and "validation" not in there and not people & chosen:
        chosen.add(min(people, key=shares.__getitem__))
    if people and people <= chosen and "train" not in there:
        chosen.discard(max(people, key=shares.__getitem__))
    return chosen


def keep_fraction(samples: Sequence[Sample], config: TrainConfig) -> list[Sample]:
    """Keep `config.paired_fraction` of the training pairs, one at least, and everything else.

    Pairs are ranked by a hash of seed and name: those of a small share are among those of a larger one.
    """
    ranked = sorted(
        (sample for sample in samples if sample.kind == "pair" and sample.split == "train"),
        key=lambda sample: (share_of(config.seed, "fraction", sample.name), sample.name),
    )
    dropped = set(ranked[max(1, round(config.paired_fraction * len(ranked))) :])
    return [sample for sample in samples if sample not in dropped]
