"""Make the photographs in examples/photos from public-domain portraits that come inside two packages.

Run: pip install ".[examples]" && python examples/make_photos.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.cbook
import numpy as np
import skimage.data
from PIL import Image

from bpfre.blemishes import draw_marks, estimate_skin, place_marks
from bpfre.faces import align, open_detector, paste

PHOTOS = Path(__file__).parent / "photos"
SEED = 11
MARKS = 16


def with_blemishes(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw blemishes onto the largest face: [H, W, 3] uint8 -> same."""
    face = open_detector("mtcnn").detect([rgb])[0][0]
    crop = align(rgb, face, size=512)
    skin = estimate_skin(crop.pixels)
    marks = place_marks(skin, rng, density=200, keep=False, contrast=1.5)
    # Only marks that are large enough to be seen in small pictures, and no more than a face may have.
    marks = [mark for mark in marks if mark.kind in ("pimple", "pustule", "scab") and mark.radius > 3.2][:MARKS]
    out = rgb.copy()
    paste(out, crop, draw_marks(crop.pixels, marks) - crop.pixels)
    return out


def main() -> None:
    """Write both portraits as they are and with blemishes."""
    PHOTOS.mkdir(exist_ok=True)
    portraits = {
        "astronaut": skimage.data.astronaut(),
        "grace_hopper": np.asarray(Image.open(matplotlib.cbook.get_sample_data("grace_hopper.jpg")).convert("RGB")),
    }
    for name, rgb in portraits.items():
        rng = np.random.default_rng(SEED)
        Image.fromarray(rgb).save(PHOTOS / f"{name}.jpg", quality=95, subsampling=0)
        Image.fromarray(with_blemishes(rgb, rng)).save(PHOTOS / f"{name}_blemishes.jpg", quality=95, subsampling=0)


if __name__ == "__main__":
    main()
