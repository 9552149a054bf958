"""Read one place that the user named: a folder of pairs, a table of pairs, two folders, a folder of photos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from bpfre.errors import DataError, UsageError
from bpfre.photos import FoundPhoto, find_photos
from bpfre.training.data.faces import Kind
from bpfre.training.data.holdout import held_out
from bpfre.training.data.samples import RAW_NAMES, RETOUCHED_NAMES, Sample, in_ffhq_folder
from bpfre.training.data.tables import read_table

PAIR_LAYOUTS = (
    f"Pairs are looked for in one folder that holds both sides, called {', '.join(RAW_NAMES)} and"
    f" {', '.join(RETOUCHED_NAMES)}, with the same file names, flat or in numbered folders; in two folders given as"
    " --paired RAW RETOUCHED; and in a CSV or JSONL file with the columns raw and retouched."
)
PHOTO_LAYOUTS = (
    "Photos are looked for in the folder and all folders below it; sides inside it are told apart by their names,"
    f" {', '.join(RAW_NAMES)} and {', '.join(RETOUCHED_NAMES)}."
)
_TOLD_ONE_BY_ONE = 10  # photos left out for one reason; more are told as a number

Skipped = list[tuple[Path, str]]


@dataclass(frozen=True)
class Place:
    """What one place holds; at least one sample."""

    root: Path
    layout: str  # in words
    samples: list[Sample]
    skipped: Skipped = field(default_factory=list)
    has_splits: bool = False  # the samples' splits are those that the place itself gives


def sides_of(root: Path) -> tuple[Path | None, Path | None]:
    """Find the folders of the raw and of the retouched side inside a folder, by their names in any case."""
    names = {}
    try:
        for child in sorted(root.iterdir(), reverse=True):
            if child.name.lower() in (*RAW_NAMES, *RETOUCHED_NAMES) and child.is_dir():
                names[child.name.lower()] = child
    except OSError as error:
        raise DataError(f"The folder {root} cannot be read: {error.strerror}.", "Check the path.") from error
    raw = next((names[name] for name in RAW_NAMES if name in names), None)
    return raw, next((names[name] for name in RETOUCHED_NAMES if name in names), None)


def holds_pairs(root: Path) -> bool:
    """Whether a folder has both sides of pairs inside."""
    return None not in sides_of(root)


def folder_of_pairs(root: Path, exclude: Sequence[str]) -> Place:
    """Read a folder that holds both sides.

    Raises:
        DataError: it does not, or no photo of one side has a counterpart.
    """
    raw, retouched = sides_of(root)
    if raw is None or retouched is None:
        raise _one_sided(root, raw or retouched)
    return _matched((root, root), (raw, retouched), exclude, f"in {raw.name}/ and {retouched.name}/")


def two_folders(raw: Path, retouched: Path, exclude: Sequence[str]) -> Place:
    """Read pairs whose sides are two folders; FFHQ's folder may hold its photos in `images1024x1024`.

    Raises:
        DataError: no photo of one side has a counterpart, or the folders' names say that they are exchanged.
    """
    if raw.name.lower() in RETOUCHED_NAMES and retouched.name.lower() in RAW_NAMES:
        raise DataError(
            f"{raw} is named like the retouched side, {retouched} like the raw one.",
            "Give the raw side first: --paired RAW RETOUCHED.",
        )
    inner = sides_of(raw)[0] or raw, sides_of(retouched)[1] or retouched
    return _matched((raw, retouched), inner, exclude, f"in {inner[0]}/ and {inner[1]}/")


def table_of_pairs(path: Path, exclude: Sequence[str]) -> Place:
    """Read a table of pairs.

    Raises:
        DataError: it is not one, or none of its pairs is there.
    """
    samples, skipped, seen, rows = [], [], set(), read_table(path)
    for row in rows:
        if held_out(row.raw, exclude) or held_out(row.retouched, exclude):
            continue
        raw, retouched = path.parent / row.raw, path.parent / row.retouched
        if raw in seen:
            skipped.append((raw, "the list names it twice"))
        elif missing := [side for side in (raw, retouched) if not side.is_file()]:
            skipped.append((missing[0], "there is no such file"))
        else:
            samples.append(Sample(PurePosixPath(row.raw).as_posix(), "pair", raw, retouched, path, row.split))
        seen.add(raw)
    if not samples:
        why = f" {skipped[0][0]}: {skipped[0][1]}." if skipped else ""
        raise DataError(
            f"The list {path} gives no usable pair.{why}", "Its paths are relative to the list's own folder."
        )
    splits = any(sample.split for sample in samples)
    layout = f"{len(samples)} pairs of a list" + (", split as it says" if splits else "")
    return Place(path, layout, samples, _told(path, skipped), has_splits=splits)


def photos_of(root: Path, exclude: Sequence[str]) -> Place:
    """Read single photos, raw or retouched.

    Raises:
        DataError: there are none.
    """
    raw, retouched = sides_of(root) if root.is_dir() else (None, None)
    alone: Kind = "retouched" if root.name.lower() in RETOUCHED_NAMES else "raw"
    samples = []
    found = _photos(root)
    for photo in found:
        top = photo.relative.parts[0] if len(photo.relative.parts) > 1 else ""
        kind: Kind = alone
        if retouched and top == retouched.name:
            kind = "retouched"
        elif raw and top != raw.name:
            continue
        elif raw or retouched:
            kind = "raw"
        name = photo.relative.as_posix()
        if held_out(name, exclude) or (top and held_out(name.partition("/")[2], exclude) and (raw or retouched)):
            continue
        samples.append(
            Sample(name, kind, photo.path if kind == "raw" else None, None if kind == "raw" else photo.path, root)
        )
    if not samples:
        why = "All its photos are held out." if found else "It holds no photo."
        raise DataError(f"There is nothing to train on in {root}. {why}", PHOTO_LAYOUTS)
    counts = Counter(sample.kind for sample in samples)
    return Place(
        root, ", ".join(f"{counts[kind]} {kind} photos" for kind in ("raw", "retouched") if counts[kind]), samples
    )


def _matched(named: tuple[Path, Path], roots: tuple[Path, Path], exclude: Sequence[str], where: str) -> Place:
    """Match the photos of two sides.

    Args:
        named: what the user named for the raw and for the retouched side; may be one folder.
        roots: where the two sides are.
        exclude: glob patterns.
        where: the sides in words.
    """
    root, (raws, retouched) = named[0], map(_photos, roots)
    stems = [Counter(photo.path.stem for photo in side) for side in (raws, retouched)]
    repeated = {stem for side in stems for stem, count in side.items() if count > 1}
    skipped: Skipped = []
    sides = [_keyed(side, repeated, skipped) for side in (raws, retouched)]
    below = [_below(*folders) for folders in zip(named, roots, strict=True)]
    samples, excluded = [], 0
    for key in sorted(sides[0].keys() | sides[1].keys()):
        both = [side.get(key) for side in sides]
        if exclude and any(held_out(name, exclude) for name in _names(below, both)):
            excluded += 1
            continue
        raw, target = both
        if raw and target:
            samples.append(Sample(raw.relative.as_posix(), "pair", raw.path, target.path, root))
        elif raw:
            skipped.append((raw.path, "no retouched photo of that name"))
        elif target:
            skipped.append((target.path, "no raw photo of that name"))
    if not samples:
        why = f"{len(raws)} raw and {len(retouched)} retouched photos were found, none with the same name on both sides"
        if excluded:
            why += f" but for {excluded} held out"
        raise DataError(f"No pair was found {where}: {why}.", PAIR_LAYOUTS)
    return Place(root, f"{len(samples)} pairs {where}", samples, _told(root, skipped))


def _photos(root: Path) -> list[FoundPhoto]:
    if not root.exists():
        raise DataError(f"{root} does not exist.", "Check the path.")
    try:
        return find_photos([root])
    except UsageError:  # none
        return []


def _keyed(side: Iterable[FoundPhoto], repeated: set[str], skipped: Skipped) -> dict[str, FoundPhoto]:
    """Photos by file name without suffix, those whose names repeat by their path without suffix."""
    keyed: dict[str, FoundPhoto] = {}
    for photo in side:
        stem = photo.path.stem
        key = photo.relative.with_suffix("").as_posix() if stem in repeated else stem
        if keyed.setdefault(key, photo) is not photo:
            skipped.append((photo.path, f"{keyed[key].path.name} has the same name"))
    return keyed


def _below(root: Path, side: Path) -> str:
    return f"{side.relative_to(root).as_posix()}/" if side != root and side.is_relative_to(root) else ""


def _names(below: Sequence[str], both: Sequence[FoundPhoto | None]) -> Iterator[str]:
    """Paths of a pair's photos below their own side and below what the user named."""
    for prefix, photo in zip(below, both, strict=True):
        if photo:
            yield photo.relative.as_posix()
            yield prefix + photo.relative.as_posix()


