"""Detectors and pictures of aligned faces."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from bpfre.faces import Face, align
from bpfre.faces.template import template


class TemplateFace:
    """A detector that finds every picture's face where FFHQ has it, moved by a share of the picture's side."""

    name = "template"

    def __init__(self, shift: float = 0.0) -> None:
        self.shift, self.calls = shift, 0

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        self.calls += len(images)
        return [self._faces(image) for image in images]

    def _faces(self, image: np.ndarray) -> list[Face]:
        if image.std() < 5:  # plain pictures hold no face
            return []
        side = min(image.shape[:2])
        landmarks = (template(side) + self.shift * side).astype(np.float32)
        box = np.array([0.2, 0.2, 0.8, 0.9], np.float32) * side
        return [Face(box=box, landmarks=landmarks, score=0.9)]


@pytest.fixture
def template_face() -> TemplateFace:
    return TemplateFace()


@pytest.fixture
def shifted_face() -> TemplateFace:
    """A detector whose faces are far from where aligned crops have them."""
    return TemplateFace(0.08)


@pytest.fixture(scope="session")
def crop(portrait: np.ndarray) -> np.ndarray:
    """[128, 128, 3] uint8: the portrait's face, cut out as FFHQ's are."""
    landmarks = [[204.1, 100.1], [246.8, 102.7], [224.5, 128.8], [201.5, 139.0], [244.8, 141.5]]
    face = Face(box=np.array([178.6, 58.8, 267.8, 171.4]), landmarks=np.array(landmarks), score=1.0)
    return np.rint(align(portrait, face, size=128).pixels * 255).astype(np.uint8)


@pytest.fixture(scope="session")
def healed(crop: np.ndarray) -> np.ndarray:
    """The same with one edit, of 6 % of the pixels at the right cheek."""
    edited = crop.copy()
    cv2.circle(edited, (88, 80), 9, (220, 170, 150), -1)
    return edited
