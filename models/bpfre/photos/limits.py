"""How large a photo may be: checked on the header, before any pixel is decoded."""

from __future__ import annotations

from bpfre.photos.faults import DamagedError, NotHandledError

MAX_PIXELS = 300_000_000  # larger files are decompression bombs more often than photographs
MAX_TEXT = 64 * 1024 * 1024  # bytes of one compressed metadata block once unpacked


def check_size(width: int, height: int) -> None:
    """Refuse a size in px that no photo has.

    Raises:
        DamagedError: no pixels at all.
        NotHandledError: more than `MAX_PIXELS`.
    """
    if width < 1 or height < 1:
        raise DamagedError("has no pixels")
    if width * height > MAX_PIXELS:
        raise NotHandledError(
            f"has {width} x {height} pixels, more than {MAX_PIXELS // 1_000_000} megapixels",
            "Make it smaller first.",
        )
