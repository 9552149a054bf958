"""Run retouchers over pictures as a user would: through the runner, face detection and pasting included."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import imageio.v3 as iio
import numpy as np

from bpfre.errors import PhotoError
from bpfre.faces import Face, FaceDetector
from bpfre.photos import read_photo
from bpfre.retouching import Job, RetouchSettings, retouch_photos
from bpfre.retouching.batches import Network


class RememberingDetector:
    """A detector that looks at each picture once, however many retouchers are run over it."""

    def __init__(self, detector: FaceDetector) -> None:
        self._detector = detector
        self.name = detector.name
        self._found: dict[bytes, list[Face]] = {}

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        """Find the faces of pictures, [H, W, 3] uint8 each."""
        keys = [hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16).digest() for image in images]
        for key, image in zip(keys, images, strict=True):
            if key not in self._found:
                self._found[key] = self._detector.detect([image])[0]
        return [self._found[key] for key in keys]


def retouch_pictures(
    pictures: Mapping[str, np.ndarray],
    network: Network,
    detector: FaceDetector,
    settings: RetouchSettings | None = None,
) -> dict[str, np.ndarray]:
    """Retouch pictures with the runner, as lossless files.

    Lossless, so that what is measured is the retouching and not the encoder.

    Args:
        pictures: name -> [H, W, 3] uint8.
        network: in evaluation mode.
        detector: finds the faces.
        settings: of the run; the default ones by default.
    Returns:
        name -> [H, W, 3] uint8; equal to the picture where nothing was retouched.
    Raises:
        PhotoError: the runner failed on a picture.
    """
    with tempfile.TemporaryDirectory() as place:
        jobs = {}
        for number, (name, pixels) in enumerate(pictures.items()):
            source = Path(place) / f"{number}.tif"
            iio.imwrite(source, pixels, plugin="tifffile", photometric="rgb")
            jobs[Job(source, Path(place) / "done" / source.name)] = name
        results = {}
        for result in retouch_photos(list(jobs), settings or RetouchSettings(), network=network, detector=detector):
            name = jobs[Job(result.source, result.destination)]
            if result.status == "failed":
                raise PhotoError(f"{name} could not be retouched: {result.reason}")
            results[name] = np.array(read_photo(result.destination).rgb)
        return {name: results[name] for name in pictures}
