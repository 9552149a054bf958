"""Where skin is: exactly, from hand-placed landmarks, or estimated from the alignment and the colour of the cheeks."""

from __future__ import annotations

import cv2
import numpy as np

from bpfre.blemishes.density import to_density

# Contours by point number in the 189-point template of the Face Research Lab sets.
_FACE = [109, *range(134, 145), 112, 187, 113, 188, 114, 133]
_FACE += [132, 131, 130, 129, 128, 127, 126, 125, 111, 186, 110, 185]
_EYES = ([18, 19, 20, 21, 22, 30, 29, 28], [23, 24, 25, 26, 27, 33, 32, 31])
_BROWS = ([71, 72, 73, 74, 75, 76, 84, 83], [77, 78, 79, 80, 81, 82, 86, 85])
_LIPS = (87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108)
_NOSTRILS = ([61, 62, 63, 64, 65, 179, 180, 55], [66, 67, 68, 69, 70, 182, 181, 55])

_OUTLINE_MARGIN, _FEATURE_MARGIN = 12.0, 5.0  # distance kept from hairline and jaw, and from features, px at 512
# The same where spots are sought: lids, the corners of the eyes, the wings of the nose have shadows like spots.
_SPOT_MARGINS = {"outline": 8.0, "lids": 8.0, "eyes": 14.0, "nostrils": 9.0, "lips": 9.0}
_CREASE_MARGIN = 7.0  # kept from the rim of skin where nothing more is known, px at 512
_HAIR_DARKNESS, _HAIR_LIGHTNESS = (
    0.9,
    0.6,
)  # hair: that optical density above skin in red light, or that share of its L*

_MARK_AREA = 600.0  # px at 512: what is coloured unlike skin and smaller is a mark on it

# The same features in the five-point FFHQ template of a 512 crop: centre and half axes, px.
_ELLIPSES = (
    ((193, 240), (44, 26)),
    ((319, 240), (44, 26)),
    ((190, 205), (60, 22)),
    ((322, 205), (60, 22)),
    ((232, 322), (18, 13)),
    ((281, 322), (18, 13)),
    ((257, 372), (76, 34)),
)
# The same where all marks are to go, not only what is surely a blemish: nearer to the outline, the eyes and the lips.
_WIDE_ELLIPSES = (((193, 240), (44, 24)), ((319, 240), (44, 24)), *_ELLIPSES[2:-1], ((257, 372), (64, 28)))
_WIDE_OVAL, _WIDE_CREASE_MARGIN = ((256, 290), (146, 188)), 3.0
_CHEEKS = (((175, 315), 22), ((338, 315), 22), ((257, 165), 22))
_OVAL = ((256, 285), (128, 175))


def skin_from_landmarks(points: np.ndarray, shape: tuple[int, int], *, scale: float = 1.0) -> np.ndarray:
    """Draw facial skin: inside the face's outline, outside eyes, brows, nostrils and lips.

    Args:
        points: [189, 2] landmarks in px of the picture.
        shape: height and width of the picture.
        scale: size of the face relative to a 512 crop.

    Returns:
        [H, W] bool. Hair over the forehead and beards lie inside it.
    """
    features = [points[list(contour)] for contour in (*_EYES, *_BROWS, *_NOSTRILS, _LIPS)]
    skin = _inside(points, shape, _OUTLINE_MARGIN * scale)
    for feature in features:
        skin &= ~_near(feature, shape, _FEATURE_MARGIN * scale)
    return skin


def spot_area_from_landmarks(points: np.ndarray, shape: tuple[int, int], *, scale: float = 1.0) -> np.ndarray:
    """Draw where spots may be sought: skin without lids, the corners of the eyes and the wings of the nose.

    Arguments and result are those of `skin_from_landmarks`.
    """
    margins = {name: margin * scale for name, margin in _SPOT_MARGINS.items()}
    area = _inside(points, shape, margins["outline"])
    for eye, brow in zip(_EYES, _BROWS, strict=True):
        area &= ~_near(points[[*eye, *brow]], shape, margins["lids"]) & ~_near(points[eye], shape, margins["eyes"])
    for nostril in _NOSTRILS:
        area &= ~_near(points[nostril], shape, margins["nostrils"])
    return area & ~_near(points[list(_LIPS)], shape, margins["lips"])


def spot_area(skin: np.ndarray, *, scale: float = 1.0, wide: bool = False) -> np.ndarray:
    """Cut skin down to where spots may be sought, if no landmarks are known. [H, W] bool -> [H, W] bool

    Args:
        skin: as `estimate_skin` returns it.
        scale: size of the face relative to a 512 crop.
        wide: as it was given there.
    """
    margin = _WIDE_CREASE_MARGIN if wide else _CREASE_MARGIN
    return cv2.distanceTransform(skin.astype(np.uint8), cv2.DIST_L2, 5) > margin * scale


