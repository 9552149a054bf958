"""Run the network on every face of a photo and lay out what its stages and maps show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from bpfre.errors import FaceRefusedError
from bpfre.evaluation.sheets import attention_sheet
from bpfre.faces import align
from bpfre.photos import read_photo, rgb8
from bpfre.photos.atomic import atomic_file

if TYPE_CHECKING:
    import torch

    from bpfre.faces import FaceDetector
    from bpfre.network import BPFRe


def attention_sheets(photo: Path, network: BPFRe, detector: FaceDetector) -> Iterator[np.ndarray]:
    """Yield one sheet a face, largest face first; faces that cannot be aligned are left out.

    Yields:
        [H, W, 3] uint8 RGB.

    Raises:
        PhotoError: the photo cannot be read.
    """
    import torch

    picture = read_photo(photo)
    device = next(network.parameters()).device
    for number, face in enumerate(detector.detect([rgb8(picture)])[0], 1):
        try:
            crop = align(picture.rgb, face, size=network.config.size)
        except FaceRefusedError:
            continue
        with torch.inference_mode():
            out = network(torch.from_numpy(crop.pixels).permute(2, 0, 1)[None].to(device))
        yield attention_sheet(
            crop.pixels,
            coarse=_image(out.coarse),
            refined=_image(out.refined),
            map_e2d=_image(out.map_e2d)[..., 0],
            map_d2g=_image(out.map_d2g)[..., 0],
            caption=f"{photo.name}, face {number}: {face.size:.0f} px, score {face.score:.2f}",
        )


def write_png(path: Path, rgb: np.ndarray) -> None:
    """Write [H, W, 3] uint8 RGB as a PNG, atomically.

    Raises:
        PhotoError: the disk refuses.
    """
    _, data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    with atomic_file(path) as file:
        file.write(data.tobytes())


def _image(tensor: torch.Tensor) -> np.ndarray:
    return tensor[0].permute(1, 2, 0).float().cpu().numpy()
