"""How well weights retouch real skin: spots labelled by eye on people kept out of training, on whole photos.

Run: python benchmarks/real_skin.py FACES [--weights starter] [--against OLD.safetensors ...] [--json FILE]

FACES holds the photographs of `models/bpfre/weights/starter.md`. Each photo goes through the runner (detect, align,
network, paste) as a lossless file; `benchmarks/real_skin/README.md` says how the labels were made.

Columns: `removed`, share of temporary blemishes whose contrast against the skin around falls to at most 40 % of what
it was, or below 1.5 (CIE Lab); `kept`, share of moles, freckles and scars that keep at least 80 % of theirs;
`unchanged`, share of controls (clean skin, brows, nostrils, lip edges, lashes, stubble, ...) whose mean colour
difference is at most 1.0 (CIE76); `texture`, high-pass energy of skin outside blemishes, after over before;
`elsewhere`, mean absolute change of the face outside marks, grey levels of 255.

With --remove-marks a last line says how many of the permanent marks `bpfre retouch --marks remove` takes away.

Rows: the unedited photo; a classical method (blobs by differences of Gaussians, inpainting, frequency separation,
tuned by `tune_classical.py` on people of the training set); both stages of the weights; other weights. Two more
tables, where asked for, have the mean absolute change of the face: of results that are retouched again, and of the
clean faces in FACES/composite.
"""

from __future__ import annotations

import argparse
import dataclasses
import fnmatch
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bpfre.blemishes.labels import (
    CONTROLS,
    PERMANENT,
    TEMPORARY,
    TONES,
    LabelledPhoto,
    Labels,
    read_labels,
)
from bpfre.errors import BpfreError, DataError
from bpfre.evaluation.classical import ClassicalRetoucher
from bpfre.evaluation.contenders import RememberingDetector, retouch_pictures
from bpfre.evaluation.real_skin import (
    PhotoScore,
    Summary,
    areas_of,
    face_area,
    score_photo,
    shares_by_kind,
    summarise,
)
from bpfre.faces import Face, FaceDetector, open_detector
from bpfre.network import CoarseOnly
from bpfre.photos import find_photos, read_photo, rgb8, write_photo
from bpfre.retouching import RetouchSettings
from bpfre.retouching.batches import Network
from bpfre.runtime import tune_allocator
from bpfre.training import read_patterns
from bpfre.training.data import held_out
from bpfre.weights import load_network

LABELS = Path(__file__).with_name("real_skin") / "labels.json"
HOLD_OUT = Path(__file__).parents[1] / "models" / "bpfre" / "weights" / "starter-holdout.txt"
COLUMNS = ("blemishes", "removed", "permanent", "kept", "controls", "unchanged", "texture", "elsewhere")

Pictures = dict[str, np.ndarray]  # by path below the folder of faces
Scores = list[PhotoScore]


def read_pictures(faces: Path, names: Sequence[str]) -> Pictures:
    """Read photos.

    Raises:
        DataError: one is not there.
    """
    missing = [name for name in names if not (faces / name).is_file()]
    if missing:
        raise DataError(f"{faces} does not hold {missing[0]}.", "Give the folder of the labelled photographs.")
    return {name: np.array(rgb8(read_photo(faces / name))) for name in names}


def choose(labels: Labels, hold_out: Path, only: str) -> list[LabelledPhoto]:
    """Return the labelled photos that weights with this hold-out list have never seen.

    Raises:
        DataError: there are none.
    """
    patterns = read_patterns(hold_out)
    chosen = [
        labelled
        for labelled in labels.photos
        if held_out(Path(labelled.photo), patterns) and fnmatch.fnmatch(labelled.photo, only)
    ]
    if not chosen:
        raise DataError(f"No labelled photo matches {only} and {hold_out}.", "Choose others.")
    return chosen


def contenders(weights: str, against: Sequence[str]) -> dict[str, Network | None]:
    """Open what is compared; None leaves photos as they are."""
    network = load_network(weights)
    return {
        "unedited": None,
        "classical": ClassicalRetoucher(),
        "coarse": CoarseOnly(network),
        "refined": network,
        **{f"against {old}": load_network(old) for old in against},
    }


