"""Square looks at a photo: the whole of it letterboxed, tiles of it, or one face close up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from bpfre.faces.face import Face

OVERVIEW = 512  # px of the photo's longer side in the overview
BORDER = 64  # px around the overview, so that a face that fills the frame has surroundings
TILE = 1536  # largest side of a view, px
STEP = 64  # sides of views are multiples of this, so that photos of like sizes share a batch
COARSER = 8.0  # how much smaller each next look at a large photo is
CLOSE_UP = 320  # side of a close-up, px
CLOSE_UP_FACE = 0.55  # longer side of the face in a close-up, in sides of it
_PADDING = (123, 117, 104)  # mean colour of the photos that the networks were trained on, RGB


@dataclass(frozen=True)
class View:
    """A square picture with a scaled part of a photo in its middle."""

    part: tuple[int, int, int, int]  # x0, y0, x1, y1 in photo px, half open, inside the frame
    size: tuple[int, int]  # width and height in px of that part in the view
    side: int  # of the square, px
    place: tuple[int, int]  # left, top of the part in the square

    @property
    def scale(self) -> tuple[float, float]:
        """View px a photo px, across and down."""
        x0, y0, x1, y1 = self.part
        return self.size[0] / (x1 - x0), self.size[1] / (y1 - y0)

    def render(self, image: np.ndarray) -> np.ndarray:
        """Return the view of `image` ([H, W, 3] uint8) as [side, side, 3] uint8."""
        x0, y0, x1, y1 = self.part
        part = image[y0:y1, x0:x1]
        if self.size != (x1 - x0, y1 - y0):
            shrinks = self.size[0] < x1 - x0 or self.size[1] < y1 - y0
            part = cv2.resize(part, self.size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        square = np.full((self.side, self.side, 3), _PADDING, np.uint8)
        left, top = self.place
        square[top : top + self.size[1], left : left + self.size[0]] = part
        return square

    def to_photo(self, points: np.ndarray) -> np.ndarray:
        """Map [K, 2] points from view px to photo px (pixel centres at integers in both)."""
        scale, corner = np.array(self.scale), np.array(self.part[:2])
        return (np.asarray(points, np.float64) + 0.5 - self.place) / scale - 0.5 + corner

    def face_to_photo(self, face: Face) -> Face:
        """Map a face found in this view to photo px."""
        return Face(
            box=self.to_photo(face.box.reshape(2, 2)).reshape(4).astype(np.float32),
            landmarks=self.to_photo(face.landmarks).astype(np.float32),
            score=face.score,
        )


def plan_views(shape: tuple[int, ...], *, min_face: float, reach: float) -> list[View]:
    """Return the views in which every face of a photo can be seen at a size that the network notices.

    An overview holds the largest faces. Where the smallest wanted face would be less than `reach` px in it,
    finer scales follow, in tiles where they are large. Tiles overlap by more than the largest face that the
    next coarser scale might miss, so each face is whole in some view.

    Args:
        shape: height and width of the photo.
        min_face: longer side of the smallest wanted face, photo px.
        reach: longer side of the smallest face that the network notices, view px.
    """
    height, width = shape[:2]
    if not height or not width:
        return []
    longer = max(height, width)
    coarsest = min(1.0, OVERVIEW / longer)
    views = [_letterbox((0, 0, width, height), coarsest, BORDER)]
    scale = min(1.0, reach / min_face)
    overlap = math.ceil(1.2 * COARSER * reach)
    while scale > coarsest * 1.1:
        for top, bottom in _tile_spans(height, scale, overlap):
            for left, right in _tile_spans(width, scale, overlap):
                views.append(_letterbox((left, top, right, bottom), scale, 0))
        scale /= COARSER
    return views


def close_up(face: Face, shape: tuple[int, ...]) -> View | None:
    """Return a view with the face large in its middle, or None where the face lies outside of the photo."""
    height, width = shape[:2]
    reach = max(face.size, 1.0) / CLOSE_UP_FACE / 2
    middle_x, middle_y = (face.box[:2] + face.box[2:]) / 2 + 0.5
    x0, x1 = max(0, math.floor(middle_x - reach)), min(width, math.ceil(middle_x + reach))
    y0, y1 = max(0, math.floor(middle_y - reach)), min(height, math.ceil(middle_y + reach))
    if x1 <= x0 or y1 <= y0:
        return None
    scale = CLOSE_UP / (2 * reach + 2)
    size = _scaled(x1 - x0, scale), _scaled(y1 - y0, scale)
    left = min(max(0, round((x0 - middle_x) * scale + CLOSE_UP / 2)), CLOSE_UP - size[0])
    top = min(max(0, round((y0 - middle_y) * scale + CLOSE_UP / 2)), CLOSE_UP - size[1])
    return View((x0, y0, x1, y1), size, CLOSE_UP, (left, top))


def _scaled(length: int, scale: float) -> int:
    return max(1, round(length * scale))


def _letterbox(part: tuple[int, int, int, int], scale: float, border: int) -> View:
    x0, y0, x1, y1 = part
    size = _scaled(x1 - x0, scale), _scaled(y1 - y0, scale)
    side = STEP * math.ceil((max(size) + 2 * border) / STEP)
    return View(part, size, side, ((side - size[0]) // 2, (side - size[1]) // 2))


def _tile_spans(length: int, scale: float, overlap: int) -> list[tuple[int, int]]:
    """Cut `length` photo px into even spans of at most `TILE` view px that share `overlap` of them."""
    longest, shared = TILE / scale, overlap / scale
    if length <= longest:
        return [(0, length)]
    count = math.ceil((length - shared) / (longest - shared))
    tile = math.ceil((length + (count - 1) * shared) / count)
    return [(start, start + tile) for start in (round(i * (length - tile) / (count - 1)) for i in range(count))]
