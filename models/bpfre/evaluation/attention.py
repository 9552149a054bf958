"""Run the network on the faces of a photo as retouch does, and keep everything that it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bpfre.errors import FaceRefusedError, PhotoError
from bpfre.faces import Face, FaceCrop, FaceDetector, feather, reaches_out
from bpfre.photos import Photo
from bpfre.retouching.batches import crop_sizes, device_of
from bpfre.retouching.faces_stage import cut_face, find_faces
from bpfre.retouching.sentences import sentence

if TYPE_CHECKING:
    import torch

    from bpfre.network import BPFRe


@dataclass(frozen=True, eq=False)
class FacePass:
    """One pass of the network over one face. S is the working size that retouch chooses for it."""

    crop: FaceCrop  # the input
    coarse: np.ndarray  # [S, S, 3] float32, about [0, 1]: after the first stage
    refined: np.ndarray  # [S, S, 3] float32, about [0, 1]: the result
    map_e2d: np.ndarray  # [S, S] float32 in [0, 1]: blemishes seen between encoder and decoder
    map_d2g: np.ndarray  # [S, S] float32 in [0, 1]: blemishes seen between decoder and generator
    weights_e2d: tuple[np.ndarray, ...]  # suppression weights, a scale each, finest first, [h, w] float32 in [0, 1]
    weights_d2g: tuple[np.ndarray, ...]
    unfinished: np.ndarray | None = None  # as `refined`, before marks are finished; None where nothing is finished
    apart: bool = False  # whether the network's stages have jobs of their own
    mirrored: bool = False  # whether the crop reaches beyond the photo, where it is filled with the mirrored photo

    @property
    def size(self) -> int:
        """Working size, px."""
        return len(self.crop.pixels)

    @property
    def correction(self) -> np.ndarray:
        """What retouch adds to the photo at full strength: refined minus input, faded out at the edge. [S, S, 3]"""
        return (self.refined - self.crop.pixels) * feather(self.size)


def faces_of(photo: Photo, detector: FaceDetector) -> list[Face]:
    """Find a photo's faces, the largest first.

    Raises:
        PhotoError: the detector fails on the photo.
    """
    faces = find_faces(detector, [photo])[0]
    if isinstance(faces, Exception):
        raise PhotoError(sentence(faces, "searched for faces")) from faces
    return faces


def face_pass(network: BPFRe, photo: Photo, face: Face, *, min_face: float = 40.0) -> FacePass:
    """Run the network on one face, cut out at the working size that retouch chooses.

    Args:
        network: in evaluation mode; computes in single precision on the device where it is.
        photo: as read.
        face: one of its faces.
        min_face: longer side of the smallest face looked at, px of the photo.

    Raises:
        FaceRefusedError: retouch would leave the face as it is.
    """
    crop = cut_face(photo, face, sizes=crop_sizes(network), min_face=min_face)
    import torch

    with torch.inference_mode():
        pixels = torch.from_numpy(crop.pixels).to(device_of(network, "cpu"))
        pixels = pixels.permute(2, 0, 1)[None]
        out = network.stages(pixels)
        refined = network.finish(pixels, out.refined)
    if not refined.isfinite().all():
        raise FaceRefusedError("The network's output holds values that are not numbers.")
    return FacePass(
        crop=crop,
        coarse=_image(out.coarse),
        refined=_image(refined),
        map_e2d=_plane(out.map_e2d),
        map_d2g=_plane(out.map_d2g),
        weights_e2d=tuple(_plane(weights) for weights in out.weights_e2d),
        weights_d2g=tuple(_plane(weights) for weights in out.weights_d2g),
        unfinished=_image(out.refined) if network.config.completion else None,
        apart=network.config.apart,
        mirrored=reaches_out(crop, photo.rgb.shape),
    )


def _image(tensor: torch.Tensor) -> np.ndarray:
    """[1, C, H, W] -> [H, W, C] float32."""
    return tensor[0].permute(1, 2, 0).float().cpu().numpy()


def _plane(tensor: torch.Tensor) -> np.ndarray:
    """[1, 1, H, W] -> [H, W] float32."""
    return tensor[0, 0].float().cpu().numpy()
