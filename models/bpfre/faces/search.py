"""Find the faces of whole photos: look at every scale, then look again closely at what was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from bpfre.faces.duplicates import drop_duplicates, intersection
from bpfre.faces.face import Face
from bpfre.faces.finder import Finder
from bpfre.faces.views import CLOSE_UP, CLOSE_UP_FACE, TILE, View, close_up, plan_views

BATCH_PIXELS = 2 * TILE * TILE  # px of all squares of one forward, which bounds the memory
SAME_FACE = 0.3  # intersection over union of a first and a second look at one face

Look = tuple[int, View]  # which photo, and the view of it


class FaceSearch:
    """A face detector for photos of any sizes, made of a network that finds faces in squares.

    The first look takes views of all photos together, by size of their squares. The second look cuts out each
    find at a fixed size: it refuses what only resembled a face, and places landmarks as well on small faces.
    """

    def __init__(self, finder: Finder, *, min_face: float = 40) -> None:
        if not min_face > 0:
            raise ValueError(f"min_face has to be positive, not {min_face}")
        self._finder = finder
        self._min_face = max(float(min_face), finder.reach)
        self.name = finder.name

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        """Find the faces of several photos.

        Args:
            images: [H, W, 3] uint8 RGB each, of any sizes.
        Returns:
            For each photo its faces in photo px, the largest first. A photo gives the same faces alone and
            together with others.
        """
        for image in images:
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
                raise ValueError(f"images have to be [H, W, 3] uint8, not {list(image.shape)} {image.dtype}")
        found = self._first_look(images)
        confirmed = self._second_look(images, found)
        return [_largest_first(drop_duplicates(faces)) for faces in confirmed]

    def _first_look(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        finder = self._finder
        looks = [
            (index, view)
            for index, image in enumerate(images)
            for view in plan_views(image.shape, min_face=self._min_face, reach=finder.reach)
        ]
        found: list[list[Face]] = [[] for _ in images]
        for (index, _), faces in zip(
            looks, self._look(images, looks, smallest=finder.reach, least=finder.notice), strict=True
        ):
            found[index].extend(face for face in faces if face.size >= self._min_face / 2)
        return [drop_duplicates(faces) for faces in found]

    def _second_look(self, images: Sequence[np.ndarray], found: list[list[Face]]) -> list[list[Face]]:
        looks: list[Look] = []
        sought: list[Face] = []
        for index, faces in enumerate(found):
            for face in faces:
                view = close_up(face, images[index].shape)
                if view is not None:
                    looks.append((index, view))
                    sought.append(face)
        seen = self._look(images, looks, smallest=CLOSE_UP * CLOSE_UP_FACE / 3, least=self._finder.accept)
        confirmed: list[list[Face]] = [[] for _ in images]
        for (index, _), face, faces in zip(looks, sought, seen, strict=True):
            best = max(faces, key=lambda other: intersection(face, other)[0], default=None)
            if best is not None and intersection(face, best)[0] > SAME_FACE:
                confirmed[index].append(best)
        return confirmed

    def _look(
        self, images: Sequence[np.ndarray], looks: Sequence[Look], *, smallest: float, least: float
    ) -> list[list[Face]]:
        """Run the network over views, batched by size; return each view's faces in photo px."""
        by_side: dict[int, list[int]] = defaultdict(list)
        for position, (_, view) in enumerate(looks):
            by_side[view.side].append(position)
        results: list[list[Face]] = [[] for _ in looks]
        for side, positions in by_side.items():
            at_once = max(1, BATCH_PIXELS // side**2)
            for start in range(0, len(positions), at_once):
                chunk = positions[start : start + at_once]
                views = [looks[position][1] for position in chunk]
                photos = [images[looks[position][0]] for position in chunk]
                squares = np.stack([view.render(photo) for view, photo in zip(views, photos, strict=True)])
                finds = self._finder.find(squares, smallest=smallest, least=least)
                for position, view, faces in zip(chunk, views, finds, strict=True):
                    results[position] = [view.face_to_photo(face) for face in faces]
        return results


def _largest_first(faces: list[Face]) -> list[Face]:
    return sorted(faces, key=lambda face: face.size, reverse=True)
