"""Choose the thresholds of the classical retoucher, so that tables compare with what it can do.

Run: python benchmarks/tune_classical.py FACES

Tries settings at random, then goes through them one after the other from the best, and keeps what scores best on
photos labelled by eye of seven people who are neither trained on nor measured (`real_skin/tuning.json`): share of
blemishes removed, plus share of permanent marks kept, plus share of controls unchanged, minus how far the texture is
from what it was.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bpfre.blemishes.labels import read_labels
from bpfre.evaluation.classical import ClassicalRetoucher, ClassicalSettings
from bpfre.evaluation.contenders import RememberingDetector, retouch_pictures
from bpfre.evaluation.real_skin import Summary, areas_of, score_photo, summarise
from bpfre.faces import open_detector
from bpfre.photos import read_photo, rgb8

LABELS = Path(__file__).with_name("real_skin") / "tuning.json"
SEED = 4
SMALL, MIDDLE, WIDE = (1.2, 1.8, 2.6), (1.2, 1.8, 2.6, 3.6), (1.2, 1.8, 2.6, 3.6, 5.0)
CHOICES: dict[str, tuple[object, ...]] = {
    "contrast": (0.7, 0.9, 1.1, 1.3, 1.5),
    "noise_factor": (2.0, 2.5, 3.0, 3.5, 4.0),
    "sigmas": (SMALL, MIDDLE, WIDE),
    "mole_darkness": (3.0, 4.0, 5.0, 6.5, 8.0),
    "mole_redness": (0.2, 0.3, 0.4, 0.55),
    "crowded": (0.15, 0.25, 0.4),
    "fine": (0.7, 1.0, 1.4, 2.0),
    "texture": (1.5, 2.5, 4.0),
    "grow": (0.5, 1.5, 2.5),
}


def worth(summary: Summary) -> float:
    """What the settings are chosen by; at most 3."""
    shares = (summary.removed, summary.kept, summary.unchanged)
    return sum(share or 0.0 for share in shares) - abs(1 - summary.texture)


def main() -> None:
    """Search and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--tries", type=int, default=80)
    options = parser.parse_args()
    photos = read_labels(LABELS).photos
    pictures = {p.photo: np.array(rgb8(read_photo(options.faces / p.photo))) for p in photos}
    detector = RememberingDetector(open_detector("mtcnn"))
    areas = {p.photo: areas_of(pictures[p.photo], detector.detect([pictures[p.photo]])[0][0], p) for p in photos}

    def measure(settings: ClassicalSettings) -> Summary:
        done = retouch_pictures(pictures, ClassicalRetoucher(settings), detector)
        return summarise([score_photo(pictures[p.photo], done[p.photo], p, areas[p.photo]) for p in photos])

    rng = random.Random(SEED)
    known = {ClassicalSettings(): measure(ClassicalSettings())}
    for _ in range(options.tries):
        tried = ClassicalSettings(**{name: rng.choice(values) for name, values in CHOICES.items()})  # type: ignore[arg-type]
        known[tried] = known.get(tried) or measure(tried)
    table = Table("setting", "value", "removed", "kept", "unchanged", "texture", "worth")
    for name, values in CHOICES.items():
        best = max(known, key=lambda settings: worth(known[settings]))
        for value in values:
            tried = dataclasses.replace(best, **{name: value})  # type: ignore[arg-type]
            known[tried] = known.get(tried) or measure(tried)
        best = max(known, key=lambda settings: worth(known[settings]))
        found = known[best]
        shares = (f"{share or 0:.1%}" for share in (found.removed, found.kept, found.unchanged))
        table.add_row(name, str(getattr(best, name)), *shares, f"{found.texture:.3f}", f"{worth(found):.3f}")
    console = Console(width=110)
    console.print(table)
    console.print(best)


if __name__ == "__main__":
    main()
