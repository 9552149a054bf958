from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from bpfre.blemishes import LabelledPhoto, Labels
from bpfre.errors import DataError
from bpfre.photos import find_photos
from bpfre.training.config import TrainConfig
from bpfre.training.data import Discovery, Sample, discover

CONFIG = TrainConfig(validation=0.0)
RAW = ("raw", "source", "input", "ffhq", "images1024x1024")
RETOUCHED = ("retouched", "target", "gt", "ffhqr")


def touch(root: Path, *names: str) -> Path:
    """Make empty files: layouts are told by names alone."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found(*paired: Path, unpaired: Sequence[Path] = (), exclude: Sequence[str] = (), **changes: float) -> Discovery:
    return discover(paired, unpaired, TrainConfig(**{"validation": 0.0} | changes), exclude=exclude)  # type: ignore[arg-type]


def pairs(discovery: Discovery, root: Path) -> set[tuple[str, str]]:
    def below(path: Path | None) -> str:
        assert path is not None and path.is_file()
        return path.relative_to(root).as_posix()

    return {(below(s.raw), below(s.retouched)) for s in discovery.samples if s.kind == "pair"}


def refused(*paired: Path, unpaired: Sequence[Path] = (), exclude: Sequence[str] = ()) -> DataError:
    with pytest.raises(DataError) as caught:
        discover(paired, unpaired, CONFIG, exclude=exclude)
    assert caught.value.message and caught.value.next_step
    return caught.value


# Folders that hold both sides


@pytest.mark.parametrize(("raw", "retouched"), list(itertools.product(RAW, RETOUCHED)))
def test_sides_are_known_by_their_names_in_any_case(tmp_path: Path, raw: str, retouched: str) -> None:
    for sides in ((raw, retouched), (raw.title(), retouched.upper())):
        root = touch(tmp_path / sides[0], f"{sides[0]}/a.png", f"{sides[1]}/a.jpg", "notes/b.png")
        assert pairs(found(root), root) == {(f"{sides[0]}/a.png", f"{sides[1]}/a.jpg")}


@pytest.mark.parametrize("raw_foldered", [False, True])
@pytest.mark.parametrize("retouched_foldered", [False, True])
def test_ffhq_is_matched_flat_foldered_and_mixed(tmp_path: Path, raw_foldered: bool, retouched_foldered: bool) -> None:
    numbers = (0, 999, 1000, 54_321)

    def name(number: int, foldered: bool) -> str:
        return f"{number // 1000 * 1000:05d}/{number:05d}.png" if foldered else f"{number:05d}.png"

    for number in numbers:
        touch(tmp_path, f"images1024x1024/{name(number, raw_foldered)}", f"ffhqr/{name(number, retouched_foldered)}")
    expected = {(f"images1024x1024/{name(n, raw_foldered)}", f"ffhqr/{name(n, retouched_foldered)}") for n in numbers}
    discovery = found(tmp_path)
    assert pairs(discovery, tmp_path) == expected and discovery.skipped == ()
    assert {s.name for s in discovery.samples} == {name(n, raw_foldered) for n in numbers}


def test_names_that_repeat_are_matched_with_their_folders(tmp_path: Path) -> None:
    touch(tmp_path, "raw/x/1.png", "raw/y/1.png", "raw/z/2.png", "gt/x/1.jpg", "gt/y/1.jpg", "gt/2.jpg", "gt/w/1.jpg")
    discovery = found(tmp_path)
    expected = {("raw/x/1.png", "gt/x/1.jpg"), ("raw/y/1.png", "gt/y/1.jpg"), ("raw/z/2.png", "gt/2.jpg")}
    assert pairs(discovery, tmp_path) == expected
    assert discovery.skipped == ((tmp_path / "gt/w/1.jpg", "no raw photo of that name"),)


def test_what_has_no_counterpart_is_told_and_so_is_a_second_photo_of_a_name(tmp_path: Path) -> None:
    touch(tmp_path, "raw/a.png", "raw/a.jpg", "raw/b.png", "gt/a.png", "gt/c.png", "raw/readme.txt")
    discovery = found(tmp_path)
    assert pairs(discovery, tmp_path) == {("raw/a.jpg", "gt/a.png")}
    reasons = {path.name: reason for path, reason in discovery.skipped}
    assert "retouched" in reasons["b.png"] and "raw" in reasons["c.png"] and "a.jpg" in reasons["a.png"]


def test_many_photos_without_counterpart_are_told_as_a_number(tmp_path: Path) -> None:
    touch(tmp_path, "gt/000.png", *(f"raw/{i:03d}.png" for i in range(40)))
    ((path, reason),) = found(tmp_path).skipped
    assert path == tmp_path and "39 photos" in reason and "001.png" in reason


def test_the_official_split_of_ffhq(tmp_path: Path) -> None:
    for number in (0, 55_999, 56_000, 62_000, 63_000, 69_999):
        touch(tmp_path, f"ffhq/{number:05d}.png", f"ffhqr/{number // 1000 * 1000:05d}/{number:05d}.png")
    discovery = found(tmp_path)
    splits = {s.name[:5]: s.split for s in discovery.samples}
    assert splits == {
        "00000": "train",
        "55999": "train",
        "56000": "validation",
        "62000": "validation",
        "63000": "test",
        "69999": "test",
    }
    assert [discovery.count("pair", split) for split in ("train", "validation", "test")] == [2, 2, 2]
    text = "\n".join(discovery.describe())
    assert str(tmp_path) in text and "training: 2 pairs" in text and "test, not used: 2 pairs" in text


def test_a_small_folder_like_ffhqs_is_split_by_the_seed(tmp_path: Path) -> None:
    for number in range(40):
        name = f"{number % 2:02d}000/{number % 2 * 1000 + number:05d}.png"
        touch(tmp_path, f"images1024x1024/{name}", f"ffhqr/{name}")
    discovery = found(tmp_path, validation=0.2)
    assert discovery.count("pair", "test") == 0
    assert 1 <= discovery.count("pair", "validation") <= 20
    assert discovery.count("pair", "train") == 40 - discovery.count("pair", "validation")


def test_tests_alone_are_not_trained_on(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{side}/69000/{n:05d}.png" for side in ("ffhq", "ffhqr") for n in range(69_000, 69_020)))
    error = refused(tmp_path)
    assert "test" in error.message and str(tmp_path) in error.message


def test_links_are_followed(tmp_path: Path) -> None:
    touch(tmp_path, "a/ffhq/1.png", "b/edits/1.png")
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "raw").symlink_to(tmp_path / "a" / "ffhq")
    (tmp_path / "both" / "gt").symlink_to(tmp_path / "b" / "edits")
    assert pairs(found(tmp_path / "both"), tmp_path) == {("both/raw/1.png", "both/gt/1.png")}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("raw/a.png",), ("raw/", "no retouched side")),
        (("FFHQR/a.png",), ("FFHQR/", "no raw side")),
        (("a.png",), ("does not hold pairs",)),
        (("raw/a.png", "target"), ("no retouched side",)),  # a file is no folder
        (("raw/a.png", "gt/b.png"), ("No pair", "1 raw and 1 retouched", "same name")),
        (("raw/a.txt", "gt/a.txt"), ("No pair", "0 raw and 0 retouched")),
    ],
)
def test_a_folder_without_pairs_is_refused_with_the_layouts(
    tmp_path: Path, names: tuple[str, ...], words: tuple[str, ...]
) -> None:
    error = refused(touch(tmp_path, *names))
    assert all(word in error.message for word in words), error.message
    for name in (*RAW, *RETOUCHED, "--paired RAW RETOUCHED", "CSV", "JSONL", "numbered folders"):
        assert name in error.next_step


def test_numbered_folders_alone_ask_for_the_other_side(tmp_path: Path) -> None:
    touch(tmp_path / "x" / "ffhqr", "00000/00000.png", "01000/01000.png", "LICENSE.txt")
    error = refused(tmp_path / "x" / "ffhqr")
    assert "numbered folders" in error.message and "--paired FFHQ FFHQR" in error.next_step
    touch(tmp_path / "x" / "images1024x1024", "00000.png")
    error = refused(tmp_path / "x" / "ffhqr")
    assert f"--paired {tmp_path / 'x'}" in error.next_step
    assert len(found(tmp_path / "x").samples) == 1


def test_a_place_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    for error in (refused(tmp_path / "no"), refused(unpaired=[tmp_path / "no"]), refused(tmp_path / "a.csv")):
        assert "does not exist" in error.message


def test_nothing_at_all_is_refused() -> None:
    assert "--unpaired" in refused().next_step


# Two folders


def test_two_folders_are_raw_and_retouched(tmp_path: Path) -> None:
    touch(tmp_path, "before/x/1.png", "before/2.jpg", "after/1.tif", "after/2.webp")
    discovery = found(tmp_path / "before", tmp_path / "after")
    assert pairs(discovery, tmp_path) == {("before/x/1.png", "after/1.tif"), ("before/2.jpg", "after/2.webp")}


def test_ffhq_as_distributed_and_ffhqr_beside_it(tmp_path: Path) -> None:
    """FFHQ's own folder has thumbnails of the same names besides."""
    for name in ("00000/00000.png", "01000/01000.png"):
        touch(
            tmp_path, f"ffhq-dataset/images1024x1024/{name}", f"ffhq-dataset/thumbnails128x128/{name}", f"FFHQR/{name}"
        )
    discovery = found(tmp_path / "ffhq-dataset", tmp_path / "FFHQR")
    assert pairs(discovery, tmp_path) == {
        (f"ffhq-dataset/images1024x1024/{name}", f"FFHQR/{name}") for name in ("00000/00000.png", "01000/01000.png")
    }
    assert discovery.skipped == ()


