"""Tell what a file is from its first bytes; names of files lie."""

from __future__ import annotations

from pathlib import Path

from bpfre.photos.disk import reason
from bpfre.photos.faults import DamagedError, NotHandledError
from bpfre.photos.isobmff import kind_of
from bpfre.photos.raw_kind import is_raw

_OTHERS = (
    (0, b"GIF8", "a GIF"),
    (0, b"BM", "a BMP"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (0, b"\x1aE\xdf\xa3", "a film"),
)
_HEAD = 4096  # bytes that tell
_SAVE = "Save it as JPEG, PNG, TIFF or WebP."


def format_of(data: bytes) -> str:
    """Return "JPEG", "PNG", "TIFF", "WEBP", "HEIC", "AVIF" or "RAW".

    Raises:
        DamagedError: no picture at all.
        NotHandledError: a picture of another format.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if is_raw(data):  # most of them are TIFF files too
        return "RAW"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    boxed = kind_of(data)
    if boxed:
        return boxed
    if boxed == "":
        raise NotHandledError("is a film, or a picture of an unknown kind", _SAVE)
    for start, mark, name in _OTHERS:
        if data[start : start + len(mark)] == mark:
            raise NotHandledError(f"is {name}", _SAVE)
    raise DamagedError("is not a photo")


def describe(path: Path) -> str:
    """Say what a file is that has no photo's name, one sentence."""
    try:
        with path.open("rb") as file:
            kind = format_of(file.read(_HEAD))
    except OSError as error:
        return f"It cannot be opened: {reason(error)}."
    except NotHandledError as error:
        return f"It {error}."
    except DamagedError:
        return "It is no photo."
    return f"It is a {kind} file, but its name does not say so."
