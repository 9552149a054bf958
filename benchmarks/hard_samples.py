"""Where does retouching break when photos get hard, and does it break by doing less or by smearing?

Run: python benchmarks/hard_samples.py FACES [--weights starter] [--photos 8] [--severities 3] [--out hard-samples]

FACES holds the photographs of `models/bpfre/weights/starter.md`. Photos whose marks are labelled (`real_skin`, people
kept out of training, all skin tones by turns) are made hard in equal steps of severity: dim light with a sensor's
noise (3 stops), motion blur (4 % of the face crop's side), low resolution (a crop of 96 px), JPEG (quality 8), a
tilted head (90 degrees), and a hand, glasses, hair or a mask before the face. Real series have no labels, so that only
texture and change are measured: `zoom` (camera from 60 to 15 cm), `lisa` (upright, near, tilted, far; dim light),
and faces of `congress` kept out of training that look at the camera, a little aside, and farthest aside.
Each picture goes through the runner as a lossless file, once for each method.

Columns as in `real_skin.py`, with `found` (share of photos in which a face is found), `seen` (temporary marks that
still stand out by 2.5 in CIE Lab and are not covered; only they, and permanent marks like them, are scored),
`covered` (mean change of the thing before the face, grey levels) and the worst photo in brackets.

The bar: however hard the photo, what is no mark stays. Mean texture within 0.9 and 1.1 and mean change elsewhere and
of what covers the face at most 0.5 grey levels; for each photo 0.8 to 1.2, and 1 grey level. A method that fails by
doing less meets it while `removed` falls. Prints for each kind whether that holds; exits with 1 where it does not hold
for the refined result. Writes `degraded.png`, `series.png` and `figures.json` to --out; with --pictures also sheets
of the hard photos, the results and their changes.

Takes about 15 minutes on two cores.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from real_skin import HOLD_OUT, LABELS, choose, contenders, largest_face, read_pictures
from rich.console import Console
from rich.table import Table

from bpfre.blemishes.labels import TONES, LabelledPhoto, Labels, read_labels
from bpfre.errors import BpfreError, UsageError
from bpfre.evaluation.contenders import RememberingDetector, retouch_pictures
from bpfre.evaluation.degradations import KINDS, Degraded
from bpfre.evaluation.hard_samples import (
    Bounds,
    HardPhoto,
    HardScore,
    Level,
    Sample,
    cut_to_head,
    level_of,
    make_hard,
    score_hard,
    take_along,
)
from bpfre.evaluation.methods_sheet import methods_sheet
from bpfre.faces import open_detector
from bpfre.photos import write_png
from bpfre.retouching.batches import Network
from bpfre.runtime import tune_allocator

JUDGED = "refined"
ROWS = {  # of the plots
    "removed": "removed\n(share of blemishes)",
    "kept": "kept\n(share of moles, freckles)",
    "texture": "texture\n(after : before)",
    "elsewhere": "change elsewhere\n(grey levels of 255)",
}
BAND = "0.93"  # grey of the bounds
LINE: dict[str, Any] = {"marker": "o", "markersize": 3}
# The coarse stage lies under the refined result, often on the same values.
LINES = {"unedited": {"color": "0.6", "linestyle": ":"}, "coarse": LINE | {"linewidth": 4, "alpha": 0.5}}
# Series of real photos, from easy to hard; congress by how far the nose lies off the middle of eyes and mouth.
SERIES: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "zoom": tuple((f"{distance} cm", (f"zoom/{distance}cm.jpg",)) for distance in (60, 45, 30, 15)),
    "lisa": tuple(
        (word, (f"lisa/lisa{n}.jpg",)) for n, word in ((4, "upright"), (1, "near"), (3, "tilted"), (2, "far"))
    ),
    "turned": (
        ("ahead", ("congress/V000135.jpg", "congress/N000190.jpg", "congress/E000215.jpg", "congress/C001125.jpg")),
        ("a little", ("congress/B001295.jpg", "congress/T000165.jpg", "congress/M001205.jpg", "congress/T000460.jpg")),
        ("more", ("congress/H001095.jpg", "congress/P000620.jpg", "congress/S000185.jpg", "congress/J000295.jpg")),
        ("most", ("congress/S001220.jpg", "congress/P000615.jpg", "congress/A000370.jpg", "congress/W000825.jpg")),
    ),
}


@dataclasses.dataclass(frozen=True)
class Step:
    """One severity of one kind: what each method did."""

    label: str
    levels: Mapping[str, Level]  # method -> figures
    scores: Mapping[str, Sequence[HardScore]]


Results = dict[str, list[Step]]  # kind -> from easy to hard
Photos = dict[str, HardPhoto]


class Bench:
    """The methods, and what they are run with."""

    def __init__(self, methods: Mapping[str, Network | None], pictures: Path | None, console: Console) -> None:
        self.methods = methods
        self._console = console
        self.detector = RememberingDetector(open_detector("mtcnn"))
        self._pictures = pictures

    def step(self, kind: str, label: str, severity: float, photos: Photos) -> Step:
        """Run every method over the photos of one severity."""
        self._console.print(f"{kind} {label}: {len(photos)} photos", style="dim")
        before = {name: hard.rgb for name, hard in photos.items()}
        scores: dict[str, list[HardScore]] = {}
        done: dict[str, dict[str, np.ndarray]] = {}
        for method, network in self.methods.items():
            done[method] = before if network is None else retouch_pictures(before, network, self.detector)
            found = {name: bool(self.detector.detect([rgb])[0]) for name, rgb in before.items()}
            scores[method] = [score_hard(hard, done[method][n], found=found[n]) for n, hard in photos.items()]
        if self._pictures:
            for name in photos:
                path = self._pictures / kind / f"{Path(name).stem} {label}.png"
                results = {method: done[method][name] for method in self.methods if method != "unedited"}
                write_png(path, methods_sheet(f"{name}: {kind}, {label}", before[name], results))
        return Step(label, {method: level_of(severity, of) for method, of in scores.items()}, scores)


def choose_photos(photos: Sequence[LabelledPhoto], labels: Labels, count: int) -> list[LabelledPhoto]:
    """Take photos with many marks, from each third of skin tones by turns; a person's second photo comes last."""
    tones = labels.tones()

    def worth(photo: LabelledPhoto) -> int:
        return min(len(photo.temporary), 6) + min(len(photo.permanent), 4)

    queues: dict[str, list[LabelledPhoto]] = {tone: [] for tone in TONES}
    seen: dict[str, int] = {}
    ranked = []
    for photo in sorted(photos, key=lambda p: (-worth(p), p.photo)):
        ranked.append((seen.setdefault(photo.person, 0), photo))
        seen[photo.person] += 1
    for _, photo in sorted(ranked, key=lambda pair: pair[0]):
        queues[tones[photo.person]].append(photo)
    longest = max(map(len, queues.values()))
    turns = [queue[turn] for turn in range(longest) for queue in queues.values() if turn < len(queue)]
    return turns[:count]