def test_exchanged_sides_are_noticed(tmp_path: Path) -> None:
    touch(tmp_path, "ffhq/1.png", "ffhqr/1.png")
    assert "raw side first" in refused(tmp_path / "ffhqr", tmp_path / "ffhq").next_step


def test_two_folders_without_a_name_in_common_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "before/1.png", "after/2.png")
    assert "--paired RAW RETOUCHED" in refused(tmp_path / "before", tmp_path / "after").next_step


def test_places_may_be_combined_but_a_side_alone_may_not(tmp_path: Path) -> None:
    touch(tmp_path, "a/raw/1.png", "a/gt/1.png", "b/raw/2.png", "b/gt/2.png", "c/3.png", "d/3.png")
    assert len(found(tmp_path / "a", tmp_path / "b").samples) == 2
    assert len(found(tmp_path / "a", tmp_path / "c", tmp_path / "d").samples) == 2
    assert "exactly two" in refused(tmp_path / "a", tmp_path / "c").next_step


# Tables


@pytest.fixture
def table(tmp_path: Path) -> Path:
    touch(tmp_path, *(f"photos/{side}{i}.png" for side in "rt" for i in range(5)))
    rows = [(f"photos/r{i}.png", f"photos/t{i}.png") for i in range(5)]
    path = tmp_path / "pairs.csv"
    lines = [
        f"{raw},{target},{split}" for (raw, target), split in zip(rows, ("train", "val", "test", "", ""), strict=True)
    ]
    path.write_text("raw,retouched,split\n" + "\n".join(lines) + "\n")
    return path


