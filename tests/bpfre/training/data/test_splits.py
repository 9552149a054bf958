from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import pytest

from bpfre.training.config import TrainConfig
from bpfre.training.data.faces import Kind
from bpfre.training.data.samples import Sample, Split
from bpfre.training.data.splits import (
    assign_splits,
    close_open_splits,
    keep_fraction,
    official_split,
    share_of,
    split_officially,
)

CONFIG = TrainConfig(validation=0.2)


def sample(name: str, kind: Kind = "pair", split: Split | None = None) -> Sample:
    path = Path("data") / name
    return Sample(
        name, kind, None if kind == "retouched" else path, None if kind == "raw" else path, Path("data"), split
    )


def names(samples: Iterable[Sample], split: Split | None) -> set[str]:
    return {s.name for s in samples if s.split == split}


@pytest.mark.parametrize(
    ("number", "split"),
    [
        (0, "train"),
        (55_999, "train"),
        (56_000, "validation"),
        (62_999, "validation"),
        (63_000, "test"),
        (69_999, "test"),
    ],
)
def test_the_official_split_goes_by_folders(number: int, split: str) -> None:
    assert official_split(number) == split


def test_shares_are_spread_evenly_and_follow_from_seed_and_words() -> None:
    shares = [share_of(0, "split", str(i)) for i in range(2000)]
    assert all(0 <= share < 1 for share in shares) and len(set(shares)) == 2000
    assert all(170 < sum(low <= share < low + 0.1 for share in shares) < 230 for low in (0, 0.3, 0.9))
    assert share_of(0, "a") == share_of(0, "a") != share_of(1, "a")
    assert share_of(0, "a", "b") != share_of(0, "ab")


def test_ffhqs_split_is_taken_where_more_than_one_part_is_there() -> None:
    found = split_officially([sample(f"{n:05d}.png") for n in (5, 56_001, 63_000)] + [sample("00000/00001.png")] * 20)
    assert [s.split for s in found][:3] == ["train", "validation", "test"]
    assert {s.split for s in found[3:]} == {"train"}


def test_one_part_alone_is_left_open() -> None:
    assert {s.split for s in split_officially([sample(f"00000/{n:05d}.png") for n in range(50)])} == {None}


def test_names_that_are_not_ffhqs_are_left_open_but_stray_files_do_not_matter() -> None:
    some = [sample(f"{n:05d}.png") for n in (1, 60_000)]
    assert {s.split for s in split_officially([*some, sample("a.png")])} == {None}
    found = split_officially([sample(f"{n:05d}.png") for n in range(0, 70_000, 1000)] + [sample("a.png")])
    assert found[-1].split is None and len(names(found, "test")) == 7


def test_training_part_without_official_validation_is_left_open_and_tests_stay_tests() -> None:
    found = split_officially([sample(f"{n:05d}.png") for n in (1, 2, 63_000)])
    assert [s.split for s in found] == [None, None, "test"]


def test_what_a_set_with_its_own_validation_does_not_say_is_training() -> None:
    given = [sample("a", split="validation"), sample("b"), sample("c", split="test")]
    assert [s.split for s in close_open_splits(given)] == ["validation", "train", "test"]
    assert [s.split for s in close_open_splits(given[1:])] == [None, "test"]


def test_seeded_splits_keep_the_share_and_do_not_reshuffle() -> None:
    before = assign_splits([sample(f"{i}.png") for i in range(400)], CONFIG)
    assert 55 < len(names(before, "validation")) < 105
    after = assign_splits([sample(f"{i}.png") for i in range(500)], CONFIG)
    assert names(before, "validation") <= names(after, "validation")
    assert names(before, "train") <= names(after, "train")
    other = assign_splits([sample(f"{i}.png") for i in range(400)], dataclasses.replace(CONFIG, seed=1))
    assert names(other, "validation") != names(before, "validation")


def test_photos_of_one_person_stay_together() -> None:
    found = assign_splits([sample(f"{i:03d}_{j:02d}.jpg", "raw") for i in range(60) for j in (3, 8)], CONFIG)
    sides = {split: {name[:3] for name in names(found, split)} for split in ("train", "validation")}
    assert sides["train"] and sides["validation"] and not sides["train"] & sides["validation"]


def test_unpaired_photos_follow_their_pair() -> None:
    pairs = [sample(f"{n:05d}.png", split=official_split(n)) for n in (1, 56_000, 63_000)]
    raws = [sample(f"raw/00000/{n:05d}.png" if n < 1000 else f"{n:05d}.png", "raw") for n in (1, 56_000, 63_000)]
    found = assign_splits([*pairs, *raws], dataclasses.replace(CONFIG, validation=0.0))
    assert [s.split for s in found] == ["train", "validation", "test"] * 2
    seeded = assign_splits([sample(f"{i}.png", kind) for kind in ("pair", "raw") for i in range(50)], CONFIG)
    assert [s.split for s in seeded[:50]] == [s.split for s in seeded[50:]]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("validation", [0.01, 0.99])
def test_of_few_pairs_each_side_gets_one(count: int, validation: float, seed: int) -> None:
    """However many unpaired photos there are."""
    samples = [sample(f"{i}.png") for i in range(count)] + [sample(f"u{i}.png", "raw") for i in range(50)]
    found = assign_splits(samples, TrainConfig(validation=validation, seed=seed))[:count]
    assert {s.split for s in found} == {"train", "validation"}


def test_one_pair_is_for_training_and_no_share_is_no_validation() -> None:
    assert assign_splits([sample("a.png")], TrainConfig(validation=1.0))[0].split == "train"
    found = assign_splits([sample(f"{i}.png") for i in range(300)], TrainConfig(validation=0.0))
    assert names(found, "validation") == set()


def test_nothing_is_moved_where_the_data_validate_themselves() -> None:
    samples = [sample("a.png", split="validation"), sample("b.png", split="train"), sample("c.png")]
    found = assign_splits(samples, TrainConfig(validation=0.001))
    assert [s.split for s in found] == ["validation", "train", "train"]


def test_small_shares_of_pairs_are_inside_large_ones() -> None:
    samples = [dataclasses.replace(sample(f"{i}.png"), split="train") for i in range(1000)]
    kept = [{s.name for s in keep_fraction(samples, TrainConfig(paired_fraction=f))} for f in (0.01, 0.1, 0.2, 1.0)]
    assert [len(k) for k in kept] == [10, 100, 200, 1000]
    assert kept[0] < kept[1] < kept[2] < kept[3]
    other = {s.name for s in keep_fraction(samples, TrainConfig(paired_fraction=0.01, seed=1))}
    assert other != kept[0]


def test_a_share_leaves_one_pair_at_least_and_all_that_is_no_training_pair() -> None:
    samples = [sample("a.png", split="train"), sample("b.png", split="train"), sample("v.png", split="validation")]
    samples += [sample("u.png", "raw", "train"), sample("t.png", split="test")]
    for fraction in (0.0, 0.001):
        kept = keep_fraction(samples, TrainConfig(paired_fraction=fraction))
        assert [s.name for s in kept][1:] == ["v.png", "u.png", "t.png"] and kept[0].name in ("a.png", "b.png")
