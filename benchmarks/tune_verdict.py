"""Fit the odds of `bpfre.network.verdict` to marks labelled by eye on the people that the network learns from.

Run: python benchmarks/tune_verdict.py FACES --weights WEIGHTS [--labels FILE]

Logistic regression of temporary against permanent marks, both sorts weighing alike, on what `evidence` sees where each
mark is. A network knows the people it has learned from: of marks of dark skin, of which it has seen few people, it
leaves a smaller share on people it does not know. --labels measures such people with the odds as they are: the share
of each sort that comes out right, by the light of the skin. WEIGHTS are of a network whose stages are apart.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from bpfre.blemishes.labels import TEMPORARY, LabelledPhoto, read_labels
from bpfre.evaluation.contrast import around
from bpfre.faces import FaceDetector, open_detector
from bpfre.network import BPFRe
from bpfre.network.filters import half
from bpfre.network.verdict import Evidence, evidence
from bpfre.photos import read_photo, rgb8
from bpfre.retouching.batches import crop_sizes
from bpfre.retouching.faces_stage import cut_face
from bpfre.runtime import tune_allocator
from bpfre.weights import load_network

LABELS = Path(__file__).parents[1] / "models" / "bpfre" / "weights" / "starter-labels.json"
PENALTY = 1.0  # on the squares of the standardised coefficients, as against the sum over marks
LIGHT = {"dark": (0.0, 1 / 3), "middle": (1 / 3, 2 / 3), "light": (2 / 3, 1.01)}  # of `skin_light`


@dataclass(frozen=True)
class Seen:
    """One labelled mark as the verdict sees it."""

    temporary: bool
    share: float
    size: float
    light: float


@torch.inference_mode()
def look_at(network: BPFRe, path: Path, labelled: LabelledPhoto, detector: FaceDetector) -> list[Seen]:
    """Gather the evidence of a photo's marks, each where it is corrected most; none where no face is found."""
    photo = read_photo(path)
    faces = detector.detect([np.array(rgb8(photo))])[0]
    if not faces:
        return []
    crop = cut_face(photo, max(faces, key=lambda face: face.size), sizes=crop_sizes(network), min_face=0)
    image = torch.from_numpy(crop.pixels).permute(2, 0, 1)[None].float()
    out = network.look(image)
    size = half((out.coarse - image).abs().mean(1, keepdim=True)) + 1e-9
    found = evidence(image, out.coarse.float(), out.refined.float(), max(image.shape[2:]) / network.config.size)
    maps = torch.cat([*found, size], dim=1)[0].permute(1, 2, 0).numpy()
    marks = []
    for mark in labelled.marks:
        place = mark.moved(crop.matrix)
        part, distance = around(maps, (place.x - 0.5) / 2, (place.y - 0.5) / 2, reach := max(1.0, place.radius / 2))
        if (inside := distance <= reach).any():
            *values, weights = part[inside].T
            means = (float(np.average(value, weights=weights)) for value in values)
            marks.append(Seen(mark.kind in TEMPORARY, *means))
    return marks


def fit(seen: list[Seen]) -> dict[str, float]:
    """Coefficients of the log odds by the names that `bpfre.network.verdict` has for them."""
    columns = Tensor([(mark.share, mark.size, mark.light, mark.share * mark.light) for mark in seen]).double()
    wanted = Tensor([mark.temporary for mark in seen]).double()
    weight = torch.where(wanted > 0, 0.5 / wanted.mean(), 0.5 / (1 - wanted.mean()))
    centre, spread = columns.mean(0), columns.std(0)
    standard = (columns - centre) / spread
    odds = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([odds], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        logits = standard @ odds[1:] + odds[0]
        total = F.binary_cross_entropy_with_logits(logits, wanted, weight, reduction="sum")
        total = total + PENALTY / 2 * odds[1:].square().sum()
        total.backward()
        return total

    optimiser.step(loss)
    slopes = (odds[1:] / spread).detach()
    bias = float(odds[0].detach() - (slopes * centre).sum())
    names = ("SHARE", "SIZE", "LIGHT", "SHARE_ON_LIGHT")
    return dict(zip(names, slopes.tolist(), strict=True)) | {"BIAS": bias}


def right(seen: list[Seen]) -> Table:
    """Share of each sort that the odds as they are decide rightly, by the light of the skin."""
    table = Table("skin", "temporary", "go", "permanent", "stay")
    for name, (low, high) in LIGHT.items():
        row: list[str] = []
        for temporary in (True, False):
            marks = [mark for mark in seen if mark.temporary == temporary and low <= mark.light < high]
            rightly = [(odds_of(mark) > 0) == temporary for mark in marks]
            row += [str(len(marks)), f"{np.mean(rightly):.1%}" if marks else ""]
        table.add_row(name, *row)
    return table


def odds_of(mark: Seen) -> float:
    """Log odds of `verdict` for one mark."""
    return float(Evidence(*(torch.tensor(value) for value in (mark.share, mark.size, mark.light))).odds)


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--labels", type=Path, default=LABELS)
    options = parser.parse_args()
    tune_allocator()
    network, detector = load_network(options.weights).eval(), open_detector("mtcnn")
    if not network.config.apart:
        parser.exit(1, "These weights have no verdict: their stages are not apart.\n")
    photos = track(read_labels(options.labels).photos, "Looking", console=Console(stderr=True), transient=True)
    seen = [mark for p in photos for mark in look_at(network, options.faces / p.photo, p, detector)]
    console = Console(width=110)
    console.print(right(seen))
    if options.labels == LABELS:
        console.print("Fitted: " + ", ".join(f"{name} = {value:.2f}" for name, value in fit(seen).items()))


if __name__ == "__main__":
    main()