def mean_change(before: Pictures, after: Pictures, faces: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Mean absolute change of each picture's face ([H, W] bool), grey levels."""
    changes = {name: np.abs(after[name].astype(np.int16) - pixels).mean(axis=2) for name, pixels in before.items()}
    return {name: float(change[faces[name]].mean()) for name, change in changes.items()}


def largest_face(name: str, rgb: np.ndarray, detector: FaceDetector) -> Face:
    """Find the face that is measured.

    Raises:
        DataError: there is none.
    """
    found = detector.detect([rgb])[0]
    if not found:
        raise DataError(f"No face was found in {name}.")
    return found[0]


def cells(summary: Summary) -> list[str]:
    """Format one row."""
    row = []
    for column in COLUMNS:
        value = getattr(summary, column)
        if value is None:
            row.append("")
        elif column in ("removed", "kept", "unchanged"):
            row.append(f"{value:.1%}")
        else:
            row.append(f"{value:.3f}" if isinstance(value, float) else str(value))
    return row


def table(title: str, first: Sequence[str], rows: Sequence[tuple[Sequence[str], Scores] | None]) -> Table:
    """Lay out summaries; None parts groups of rows."""
    made = Table(title=title)
    for column in first:
        made.add_column(column)
    for column in COLUMNS:
        made.add_column(column, justify="right")
    for row in rows:
        if row is None:
            made.add_section()
        else:
            made.add_row(*row[0], *cells(summarise(row[1])))
    return made


def kind_table(scores: Mapping[str, Scores]) -> Table:
    """Share of each kind of place that came out as it should, for each contender."""
    shares = {name: shares_by_kind(of) for name, of in scores.items()}
    made = Table(title="as it should be: blemishes removed, marks kept, controls unchanged")
    for column in ("kind", "places", *scores):
        made.add_column(column, justify="left" if column == "kind" else "right")
    counts = {kind: count for kind, (count, _) in next(iter(shares.values())).items()}
    for kind in (*TEMPORARY, *PERMANENT, *CONTROLS):
        if kind in counts:
            made.add_row(kind, str(counts[kind]), *(f"{of[kind][1]:.1%}" for of in shares.values()))
    return made


def document(scores: Mapping[str, Scores], tones: Mapping[str, str], extras: Mapping[str, object]) -> dict[str, object]:
    """Everything measured, for machines."""
    return {
        "overall": {name: dataclasses.asdict(summarise(of)) for name, of in scores.items()},
        "tones": {
            tone: {
                name: dataclasses.asdict(summarise(part)) for name, of in scores.items() if (part := pick(of, people))
            }
            for tone in TONES
            if (people := {person for person, its in tones.items() if its == tone})
        },
        "kinds": {name: shares_by_kind(of) for name, of in scores.items()},
        "photos": {name: [dataclasses.asdict(score) for score in of] for name, of in scores.items()},
        **extras,
    }


def marks_gone(scores: Scores) -> str:
    """Say how many permanent marks are gone, by the measure of temporary ones, and which controls changed."""
    gone = [mark.removed for score in scores for mark in score.permanent]
    unchanged = summarise(scores).unchanged
    return f"--marks remove: {sum(gone)} of {len(gone)} permanent marks gone, controls unchanged {unchanged:.1%}"


def pick(scores: Scores, people: set[str]) -> Scores:
    """Scores of some people."""
    return [score for score in scores if score.person in people]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--weights", default="starter", help="name or path")
    parser.add_argument("--against", nargs="*", default=[], help="other weights, one row each")
    parser.add_argument("--labels", type=Path, default=LABELS)
    parser.add_argument("--hold-out", type=Path, default=HOLD_OUT, help="only people of this list are measured")
    parser.add_argument("--only", default="*", help="glob of photos, below FACES")
    parser.add_argument("--remove-marks", action="store_true", help="count the marks that --marks remove takes away")
    parser.add_argument("--second-pass", action="store_true", help="retouch the results again")
    parser.add_argument("--composites", action="store_true", help="retouch the clean faces of FACES/composite")
    parser.add_argument("--json", type=Path, help="write everything measured")
    parser.add_argument("--pictures", type=Path, help="write the retouched photos into this folder")
    options = parser.parse_args()
    console = Console(width=140)
    try:
        measure(options, console)
    except BpfreError as error:
        console.print(str(error))
        sys.exit(2)


def measure(options: argparse.Namespace, console: Console) -> None:
    """Run every contender over every photo and print the tables."""
    tune_allocator()
    labels = read_labels(options.labels)
    chosen = choose(labels, options.hold_out, options.only)
    pictures = read_pictures(options.faces, [labelled.photo for labelled in chosen])
    detector = RememberingDetector(open_detector("mtcnn"))
    areas = {
        p.photo: areas_of(pictures[p.photo], largest_face(p.photo, pictures[p.photo], detector), p) for p in chosen
    }
    scores: dict[str, Scores] = {}
    extras: dict[str, dict[str, dict[str, float]]] = {}
    whole = {name: of.face for name, of in areas.items()}
    composites: Pictures = {}
    if options.composites:
        found = [photo.relative.as_posix() for photo in find_photos([options.faces])]
        composites = read_pictures(options.faces, [name for name in found if name.startswith("composite/")])
    clean = {name: face_area(rgb, largest_face(name, rgb, detector)) for name, rgb in composites.items()}
    for name, network in contenders(options.weights, options.against).items():
        done = pictures if network is None else retouch_pictures(pictures, network, detector)
        scores[name] = [score_photo(pictures[p.photo], done[p.photo], p, areas[p.photo]) for p in chosen]
        if network is None:
            continue
        if options.pictures:
            for photo, pixels in done.items():
                write_photo(read_photo(options.faces / photo), pixels, options.pictures / name / photo)
        if options.second_pass:
            again = retouch_pictures(done, network, detector)
            extras.setdefault("second pass", {})[name] = mean_change(done, again, whole)
        if composites:
            changed = retouch_pictures(composites, network, detector)
            extras.setdefault("composites", {})[name] = mean_change(composites, changed, clean)
    report(console, options.weights, scores, labels, extras)
    if options.remove_marks:
        network, settings = load_network(options.weights), RetouchSettings(marks="remove")
        done = retouch_pictures(pictures, network, detector, settings)
        console.print(marks_gone([score_photo(pictures[p.photo], done[p.photo], p, areas[p.photo]) for p in chosen]))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(document(scores, labels.tones(), extras), indent=1))


