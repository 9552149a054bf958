"""RGB from a file's own samples, and edits of RGB back into them."""

from __future__ import annotations

import numpy as np

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as JPEG uses it


def to_rgb(native: np.ndarray, mode: str) -> np.ndarray:
    """Return [H, W, 3] RGB of the same dtype, C-contiguous; the same array where the mode is RGB.

    Args:
        native: [H, W, C] uint8 or uint16 samples.
        mode: "L", "LA", "RGB", "RGBA" or "CMYK" (naive conversion: R = (1 - C)(1 - K)).
    """
    if mode in ("L", "LA"):
        return np.repeat(native[..., :1], 3, axis=2)
    if mode == "CMYK":
        return _cmyk_to_rgb(native)
    return np.ascontiguousarray(native[..., :3])


def with_rgb(native: np.ndarray, mode: str, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the native samples for edited RGB; where RGB did not change, samples stay bit-identical.

    Grey takes the luma of the edit. CMYK changes C, M, Y at constant K. Alpha is never touched.

    Args:
        native: [H, W, C] samples before; not written to.
        before: [H, W, 3] RGB of `native`.
        after: [H, W, 3] edited RGB, same dtype.
    """
    if mode == "RGB":
        return np.ascontiguousarray(after)
    edited = native.copy()
    if mode == "RGBA":
        edited[..., :3] = after
    elif mode == "CMYK":
        _edit_cmy(edited, before, after)
    else:
        changed = (after != before).any(axis=2)
        edited[changed, 0] = np.rint(after[changed] @ _LUMA)
    return edited


def _cmyk_to_rgb(native: np.ndarray) -> np.ndarray:
    full = int(np.iinfo(native.dtype).max)
    rgb = np.empty((*native.shape[:2], 3), native.dtype)
    paper = full - native[..., 3].astype(np.uint32)
    for channel in range(3):
        light = (full - native[..., channel].astype(np.uint32)) * paper
        rgb[..., channel] = (light + full // 2) // full
    return rgb


def _edit_cmy(native: np.ndarray, before: np.ndarray, after: np.ndarray) -> None:
    """Add the edit to C, M and Y. Adding, not converting anew, keeps what rounding hides in dark places."""
    full = float(np.iinfo(native.dtype).max)
    for channel in range(3):
        changed = after[..., channel] != before[..., channel]
        paper = full - native[..., 3][changed]
        change = after[..., channel][changed].astype(np.float64) - before[..., channel][changed]
        ink = native[..., channel][changed] - change * full / np.maximum(paper, 1.0)
        native[..., channel][changed] = np.where(
            paper > 0, np.clip(np.rint(ink), 0, full), native[..., channel][changed]
        )