def load_samples(faces: Path, photos: Sequence[LabelledPhoto], detector: RememberingDetector) -> dict[str, Sample]:
    """Read photos and cut them to the head."""
    pictures = read_pictures(faces, [p.photo for p in photos])
    return {
        p.photo: cut_to_head(pictures[p.photo], largest_face(p.photo, pictures[p.photo], detector), p) for p in photos
    }


def measure_degraded(bench: Bench, samples: Mapping[str, Sample], kinds: Sequence[str], severities: int) -> Results:
    """Make photos hard, kind by kind."""
    names = list(samples)

    def harden(kind: str, severity: float) -> Photos:
        return {name: make_hard(samples[name], kind, severity, seed=names.index(name)) for name in names}

    easy = bench.step("easy", "0.00", 0.0, harden(kinds[0], 0.0)) if kinds else None
    results: Results = {}
    for kind in kinds:
        results[kind] = [easy] if easy else []
        for number in range(1, severities + 1):
            severity = number / severities
            results[kind].append(bench.step(kind, f"{severity:.2f}", severity, harden(kind, severity)))
    return results


def measure_series(bench: Bench, faces: Path, series: Sequence[str]) -> Results:
    """Run over real photos from easy to hard, which have no labels."""
    results: Results = {}
    for kind in series:
        steps = SERIES[kind]
        results[kind] = []
        for number, (label, names) in enumerate(steps):
            samples = load_samples(faces, [LabelledPhoto(n, n, (), ()) for n in names], bench.detector)
            photos = {n: take_along(s, Degraded(s.rgb, np.zeros(s.rgb.shape[:2], bool))) for n, s in samples.items()}
            results[kind].append(bench.step(kind, label, number / (len(steps) - 1), photos))
    return results


