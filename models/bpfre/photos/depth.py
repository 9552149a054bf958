"""Samples of 10 and 12 bits as 16 bits, and back without a loss."""

from __future__ import annotations

import numpy as np


def widened(samples: np.ndarray, bits: int) -> np.ndarray:
    """Return samples of `bits` bits as uint16 of the full range: white becomes 65535."""
    return (samples.astype(np.uint16) << (16 - bits)) | (samples >> (2 * bits - 16))


def narrowed(samples: np.ndarray, bits: int) -> np.ndarray:
    """Round uint16 samples of the full range to `bits` bits: undo `widened` exactly."""
    top = 2**bits - 1
    return np.rint(samples * np.float32(top / 65535)).astype(np.uint16)
