"""Tell what a file is from its first bytes; names of files lie."""

from __future__ import annotations

from bpfre.photos.faults import DamagedError, NotHandledError

_OTHERS = (
    (0, b"GIF8", "a GIF"),
    (0, b"BM", "a BMP"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (4, b"ftypavif", "an AVIF picture"),
    (4, b"ftyphei", "a HEIC picture"),
    (4, b"ftyphev", "a HEIC picture"),
    (4, b"ftypmif1", "a HEIC picture"),
)


def format_of(data: bytes) -> str:
    """Return "JPEG", "PNG", "TIFF" or "WEBP".

    Raises:
        DamagedError: no picture at all.
        NotHandledError: a picture of another format.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    for start, mark, name in _OTHERS:
        if data[start : start + len(mark)] == mark:
            raise NotHandledError(f"is {name}", "Save it as JPEG, PNG, TIFF or WebP.")
    raise DamagedError("is not a photo")
