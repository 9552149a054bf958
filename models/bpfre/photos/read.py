"""Read a photograph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bpfre.errors import UnreadablePhotoError, UnsupportedPhotoError
from bpfre.photos.codecs import CODECS
from bpfre.photos.colour import to_rgb
from bpfre.photos.decoded import Decoded
from bpfre.photos.disk import reason
from bpfre.photos.faults import DamagedError, NotHandledError
from bpfre.photos.find import RAW_SUFFIXES
from bpfre.photos.limits import MAX_MEGAPIXELS, size_gate
from bpfre.photos.metadata import orientation_of, upright_metadata
from bpfre.photos.orientation import is_transposed, turn_upright
from bpfre.photos.photo import Photo
from bpfre.photos.signature import format_of

_CHECK = "Open it in an image viewer to check it, or leave it out."


def read_photo(
    path: Path, *, max_megapixels: float = MAX_MEGAPIXELS, admit: Callable[[int], None] | None = None
) -> Photo:
    """Read a photo of any format in `CODECS`, told by its content, and turn it upright.

    Palettes become RGB or RGBA. The file is read once; sizes are checked before pixels are decoded.

    Args:
        path: the file.
        max_megapixels: larger photos are refused.
        admit: called with the number of pixels before they are decoded; may wait until there is room for them.

    Raises:
        UnreadablePhotoError: missing, empty, cut off, damaged, or no picture.
        UnsupportedPhotoError: animated, several pages, an unusual depth, another format, too large,
            or of a format whose extra is not installed.
    """
    data = _bytes_of(path)
    try:
        kind = format_of(data)
        if kind == "TIFF" and path.suffix.lower() in RAW_SUFFIXES:  # or a RAW file's thumbnail would be read
            kind = "RAW"
        with size_gate(max_megapixels, admit):
            decoded = _decode(data, kind)
    except DamagedError as error:
        raise UnreadablePhotoError(f"{path.name} {error}.", _CHECK) from error
    except NotHandledError as error:
        raise UnsupportedPhotoError(f"{path.name} {error}.", error.next_step) from error
    except MemoryError as error:
        raise UnsupportedPhotoError(f"{path.name} needs more memory than there is.") from error
    return _upright(path, kind, decoded)


def _bytes_of(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadablePhotoError(f"{path.name} cannot be opened: {reason(error)}.") from error
    if not data:
        raise UnreadablePhotoError(f"{path.name} is empty.", _CHECK)
    return data


def _decode(data: bytes, kind: str) -> Decoded:
    """Decode; whatever a decoder raises on damaged data means just that."""
    try:
        return CODECS[kind].decode(data)
    except (DamagedError, NotHandledError, MemoryError):
        raise
    except Exception as error:
        raise DamagedError from error


def _upright(path: Path, kind: str, decoded: Decoded) -> Photo:
    orientation = orientation_of(decoded.metadata)
    metadata = upright_metadata(decoded.metadata, orientation)
    native = turn_upright(decoded.native, orientation)
    rgb = to_rgb(native, decoded.mode)
    for array in (native, rgb):
        array.flags.writeable = False  # an edit in place would hide from write_photo what changed
    return Photo(
        path=path,
        rgb=rgb,
        native=native,
        mode=decoded.mode,
        format=kind,
        exif=metadata.exif,
        xmp=metadata.xmp,
        icc=metadata.icc,
        encoding=decoded.encoding.transposed() if is_transposed(orientation) else decoded.encoding,
    )
