"""How well weights remove drawn blemishes from people kept out of training, and what they change elsewhere.

Run: python benchmarks/heldout.py FACES [--weights starter]

FACES holds the photographs of `models/bpfre/weights/starter.md`. Only photos that match `starter-holdout.txt` are
used. The blemishes have outlines, rims and pigments outside the ranges of training (see `KINDS`).

Columns: `left` is the share of a blemish's contrast (disc against ring, CIE Lab, relative to the photo without it)
that remains, median over the blemishes; `removed` the share of blemishes of which less than half remains;
`elsewhere` the mean absolute change outside the blemishes in grey levels of 255; `texture` the high-pass energy of
skin outside the blemishes, after over before.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from bpfre.blemishes import Mark, draw_marks, estimate_skin
from bpfre.evaluation.contrast import high_pass_energy, local_contrast, to_lab
from bpfre.faces import align, open_detector
from bpfre.network import BPFRe
from bpfre.photos import find_photos, read_photo, rgb8
from bpfre.runtime import tune_allocator
from bpfre.training.data import held_out, read_patterns
from bpfre.weights import load_network

HOLD_OUT = Path(__file__).parents[1] / "models" / "bpfre" / "weights" / "starter-holdout.txt"
SEED, MARKS = 20, 14  # blemishes a face
# Ranges: radius [px of 512], haemoglobin and melanin [optical density], rim [share of the radius]. Their rims,
# pigment mixtures and axis ratios lie beyond what training draws.
ASPECT = (1.6, 2.2)
KINDS = {
    "red blob": {"radius": (3.0, 6.0), "haemoglobin": (0.25, 0.45), "melanin": (0.0, 0.0), "edge": (1.1, 1.4)},
    "dark scab": {"radius": (2.0, 4.0), "haemoglobin": (0.3, 0.5), "melanin": (0.26, 0.4), "edge": (0.65, 0.9)},
    "brown mark": {"radius": (3.0, 6.0), "haemoglobin": (0.16, 0.22), "melanin": (0.1, 0.16), "edge": (1.0, 1.2)},
}


@dataclasses.dataclass(frozen=True)
class Score:
    """Figures of one picture of one face."""

    left: np.ndarray  # [marks] share of contrast that remains
    elsewhere: float  # grey levels
    texture: float  # ratio


def draw(skin: np.ndarray, rng: np.random.Generator) -> list[Mark]:
    """Choose blemishes at least 24 px apart, well inside the skin."""
    inner = cv2.distanceTransform(skin.astype(np.uint8), cv2.DIST_L2, 5) > 9
    marks: list[Mark] = []
    for _ in range(400):
        rows, columns = np.nonzero(inner)
        if len(marks) == MARKS or not len(rows):
            break
        at = rng.integers(len(rows))
        x, y = float(columns[at]), float(rows[at])
        kind = KINDS[str(rng.choice(list(KINDS)))]
        values = {name: float(rng.uniform(*span)) for name, span in {**kind, "aspect": ASPECT}.items()}
        waves = tuple((float(rng.normal(0, 0.1)), float(rng.uniform(0, 6.28))) for _ in range(3))
        marks.append(Mark(kind="pimple", x=x, y=y, waves=waves, angle=float(rng.uniform(0, 3.14)), **values))
        cv2.circle(mask := inner.astype(np.uint8), (int(x), int(y)), 24, 0, -1)
        inner = mask.astype(bool)
    return marks


def contrast_of(lab: np.ndarray, mark: Mark) -> np.ndarray:
    """Mean Lab of the disc minus that of the ring around it. -> [3]"""
    reach = mark.radius * mark.aspect**0.5 * (1 + mark.edge)
    return local_contrast(
        lab, mark.x, mark.y, disc=0.7 * mark.radius, ring=(reach + 1, reach + 5), ring_average=np.mean
    )


def score(base: np.ndarray, raw: np.ndarray, result: np.ndarray, marks: list[Mark], skin: np.ndarray) -> Score:
    """Compare a result with the photo before blemishes were drawn (`base`) and after (`raw`)."""
    labs = [to_lab(p) for p in (base, raw, result)]
    left = []
    for mark in marks:
        before, drawn, after = (contrast_of(lab, mark) for lab in labs)
        left.append(np.linalg.norm(after - before) / np.linalg.norm(drawn - before))
    touched = np.abs(raw - base).max(axis=2) > 0.5 / 255
    outside = ~cv2.dilate(touched.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    change = float(np.abs(result - raw).mean(axis=2)[outside].mean() * 255)
    texture = high_pass_energy(result, outside & skin) / high_pass_energy(raw, outside & skin)
    return Score(np.array(left), change, texture)


@torch.inference_mode()
def stages(network: BPFRe, raw: np.ndarray) -> dict[str, np.ndarray]:
    """Run both stages: [S, S, 3] -> each stage's picture, finished, the unedited input first."""
    x = torch.from_numpy(raw).permute(2, 0, 1)[None]
    out = network(x)
    images = {"coarse": network.finish(x, out.coarse), "refined": out.refined}
    return {"unedited": raw} | {name: image[0].permute(1, 2, 0).numpy() for name, image in images.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--weights", default="starter")
    parser.add_argument("--only", default="london/*", help="glob of photos, below FACES")
    options = parser.parse_args()
    tune_allocator()
    network, detector = load_network(options.weights), open_detector("mtcnn")
    patterns, rows = read_patterns(HOLD_OUT), []
    for index, photo in enumerate(find_photos([options.faces])):
        if not held_out(photo.relative, patterns) or not held_out(photo.relative, [options.only]):
            continue
        picture = read_photo(photo.path)
        found = detector.detect([rgb8(picture)])[0]
        base = align(picture.rgb, found[0], size=network.config.size).pixels
        skin = estimate_skin(base)
        marks = draw(skin, np.random.default_rng((SEED, index)))
        if not marks:
            continue
        raw = draw_marks(base, marks)
        results = stages(network, raw)
        rows.append((photo.relative.as_posix(), {k: score(base, raw, v, marks, skin) for k, v in results.items()}))
    table = Table(title=f"{len(rows)} photos of people kept out of training, weights {options.weights}")
    for column in ("photo", "stage", "blemishes", "left", "removed", "elsewhere", "texture"):
        table.add_column(column, justify="left" if column in ("photo", "stage") else "right")

    def add(name: str, stage: str, scores: list[Score]) -> None:
        left = np.concatenate([s.left for s in scores])
        table.add_row(
            name,
            stage,
            str(len(left)),
            f"{np.median(left):.2f}",
            f"{(left < 0.5).mean():.0%}",
            f"{np.mean([s.elsewhere for s in scores]):.3f}",
            f"{np.mean([s.texture for s in scores]):.3f}",
        )

    for name, scores in rows:
        add(name, "refined", [scores["refined"]])
    table.add_section()
    for stage in ("unedited", "coarse", "refined"):
        add("all", stage, [scores[stage] for _, scores in rows])
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
