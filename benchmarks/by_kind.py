"""Which marks a network takes for blemishes: the share of each kind that it takes away, by skin tone.

Run: python benchmarks/by_kind.py FACES [--weights starter] [--labels FILE] [--every N]

FACES holds the photographs of `models/bpfre/weights/starter.md`. Rows `real` are the marks labelled by eye, where they
are. The others are drawn, kind by kind, on the same faces with all labelled marks healed; kinds to keep have `stays`.
The share is that of the least squares: how far the correction goes along the mark, over all its pixels; 1 takes it
away, 0 leaves it. Corrections are the refine stage's as the network makes them, before whole marks are made of them.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from bpfre.blemishes import MARK_KINDS, estimate_skin, mark_sides
from bpfre.blemishes.labels import PERMANENT, TEMPORARY, TONES, LabelledPhoto, read_labels
from bpfre.blemishes.targets import heal_labelled
from bpfre.faces import FaceDetector, align, open_detector
from bpfre.network import BPFRe
from bpfre.photos import read_photo, rgb8
from bpfre.runtime import tune_allocator
from bpfre.weights import load_network

LABELS = Path(__file__).with_name("real_skin") / "labels.json"
SEED, DENSITY = 3, 40.0  # marks on 100 000 px of skin
REACH, MARGIN = 1.35, 2.0  # a labelled mark's pixels: so many radii, and so many px more
HEALED = TEMPORARY[0]  # what all marks are called for healing them


@dataclasses.dataclass
class Share:
    """Sums of a least squares over pixels."""

    along: float = 0.0
    size: float = 0.0

    def add(self, mark: np.ndarray, correction: np.ndarray) -> None:
        """Add pixels: what a mark adds to them, and what was added against it."""
        self.along -= float((mark * correction).sum())
        self.size += float((mark * mark).sum())

    def __str__(self) -> str:
        return f"{self.along / self.size:.2f}" if self.size else ""


Shares = dict[tuple[str, str], Share]  # by row and skin tone


@torch.inference_mode()
def correct(network: BPFRe, crop: np.ndarray) -> np.ndarray:
    """Return what the network adds: [S, S, 3] -> [S, S, 3]"""
    refined = network(torch.from_numpy(crop).permute(2, 0, 1)[None]).refined
    return refined[0].permute(1, 2, 0).numpy() - crop


def measure(
    shares: Shares, faces: Path, labelled: LabelledPhoto, tone: str, network: BPFRe, detector: FaceDetector
) -> None:
    """Add one photo's marks."""
    pixels = read_photo(faces / labelled.photo)
    found = max(detector.detect([rgb8(pixels)])[0], key=lambda face: face.box[2] - face.box[0])
    aligned = align(pixels.rgb, found, size=network.config.size)
    crop, skin = aligned.pixels, estimate_skin(aligned.pixels)
    places = [place.moved(aligned.matrix) for place in labelled.marks]
    bare = heal_labelled(crop, skin, [dataclasses.replace(p, kind=HEALED) for p in places], scale=1.0).target
    added = correct(network, crop)
    rows, columns = np.mgrid[: len(crop), : len(crop)]
    for place in places:
        at = np.hypot(columns - place.x, rows - place.y) <= REACH * place.radius + MARGIN
        stays = ", stays" if place.kind in PERMANENT else ""
        shares[f"real {place.kind}{stays}", tone].add((crop - bare)[at], added[at])
    for name, kind in MARK_KINDS.items():
        if kind.per_face:  # shine and hair: no pigment to tell apart
            continue
        density = {"density": 0.0, "keep_density": DENSITY} if kind.keep else {"density": DENSITY, "keep_density": 0.0}
        rng = np.random.default_rng(SEED)
        drawn, _ = mark_sides(bare, bare.copy(), skin, rng, template=np.eye(2, 3), kinds=[name], **density)
        row = f"{name}, stays" if kind.keep else name
        shares[row, tone].add(drawn - bare, correct(network, drawn))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--weights", default="starter")
    parser.add_argument("--labels", type=Path, default=LABELS)
    parser.add_argument("--every", type=int, default=1, help="measure each Nth photo only")
    options = parser.parse_args()
    tune_allocator()
    network, detector = load_network(options.weights), open_detector("mtcnn")
    network.config = dataclasses.replace(network.config, completion=False)
    labels = read_labels(options.labels)
    tones = labels.tones()
    shares: Shares = defaultdict(Share)
    photos = labels.photos[:: options.every]
    for labelled in photos:
        measure(shares, options.faces, labelled, tones.get(labelled.person, "all"), network, detector)
    columns = TONES if tones else ("all",)
    table = Table(title=f"Share of marks taken away, {len(photos)} photos, weights {options.weights}")
    table.add_column("mark")
    for column in columns:
        table.add_column(column, justify="right")
    for row in dict.fromkeys(row for row, _ in shares):
        table.add_row(row, *(str(shares[row, column]) for column in columns))
    Console(width=90).print(table)


if __name__ == "__main__":
    main()