def _told(root: Path, skipped: Skipped) -> Skipped:
    """Tell a few photos by name, many as a number: 60 000 lines would hide everything else."""
    reasons = Counter(reason for _, reason in skipped)
    few = [(path, reason) for path, reason in skipped if reasons[reason] <= _TOLD_ONE_BY_ONE]
    first = {reason: path for path, reason in reversed(skipped)}
    many = {reason: count for reason, count in reasons.items() if count > _TOLD_ONE_BY_ONE}
    return few + [
        (root, f"{reason} ({count} photos, {first[reason].name} the first)") for reason, count in many.items()
    ]


def _one_sided(root: Path, side: Path | None) -> DataError:
    """Say what is missing."""
    if side is not None:
        which = "retouched" if side.name.lower() in RAW_NAMES else "raw"
        return DataError(f"{root} does not hold pairs: beside {side.name}/ there is no {which} side.", PAIR_LAYOUTS)
    if any(in_ffhq_folder(photo.relative.as_posix()) for photo in _photos(root)):
        beside = holds_pairs(root.parent)
        ways = f"Give --paired {root.parent}, or " if beside else "Put both sides into one folder, or give "
        return DataError(
            f"{root} does not hold pairs: its numbered folders, as FFHQ and FFHQR have them, are one side only.",
            f"{ways}the raw side too: --paired FFHQ FFHQR. {PAIR_LAYOUTS}",
        )
    return DataError(f"{root} does not hold pairs.", PAIR_LAYOUTS)