def method_table(method: str, results: Results) -> Table:
    """Lay out one method's figures, a group for each kind."""
    made = Table(title=method)
    for column in ("kind", "severity"):
        made.add_column(column)
    for column in ("found", "seen", "removed", "permanent", "kept", "unchanged", "texture", "elsewhere", "covered"):
        made.add_column(column, justify="right")
    for kind, steps in results.items():
        for step in steps:
            level = step.levels[method]
            s = level.summary
            made.add_row(
                kind,
                step.label,
                f"{level.found:.0%}",
                str(s.blemishes),
                _share(s.removed),
                str(s.permanent),
                _share(s.kept),
                _share(s.unchanged),
                f"{s.texture:.3f} ({level.lowest_texture:.3f})",
                f"{s.elsewhere:.3f} ({level.worst_elsewhere:.3f})",
                "" if level.covered is None else f"{level.covered:.3f}",
            )
        made.add_section()
    return made


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def verdict(steps: Sequence[Step], method: str, bounds: Bounds) -> list[str]:
    """Say where a method leaves the bounds on one kind; empty where it nowhere does."""
    return [
        f"at {step.label}: {', '.join(wrong)}" for step in steps if (wrong := step.levels[method].violations(bounds))
    ]


def verdict_table(results: Results, methods: Sequence[str], bounds: Bounds) -> Table:
    """Lay out whether each kind of hardness is met by doing less."""
    made = Table("kind", "method", "removed, easy to hard", "holds", "where not", title="breaks by doing less")
    for kind, steps in results.items():
        for method in methods:
            removed = " > ".join(_share(step.levels[method].summary.removed) or "-" for step in steps)
            wrong = verdict(steps, method, bounds)
            made.add_row(kind, method, removed, "NO" if wrong else "yes", "; ".join(wrong))
        made.add_section()
    return made


