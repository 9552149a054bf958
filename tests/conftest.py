"""What holds for all tests, and files that those of several rooms need."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from io import BytesIO

import numpy as np
import pytest
import tifffile

# sRGB from XYZ (IEC 61966-2-1), so that the camera's colours are sRGB's
_MATRIX = (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570)
_WHITE = 16383
_XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


def _dng(linear: np.ndarray, orientation: int = 1, xmp: bytes = _XMP) -> bytes:
    """Return a DNG of a Bayer sensor that saw [H, W, 3] linear light in [0, 1]."""
    mosaic = linear[..., 1].copy()
    mosaic[0::2, 0::2] = linear[0::2, 0::2, 0]
    mosaic[1::2, 1::2] = linear[1::2, 1::2, 2]

    def rational(*values: float) -> list[int]:
        return [number for value in values for number in (round(value * 10000), 10000)]

    tags = [
        (50706, 1, 4, bytes((1, 4, 0, 0)), True),  # DNG 1.4
        (50708, 2, 0, "Maker Model", True),
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, bytes((0, 1, 1, 2)), True),
        (50717, 4, 1, _WHITE, True),
        (50721, 10, 9, rational(*_MATRIX), True),
        (50728, 5, 3, rational(1, 1, 1), True),
        (50778, 3, 1, 21, True),
        (271, 2, 0, "Maker", True),
        (272, 2, 0, "Model", True),
        (274, 3, 1, orientation, True),
        (700, 1, len(xmp), xmp, True),
    ]
    buffer = BytesIO()
    raw = (mosaic * _WHITE).round().astype(np.uint16)
    tifffile.imwrite(buffer, raw, photometric=32803, metadata=None, extratags=tags, software=False)
    return buffer.getvalue()


@pytest.fixture
def dng() -> Callable[..., bytes]:
    """Make a DNG from linear light; see `_dng`."""
    return _dng


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_reaches_child_processes() -> Iterator[None]:
    """Shells start jobs in the background with Ctrl+C ignored, and children would inherit that."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
