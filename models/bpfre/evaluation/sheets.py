"""Pictures of what the network sees and does on one face."""

from __future__ import annotations

import cv2
import numpy as np

from bpfre.photos import to_bytes

_TITLE = 30  # height of a panel's title, px
_GAP = 6  # white between panels, px
_GAIN = 4  # how much the correction is enlarged to be seen


def attention_sheet(
    crop: np.ndarray,
    *,
    coarse: np.ndarray,
    refined: np.ndarray,
    map_e2d: np.ndarray,
    map_d2g: np.ndarray,
    caption: str,
) -> np.ndarray:
    """Lay out one face: input, map E2D, coarse, map D2G, refined, correction.

    Args:
        crop: [S, S, 3] float in [0, 1], the aligned face.
        coarse: [S, S, 3] float, result of the first stage.
        refined: [S, S, 3] float, result of the second stage.
        map_e2d: [S, S] in [0, 1].
        map_d2g: [S, S] in [0, 1].
        caption: one line under the panels.

    Returns:
        [H, W, 3] uint8 RGB. Both maps share one colour scale from 0 to 1, shown as a bar.
    """
    panels = [
        ("input", to_bytes(crop)),
        ("map E2D: blemishes seen", _heat(map_e2d)),
        ("coarse", to_bytes(coarse)),
        ("map D2G: what coarse left", _heat(map_d2g)),
        ("refined", to_bytes(refined)),
        (f"correction x {_GAIN}", to_bytes(0.5 + _GAIN * (refined - crop))),
    ]
    side = crop.shape[0]
    width = len(panels) * (side + _GAP) + _GAP
    sheet = np.full((side + 3 * _TITLE, width, 3), 255, np.uint8)
    for i, (title, pixels) in enumerate(panels):
        x = _GAP + i * (side + _GAP)
        _write(sheet, title, x, _TITLE - 9)
        sheet[_TITLE : _TITLE + side, x : x + side] = pixels
    _write(sheet, caption, _GAP, side + 2 * _TITLE - 9)
    bar = _heat(np.tile(np.linspace(0, 1, 200, dtype=np.float32), (_TITLE // 2, 1)))
    top = side + 2 * _TITLE + 4
    sheet[top : top + len(bar), _GAP + 90 : _GAP + 290] = bar
    _write(sheet, "maps: 0", _GAP, top + 13)
    _write(sheet, "1", _GAP + 298, top + 13)
    return sheet


def _heat(values: np.ndarray) -> np.ndarray:
    """Perceptually uniform colours for values in [0, 1]. -> [H, W, 3] uint8 RGB"""
    return cv2.cvtColor(cv2.applyColorMap(to_bytes(values), cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)


def _write(sheet: np.ndarray, text: str, x: int, y: int) -> None:
    plain = text.encode("ascii", "replace").decode()  # OpenCV's built-in font has no more
    cv2.putText(sheet, plain, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (30, 30, 30), 1, cv2.LINE_AA)
