"""Do unpaired faces help when there are few pairs? The same training with and without them, on people kept out.

Run: python benchmarks/unpaired.py FACES [--work DIR] [--steps 1500] [--seeds 3] [--pairs 16]

FACES holds the photographs of `models/bpfre/weights/starter.md`. The pairs stand in for a retoucher's: real faces with
their real spots and drawn blemishes, and the same faces healed (`bpfre synthesize`). Pairs, unpaired photos and
validation show different people; those of validation are kept out of every training.

Arms, each trained for the same steps with the same number of windows of pairs a step:
- `pairs`: the pairs alone, 8 windows a step;
- `pairs + unpaired`: with `--unpaired`, 8 windows of pairs and 8 of unpaired faces a step, healed and given drawn
  blemishes, as `bpfre train` does it: as many and as strong ones as the pairs have edits;
- `pairs + unpaired, not matched`: as many and as strong ones as the settings say, which are those of the pairs;
- `pairs, 16 windows`: what as much computing does with the pairs alone;
- `pairs, 4 + unpaired, 4`: what unpaired faces do in the place of half of the pairs;
- `pairs, nothing drawn` and `paper`: nothing is drawn on any face; unpaired raw faces enter through the adversarial
  terms alone, as in the paper.

Columns are those of `validation.jsonl` after the last step, mean and standard deviation over seeds: `reproduced` (share
of the retoucher's edit, 1 is perfect), `edited` and `elsewhere` (mean error on and off the edits, grey levels),
`PSNR`. The first row is the unedited input. Finished trainings are kept in DIR and not repeated.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bpfre.photos import find_photos
from bpfre.training import RunFolder, read_patterns
from bpfre.training.data import held_out

HOLD_OUT = Path(__file__).parents[1] / "models" / "bpfre" / "weights" / "starter-holdout.txt"
ADVERSARIAL = ("--set", "adv_synt=0.1", "--set", "adv_start=0.3")
ARMS: dict[str, tuple[str, ...]] = {
    "pairs": (),
    "pairs + unpaired": ("--unpaired", "--batch-size", "16"),
    "pairs + unpaired, not matched": ("--unpaired", "--batch-size", "16", "--set", "matched=false"),
    "pairs, 16 windows": ("--batch-size", "16"),
    "pairs, 4 + unpaired, 4": ("--unpaired",),
    "pairs, nothing drawn": ("--set", "synthesis=false"),
    "paper": ("--unpaired", "--set", "synthesis=false", *ADVERSARIAL),
}
COLUMNS = ("reproduced", "edited", "elsewhere", "psnr")


def bpfre(*arguments: object) -> None:
    """Run the command line."""
    subprocess.run([sys.executable, "-m", "bpfre_cli", *map(str, arguments)], check=True)


def split_people(faces: Path, pairs: int, kept: int) -> tuple[list[str], list[str]]:
    """Choose the people of the pairs and of validation. -> file names below FACES, one photo a person"""
    patterns = read_patterns(HOLD_OUT)
    photos = [p.relative.as_posix() for p in find_photos([faces])]
    neutral = [name for name in photos if name.startswith("london/") and name.endswith("_03.jpg")]
    out = [name for name in neutral if held_out(name, patterns)]
    training = [name for name in neutral if not held_out(name, patterns)]
    step = max(1, len(training) // pairs)
    return training[::step][:pairs], out[:kept]


def make_pairs(faces: Path, work: Path, names: dict[str, list[str]]) -> Path:
    """Synthesise the pairs and write their table. -> CSV"""
    table = work / "pairs.csv"
    if table.is_file():
        return table
    rows = []
    for split, photos in names.items():
        out = work / split
        arguments = ("--source", "both", "--seed", 100 if split == "train" else 200, "--detector", "mtcnn")
        arguments += ("--density", 80, "--strength", 1.4)  # as many edits as retouchers make on FFHQ
        bpfre("synthesize", *(faces / name for name in photos), "--out", out, *arguments, "--overwrite")
        for raw in sorted((out / "raw").rglob("*.png")):
            retouched = out / "retouched" / raw.relative_to(out / "raw")
            rows.append([raw.relative_to(work).as_posix(), retouched.relative_to(work).as_posix(), split])
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["raw", "retouched", "split"], *rows])
    return table


def hold_out_list(work: Path, names: dict[str, list[str]]) -> Path:
    """Write the patterns of photos that are not unpaired: every photo of the pairs' people, and those kept out."""
    people = [f"{name.rsplit('_', 1)[0]}_*" for photos in names.values() for name in photos]
    path = work / "not-unpaired.txt"
    path.write_text("\n".join([*read_patterns(HOLD_OUT), *people]) + "\n", encoding="utf-8")
    return path


def last_validation(folder: RunFolder) -> dict[str, dict[str, float]]:
    """Return the figures after the last step."""
    return json.loads(folder.validation.read_text(encoding="utf-8").splitlines()[-1])


def main() -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--work", type=Path, default=Path("unpaired-benchmark"))
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--kept", type=int, default=16, help="people of validation")
    parser.add_argument("--arms", nargs="*", default=list(ARMS), choices=list(ARMS))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    training, kept = split_people(options.faces, options.pairs, options.kept)
    names = {"train": training, "validation": kept}
    table_file = make_pairs(options.faces, options.work, names)
    shared = ("--paired", table_file, "--hold-out", hold_out_list(options.work, names), "--detector", "mtcnn")
    shared += ("--preset", "starter", "--window", 96, "--steps", options.steps, "--phi", "none")
    shared += ("--lr", 1.5e-3, "--set", "warmup=50", "--set", "whole=0", "--set", "validation=0")
    shared += ("--set", f"validate_every={options.steps}", "--set", f"sample_every={options.steps}")
    # As many marks as the pairs have, from the first step on: with fewer the two sorts would not be alike.
    shared += ("--set", "density=60", "--set", "dense_factor=1")
    shared += ("--cache", options.work / "faces")
    results: dict[str, list[dict[str, dict[str, float]]]] = {}
    for seed in range(options.seeds):
        for arm in options.arms:
            folder = RunFolder(options.work / f"{arm.replace(', ', '-').replace(' + ', '-').replace(' ', '_')}-{seed}")
            extra = [a for word in ARMS[arm] for a in ((word, options.faces) if word == "--unpaired" else (word,))]
            size = () if "--batch-size" in extra else ("--batch-size", 8)
            bpfre("train", *shared, *size, *extra, "--seed", seed, "--out", folder.root)
            results.setdefault(arm, []).append(last_validation(folder))
    Console(width=120).print(make_table(results, options.steps))


def make_table(results: dict[str, list[dict[str, dict[str, float]]]], steps: int) -> Table:
    """Lay out mean and standard deviation over seeds, for both stages."""
    runs = next(iter(results.values()))
    table = Table(title=f"Validation on people kept out after {steps} steps, {len(runs)} seeds")
    for column in ("training", "stage", *COLUMNS):
        table.add_column(column, justify="left" if column in ("training", "stage") else "right")
    table.add_row("-", "unedited", *(f"{runs[0]['unedited'][name]:.3f}" for name in COLUMNS))
    for arm, rows in results.items():
        for stage in ("coarse", "refined"):
            table.add_row(arm, stage, *(_spread([row[stage][name] for row in rows]) for name in COLUMNS))
    return table


def _spread(values: list[float]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} ± {deviation:.3f}"


if __name__ == "__main__":
    main()