def test_a_table_decides_the_split_and_its_paths_are_its_own(table: Path) -> None:
    discovery = found(table, validation=0.9)
    assert pairs(discovery, table.parent) == {(f"photos/r{i}.png", f"photos/t{i}.png") for i in range(5)}
    splits = {s.name: s.split for s in discovery.samples}
    assert splits == {
        "photos/r0.png": "train",
        "photos/r1.png": "validation",
        "photos/r2.png": "test",
        "photos/r3.png": "train",
        "photos/r4.png": "train",
    }


def test_a_table_without_splits_is_split_by_the_seed(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{side}{i}.png" for side in "rt" for i in range(30)))
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps({"raw": f"r{i}.png", "retouched": f"t{i}.png"}) + "\n" for i in range(30)))
    discovery = found(path, validation=0.3)
    assert 1 <= discovery.count("pair", "validation") < 20


def test_an_official_number_does_not_overrule_a_table(tmp_path: Path) -> None:
    touch(tmp_path, "r/00001.png", "r/69000.png", "t/00001.png", "t/69000.png")
    path = tmp_path / "pairs.csv"
    path.write_text("raw,retouched,split\nr/00001.png,t/00001.png,val\nr/69000.png,t/69000.png,train\n")
    assert [s.split for s in found(path).samples] == ["validation", "train"]