def plot(path: Path, results: Results, methods: Sequence[str], bounds: Bounds, *, labelled: bool) -> None:
    """Draw quality against severity: a column for each kind, a row for each figure.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise UsageError("The plots need matplotlib.", "Run: pip install matplotlib") from error
    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Patch

    rows = ("removed", "kept", "texture", "elsewhere") if labelled else ("texture", "elsewhere")
    limits = {"texture": bounds.texture, "elsewhere": (0.0, bounds.elsewhere)}
    figure, axes = pyplot.subplots(
        len(rows), len(results), figsize=(2.3 * len(results) + 1, 1.9 * len(rows) + 1), squeeze=False, sharey="row"
    )
    for column, (kind, steps) in enumerate(results.items()):
        for row, name in enumerate(rows):
            ax = axes[row][column]
            if name in limits:
                ax.axhspan(*limits[name], color=BAND)
            for method in methods:
                levels = [step.levels[method] for step in steps]
                values = [getattr(level.summary, name) for level in levels]
                values = [np.nan if value is None else value for value in values]
                ax.plot([level.severity for level in levels], values, label=method, **LINES.get(method, LINE))
            if name in ("removed", "kept"):
                ax.set_ylim(-0.05, 1.05)
            ax.set_xticks(
                [step.levels[methods[0]].severity for step in steps], [step.label for step in steps], fontsize=7
            )
            if row == 0:
                ax.set_title(kind, fontsize=10)
            if column == 0:
                ax.set_ylabel(ROWS[name], fontsize=8)
    handles, names = axes[0][0].get_legend_handles_labels()
    bound = Patch(color=BAND, label="bounds of what may happen to skin without marks")
    figure.supxlabel("from the easy photo to the hardest", fontsize=9)
    figure.tight_layout()
    figure.legend(
        [*handles, bound],
        [*names, bound.get_label()],
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        fontsize=9,
        ncols=len(results) + 1,
        frameon=False,
    )
    figure.savefig(path, dpi=110, bbox_inches="tight")
    pyplot.close(figure)


def document(results: Results, bounds: Bounds) -> dict[str, object]:
    """Everything measured, for machines."""
    return {
        "bounds": dataclasses.asdict(bounds),
        "kinds": {
            kind: [
                {
                    "label": step.label,
                    "levels": {method: dataclasses.asdict(level) for method, level in step.levels.items()},
                    "photos": {
                        method: [dataclasses.asdict(score) for score in of] for method, of in step.scores.items()
                    },
                }
                for step in steps
            ]
            for kind, steps in results.items()
        },
    }


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--weights", default="starter", help="name or path")
    parser.add_argument("--against", nargs="*", default=[], help="other weights, judged in a row of their own")
    parser.add_argument("--labels", type=Path, default=LABELS)
    parser.add_argument("--hold-out", type=Path, default=HOLD_OUT, help="only people of this list are measured")
    parser.add_argument("--photos", type=int, default=8, help="labelled photos")
    parser.add_argument("--severities", type=int, default=3, help="steps after the easy photo")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--series", nargs="*", default=list(SERIES), choices=list(SERIES))
    parser.add_argument("--out", type=Path, default=Path("hard-samples"))
    parser.add_argument("--pictures", action="store_true", help="write sheets of every photo into --out")
    options = parser.parse_args()
    console = Console(width=150)
    try:
        if min(options.photos, options.severities) < 1:
            raise UsageError("--photos and --severities have to be 1 or more.")
        holds = measure(options, console)
    except BpfreError as error:
        console.print(str(error))
        sys.exit(2)
    sys.exit(0 if holds else 1)


def measure(options: argparse.Namespace, console: Console) -> bool:
    """Run everything. -> whether the refined result keeps within the bounds everywhere"""
    tune_allocator()
    labels, bounds = read_labels(options.labels), Bounds()
    chosen = choose_photos(choose(labels, options.hold_out, "*"), labels, options.photos) if options.kinds else []
    bench = Bench(
        contenders(options.weights, options.against), options.out / "pictures" if options.pictures else None, console
    )
    samples = load_samples(options.faces, chosen, bench.detector)
    degraded = measure_degraded(bench, samples, options.kinds, options.severities)
    series = measure_series(bench, options.faces, options.series)
    results = degraded | series
    methods = list(bench.methods)
    options.out.mkdir(parents=True, exist_ok=True)
    for name, part in (("degraded", degraded), ("series", series)):
        if part:
            plot(options.out / f"{name}.png", part, methods, bounds, labelled=part is degraded)
    (options.out / "figures.json").write_text(json.dumps(document(results, bounds), indent=1))
    console.print(f"{len(samples)} labelled photos, weights {options.weights}: {', '.join(samples)}")
    edited = [method for method in methods if method != "unedited"]
    for method in edited:
        console.print(method_table(method, results))
    console.print(verdict_table(results, edited, bounds))
    return not any(verdict(steps, JUDGED, bounds) for steps in results.values())


if __name__ == "__main__":
    main()
