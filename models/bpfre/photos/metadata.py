"""What a photo carries besides pixels, and how it changes when the pixels are turned upright."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bpfre.photos.exif import exif_orientation, turned_exif
from bpfre.photos.orientation import UPRIGHT, is_transposed

_XMP_ORIENTATION = re.compile(rb"""(tiff:Orientation\s*=\s*["']\s*|<tiff:Orientation>\s*)([1-8])(?=\s*["'<])""")


@dataclass(frozen=True)
class Metadata:
    """Each block as bytes, None where the file has none."""

    exif: bytes | None = None  # b"Exif\0\0" and a TIFF structure
    xmp: bytes | None = None  # the XML packet
    icc: bytes | None = None  # the colour profile


def orientation_of(metadata: Metadata) -> int:
    """Return how the stored pixels are to be turned: EXIF's word, or XMP's where EXIF has none, or 1."""
    if metadata.exif and (value := exif_orientation(metadata.exif)):
        return value
    if metadata.xmp and (found := _XMP_ORIENTATION.search(metadata.xmp)):
        return int(found[2])
    return UPRIGHT


def upright_metadata(metadata: Metadata, orientation: int) -> Metadata:
    """Return the metadata for pixels that were turned upright from this orientation."""
    return _turned(metadata, UPRIGHT, transposed=is_transposed(orientation))


def stored_metadata(metadata: Metadata, orientation: int) -> Metadata:
    """Return upright metadata for pixels that are stored in this orientation: undo `upright_metadata`."""
    return _turned(metadata, orientation, transposed=is_transposed(orientation))


def _turned(metadata: Metadata, orientation: int, *, transposed: bool) -> Metadata:
    exif, xmp = metadata.exif, metadata.xmp
    return Metadata(
        exif=turned_exif(exif, orientation, transposed=transposed) if exif else None,
        xmp=_XMP_ORIENTATION.sub(rb"\g<1>%d" % orientation, xmp) if xmp else None,
        icc=metadata.icc or None,
    )