def test_absolute_paths_will_do(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/r.png", "elsewhere/t.png", "list/x")
    path = tmp_path / "list" / "pairs.csv"
    path.write_text(f"raw,retouched\n{tmp_path}/elsewhere/r.png,../elsewhere/t.png\n")
    (only,) = found(path).samples
    assert only.raw == tmp_path / "elsewhere/r.png" and only.retouched is not None and only.retouched.is_file()


def test_rows_without_files_and_repeated_rows_are_told(table: Path) -> None:
    with table.open("a") as file:
        file.write("photos/r0.png,photos/t1.png,\nphotos/none.png,photos/t0.png,\nphotos/t0.png,photos/none.png,\n")
    discovery = found(table)
    assert len(discovery.samples) == 5
    assert {path.name for path, _ in discovery.skipped} == {"r0.png", "none.png"} and len(discovery.skipped) == 3


def test_a_table_without_a_usable_pair_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("raw,retouched\na.png,b.png\n")
    error = refused(path)
    assert "a.png" in error.message and "relative" in error.next_step


# Unpaired photos


def kinds(discovery: Discovery) -> dict[str, str]:
    return {s.name: s.kind for s in discovery.samples}


def test_a_folder_alone_is_raw_and_named_sides_are_told_apart(tmp_path: Path) -> None:
    touch(tmp_path, "wild/a.jpg", "wild/sub/b.png", "wild/notes.txt")
    assert kinds(found(unpaired=[tmp_path / "wild"])) == {"a.jpg": "raw", "sub/b.png": "raw"}
    touch(tmp_path, "wild/Target/c.png")
    expected = {"a.jpg": "raw", "sub/b.png": "raw", "Target/c.png": "retouched"}
    assert kinds(found(unpaired=[tmp_path / "wild"])) == expected
    touch(tmp_path, "wild/input/x/d.png")  # with a raw side of its own, what lies beside is not data
    assert kinds(found(unpaired=[tmp_path / "wild"])) == {"Target/c.png": "retouched", "input/x/d.png": "raw"}


@pytest.mark.parametrize("name", RETOUCHED)
def test_a_retouched_folder_is_known_by_its_own_name(tmp_path: Path, name: str) -> None:
    touch(tmp_path / name, "a.png")
    assert kinds(found(unpaired=[tmp_path / name])) == {"a.png": "retouched"}


def test_samples_say_where_their_photo_is(tmp_path: Path) -> None:
    touch(tmp_path, "raw/a.png", "gt/b.png")
    by_name: dict[str, Sample] = {s.name: s for s in found(unpaired=[tmp_path]).samples}
    raw, retouched = by_name["raw/a.png"], by_name["gt/b.png"]
    assert raw.photo == raw.raw == tmp_path / "raw/a.png" and raw.retouched is None
    assert retouched.photo == retouched.retouched == tmp_path / "gt/b.png" and retouched.raw is None


def test_a_photo_that_is_named_twice_comes_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "sub/b.png")
    assert len(found(unpaired=[tmp_path, tmp_path / "sub", tmp_path / "a.png"]).samples) == 2


