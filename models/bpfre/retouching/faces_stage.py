"""What happens to faces, without threads: find them in several photos, cut each out, put its correction back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bpfre.errors import FaceRefusedError
from bpfre.faces import Face, FaceCrop, FaceDetector, align, crop_box, crop_extent, paste
from bpfre.photos import Photo, rgb8
from bpfre.retouching.batches import size_for
from bpfre.retouching.masks import blend
from bpfre.retouching.results import FaceResult, FaceStatus
from bpfre.retouching.sentences import sentence


def find_faces(detector: FaceDetector, photos: Sequence[Photo]) -> list[list[Face] | Exception]:
    """Return each photo's faces, or why they could not be looked for. A group that fails is tried photo by photo."""
    try:
        return list(detector.detect([rgb8(photo) for photo in photos]))
    except Exception as error:
        if len(photos) == 1:
            return [error]
    return [find_faces(detector, [photo])[0] for photo in photos]


def cut_face(photo: Photo, face: Face, *, sizes: Sequence[int], min_face: float) -> FaceCrop:
    """Align one face at the working size that suits it.

    Raises:
        FaceRefusedError: it is smaller than `min_face`, or cannot be aligned.
    """
    if face.size < min_face:
        raise FaceRefusedError(f"The face is {face.size:.0f} px large, less than {min_face:g} px.")
    return align(photo.rgb, face, size=size_for(crop_extent(face), sizes))


def put_back(
    rgb: np.ndarray, crop: FaceCrop, correction: np.ndarray, *, strength: float, share: np.ndarray | None = None
) -> FaceResult:
    """Paste one correction in place and measure what changed; the photo is as before where that fails.

    Args:
        rgb: [H, W, 3] uint8 or uint16, changed in place.
        crop: where the correction belongs.
        correction: [S, S, 3] float32.
        strength: factor on the correction.
        share: [H, W] uint8, see `share_of`.
    """
    x0, y0, x1, y1 = crop_box(crop, rgb.shape[:2])
    region = rgb[y0:y1, x0:x1]
    before = region.copy()
    try:
        paste(rgb, crop, correction, strength=strength)
        if share is not None:
            region[...] = blend(before, region, share[y0:y1, x0:x1])
    except BaseException:
        region[...] = before
        raise
    change = np.where(region > before, region - before, before - region)
    largest = float(change.max(initial=0))
    to_levels = 255 / np.iinfo(rgb.dtype).max
    return _result(
        crop.face,
        "retouched" if largest else "unchanged",
        region=(x0, y0, x1, y1),
        mean_change=float(change.mean()) * to_levels if largest else 0.0,
        max_change=largest * to_levels,
    )


def skipped(face: Face, reason: str) -> FaceResult:
    """Return the result of a face that the user did not choose."""
    return _result(face, "skipped", reason=reason)


def refused(face: Face, error: Exception) -> FaceResult:
    """Return the result of a face that a step failed on."""
    return _result(face, "refused", reason=sentence(error, "retouched"))


def _result(
    face: Face,
    status: FaceStatus,
    *,
    region: tuple[int, int, int, int] | None = None,
    reason: str = "",
    mean_change: float = 0.0,
    max_change: float = 0.0,
) -> FaceResult:
    x0, y0, x1, y1 = (round(float(value), 1) for value in face.box)
    return FaceResult(
        box=(x0, y0, x1, y1),
        score=round(float(face.score), 4),
        size=round(face.size, 1),
        status=status,
        region=region,
        reason=reason,
        mean_change=round(mean_change, 4),
        max_change=round(max_change, 2),
    )
