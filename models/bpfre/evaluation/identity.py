"""Whether the person is still the same, as a face-recognition network sees it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from bpfre.errors import FaceRefusedError, WeightsError
from bpfre.evaluation.gauges import Column, Measured
from bpfre.faces import Face, align
from bpfre.weights.catalog import ARCFACE
from bpfre.weights.published import read_verified

if TYPE_CHECKING:
    from torch import Tensor

_CROP, _INNER = 256, (35, 223, 32, 220)  # an FFHQ crop and the part of it (rows, columns) that ArcFace is shown
_INPUT = 112  # px


class IdentityGauge:
    """ArcFace of facexlib: cosine of the embeddings of a result and of the unedited photo."""

    columns = (
        Column(
            "identity",
            "identity",
            "higher",
            4,
            "cosine of ArcFace IR-SE50 embeddings of the result and the unedited photo, largest face; facexlib",
        ),
    )

    def __init__(self, device: str) -> None:
        """Build the network.

        Raises:
            WeightsError: its weights are not here, or damaged.
        """
        import torch
        from facexlib.recognition.arcface_arch import Backbone

        path = ARCFACE.find()
        if path is None:
            raise WeightsError(f"The {ARCFACE.title} weights are not on this machine.", ARCFACE.how_to_get)
        state = torch.load(io.BytesIO(read_verified(path, ARCFACE)), map_location="cpu", weights_only=True)
        self._network = Backbone(num_layers=50, drop_ratio=0.6, mode="ir_se")
        self._network.load_state_dict(state)
        self._network.to(device).eval().requires_grad_(False)
        self._device = device

    def __call__(self, measured: Measured) -> dict[str, float | None]:
        """Compare with the unedited photo; None where no face was found or it cannot be aligned."""
        if measured.face is None:
            return {"identity": None}
        try:
            pictures = [face_input(picture, measured.face) for picture in (measured.result, measured.raw)]
        except FaceRefusedError:
            return {"identity": None}
        import torch

        with torch.inference_mode():
            result, raw = self._network(torch.cat(pictures).to(self._device))
        return {"identity": float((result * raw).sum())}


def face_input(picture: np.ndarray, face: Face) -> Tensor:
    """Cut out what ArcFace is shown, as e4e and its followers do. [H, W, 3] uint8 -> [1, 3, 112, 112] in [-1, 1]

    Raises:
        FaceRefusedError: the face cannot be aligned.
    """
    import torch
    from torch.nn.functional import adaptive_avg_pool2d

    top, bottom, left, right = _INNER
    inner = align(picture, face, size=_CROP).pixels[top:bottom, left:right]
    pixels = torch.from_numpy(inner.copy()).permute(2, 0, 1)[None] * 2 - 1
    return adaptive_avg_pool2d(pixels, _INPUT)