def test_folders_without_photos_are_refused_with_the_layouts(tmp_path: Path) -> None:
    touch(tmp_path, "empty/notes.txt", "good/a.png")
    error = refused(unpaired=[tmp_path / "good", tmp_path / "empty"])
    assert "empty" in error.message and "retouched" in error.next_step and "raw" in error.next_step


def test_unpaired_photos_of_validation_pairs_are_not_trained_on(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{side}/{i:02d}.png" for side in ("raw", "gt") for i in range(40)))
    for unpaired in (tmp_path, tmp_path / "raw"):
        discovery = found(tmp_path, unpaired=[unpaired], validation=0.3)
        kept = {s.raw for s in discovery.samples if s.kind == "pair" and s.split == "validation"}
        trained = {s.photo for s in discovery.samples if s.split == "train"}
        assert kept and not kept & trained


# Holding out, and shares


@pytest.mark.parametrize("pattern", ["sub/*", "raw/sub/*", "gt/b.*", "b.*"])
def test_pairs_are_held_out_by_either_side(tmp_path: Path, pattern: str) -> None:
    touch(tmp_path, "raw/a.png", "raw/sub/b.png", "gt/a.png", "gt/b.png")
    discovery = found(tmp_path, exclude=[pattern])
    assert {s.name for s in discovery.samples} == {"a.png"} and discovery.skipped == ()


@pytest.mark.parametrize("pattern", ["sub/*", "raw/sub/*"])
def test_photos_are_held_out_below_the_folder_or_its_side(tmp_path: Path, pattern: str) -> None:
    touch(tmp_path, "raw/a.png", "raw/sub/b.png", "gt/c.png")
    assert set(kinds(found(unpaired=[tmp_path], exclude=[pattern]))) == {"raw/a.png", "gt/c.png"}


def test_tables_are_held_out_by_their_own_paths(table: Path) -> None:
    assert {s.name for s in found(table, exclude=["photos/?[0-3].png"]).samples} == {"photos/r4.png"}


def test_holding_all_out_is_refused_with_the_reason(tmp_path: Path) -> None:
    touch(tmp_path, "raw/a.png", "gt/a.png")
    assert "held out" in refused(tmp_path, exclude=["*"]).message
    assert "held out" in refused(unpaired=[tmp_path], exclude=["*"]).message


def test_a_fraction_applies_to_training_pairs_alone(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{side}/{i:03d}.png" for side in ("raw", "gt") for i in range(100)))
    whole, tenth = found(tmp_path, validation=0.2), found(tmp_path, validation=0.2, paired_fraction=0.1)
    assert whole.count("pair", "validation") == tenth.count("pair", "validation")
    assert tenth.count("pair", "train") == round(0.1 * whole.count("pair", "train"))


def test_no_file_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, *(f"{side}/{i:05d}.png" for side in ("ffhq", "ffhqr") for i in range(0, 70_000, 500)))

    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a photo was opened")

    monkeypatch.setattr(Path, "open", opened)
    monkeypatch.setattr(Path, "read_bytes", opened)
    assert len(found(tmp_path, unpaired=[tmp_path]).samples) == 3 * 140
    assert len(find_photos([tmp_path])) == 280


def test_labels_of_other_photos_are_refused(tmp_path: Path) -> None:
    touch(tmp_path / "wild", "a.jpg", "b.jpg")
    labels = Labels({}, (LabelledPhoto("sub/c.jpg", "c", (), ()),))
    with pytest.raises(DataError, match="None of the labelled photos"):
        discover([], [tmp_path / "wild"], TrainConfig(validation=0.0), labels=labels)
