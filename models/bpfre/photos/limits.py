"""How large a photo may be: checked on the header, before any pixel is decoded."""

from __future__ import annotations

from bpfre.photos.faults import DamagedError, NotHandledError

MAX_PIXELS = 300_000_000  # larger files are decompression bombs more often than photographs
MAX_RATIO = 2000  # unpacked bytes a stored byte: photographs need one for 4 to 200
_SMALL = 64 * 1024 * 1024  # unpacked bytes that do no harm, however tightly they were packed
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


def check_packing(unpacked: int, stored: int) -> None:
    """Refuse a file that unpacks to far more than any photo of its size: a bomb, or a header that is wrong.

    Args:
        unpacked: bytes of all samples.
        stored: bytes of the file.
    Raises:
        NotHandledError: many times what is plausible.
    """
    if unpacked > _SMALL and unpacked > MAX_RATIO * stored:
        raise NotHandledError(
            f"unpacks to {unpacked // 1_000_000} MB from {-(-stored // 1000)} KB, which no photo does",
            "Save it anew if it is a photo.",
        )