def report(
    console: Console,
    weights: str,
    scores: Mapping[str, Scores],
    labels: Labels,
    extras: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> None:
    """Print per photo, overall, by tone, by kind, and what else was asked for."""
    refined, tones = scores["refined"], labels.tones()
    console.print(table(f"refined, weights {weights}", ("photo",), [((score.photo,), [score]) for score in refined]))
    people = {score.person for score in refined}
    overall = [((name,), of) for name, of in scores.items()]
    console.print(table(f"{len(refined)} photos of {len(people)} people kept out of training", ("",), overall))
    rows: list[tuple[Sequence[str], Scores] | None] = []
    for tone in TONES:
        of_tone = {person for person, its in tones.items() if its == tone}
        parts = {name: pick(of, of_tone) for name, of in scores.items()}
        rows += [((tone, name), part) for name, part in parts.items() if part]
        rows.append(None)
    console.print(table("by skin tone", ("tone", ""), rows))
    console.print(kind_table(scores))
    for title, figures in extras.items():
        made = Table("", "mean change", "largest of a photo", title=f"{title}, grey levels")
        for name, changes in figures.items():
            made.add_row(name, f"{np.mean(list(changes.values())):.3f}", f"{max(changes.values()):.3f}")
        console.print(made)


if __name__ == "__main__":
    main()