def find_hair(rgb: np.ndarray, skin: np.ndarray, *, scale: float = 1.0) -> np.ndarray:
    """Find what is far darker than the face's skin: hair over it, beards, deep shadow.

    Args:
        rgb: [H, W, 3] float sRGB in [0, 1].
        skin: [H, W] bool, where most is skin.
        scale: size of the face relative to a 512 crop.

    Returns:
        [H, W] bool; nothing as small as a mole.
    """
    if not skin.any():
        return np.zeros(skin.shape, bool)
    smooth = cv2.GaussianBlur(np.ascontiguousarray(rgb, np.float32), (0, 0), 3 * scale)
    lightness = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB)[..., 0]
    red = to_density(smooth)[..., 0]
    dark = red > np.median(red[skin]) + _HAIR_DARKNESS
    return dark | (lightness < _HAIR_LIGHTNESS * np.median(lightness[skin]))


def _small_holes(holes: np.ndarray, allowed: np.ndarray, largest: float) -> np.ndarray:
    """Those holes that lie within what is allowed and are no larger than an area, px."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(holes.astype(np.uint8), connectivity=8)
    beside = cv2.dilate((~allowed).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    small = stats[:, cv2.CC_STAT_AREA] <= largest
    small[0] = False
    small[np.unique(pieces[beside])] = False
    return small[pieces] if count > 1 else np.zeros(holes.shape, bool)


def _inside(points: np.ndarray, shape: tuple[int, int], margin: float) -> np.ndarray:
    """Pixels more than a margin inside the face's outline."""
    face = np.zeros(shape, np.uint8)
    cv2.fillPoly(face, [np.rint(points[_FACE]).astype(np.int32)], 1)
    return cv2.distanceTransform(face, cv2.DIST_L2, 5) > margin


def _near(points: np.ndarray, shape: tuple[int, int], margin: float) -> np.ndarray:
    """Pixels inside the convex hull of points or within a margin of it."""
    hull = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(np.rint(points).astype(np.int32)), 1)
    return cv2.distanceTransform(1 - hull, cv2.DIST_L2, 5) <= margin


def estimate_skin(
    crop: np.ndarray, *, origin: tuple[float, float] = (0.0, 0.0), scale: float = 1.0, wide: bool = False
) -> np.ndarray:
    """Estimate facial skin in an aligned crop from the template and the colour of cheeks and forehead.

    Args:
        crop: [H, W, 3] float sRGB in [0, 1], aligned to the five-point template.
        origin: place of the template's corner in the crop, px.
        scale: size of the template relative to 512.
        wide: look nearer to the outline and the features, where a mark of its own may lie but is less surely told.

    Returns:
        [H, W] bool, cautious: what is not surely skin is left out.
    """
    height, width = crop.shape[:2]

    def ellipse(centre: tuple[int, int], axes: tuple[int, int]) -> np.ndarray:
        mask = np.zeros((height, width), np.uint8)
        at = (round(origin[0] + centre[0] * scale), round(origin[1] + centre[1] * scale))
        cv2.ellipse(mask, at, (round(axes[0] * scale), round(axes[1] * scale)), 0, 0, 360, 1, -1)
        return mask.astype(bool)

    allowed = ellipse(*(_WIDE_OVAL if wide else _OVAL))
    for centre, axes in _WIDE_ELLIPSES if wide else _ELLIPSES:
        allowed &= ~ellipse(centre, axes)
    smooth = cv2.GaussianBlur(np.ascontiguousarray(crop, np.float32), (0, 0), 4 * scale)
    lab = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB)
    cheeks = np.zeros((height, width), bool)
    for centre, radius in _CHEEKS:
        cheeks |= ellipse(centre, (radius, radius))
    samples = lab[cheeks]
    if len(samples) == 0:
        return np.zeros((height, width), bool)
    median = np.median(samples, axis=0)
    # Light falls off across a face: L may vary more than the two colour axes.
    spread = np.maximum(1.48 * np.median(np.abs(samples - median), axis=0), (5.0, 2.5, 2.5))
    alike = (np.abs(lab - median) < spread * (3.5, 3.0, 3.0)).all(axis=2)
    alike |= _small_holes(allowed & ~alike, allowed, _MARK_AREA * scale**2)
    opened = cv2.morphologyEx((alike & allowed).astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    return cv2.erode(opened, np.ones((5, 5), np.uint8)).astype(bool)
