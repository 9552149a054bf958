"""Write a retouched photograph, or copy one that was not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from bpfre.errors import PhotoError, UnreadablePhotoError
from bpfre.photos.atomic import atomic_file
from bpfre.photos.codecs import CODECS
from bpfre.photos.colour import with_rgb
from bpfre.photos.decoded import Encoded
from bpfre.photos.disk import reason
from bpfre.photos.faults import NotExactError
from bpfre.photos.metadata import Metadata
from bpfre.photos.photo import Photo
from bpfre.photos.raw import encode_as_jpeg, is_jpeg_name


def write_photo(photo: Photo, rgb: np.ndarray, destination: Path) -> str:
    """Write an edited photo in its source's format, mode, depth and encoder settings, with its metadata.

    In PNG, TIFF and lossless WebP, samples whose RGB was not edited are bit-identical to the source's. In JPEG,
    coefficients of blocks that no edit touches are the source's, and so are all pixels that only they give; the
    orientation stays as it is stored. HEIC, AVIF and lossy WebP are encoded anew as a whole. The file appears whole
    or not at all; folders are made. The format follows the content, not the suffix; but camera RAW is written as
    JPEG where the suffix says so, else as 16-bit TIFF.

    Args:
        photo: as `read_photo` returned it.
        rgb: [H, W, 3] edited RGB, shape and dtype of `photo.rgb`; not written to.
        destination: may be the source itself.
    Returns:
        Why a JPEG, HEIC, AVIF or lossy WebP was encoded anew as a whole, upright, so that other pixels differ by
        rounding too; else "".
    Raises:
        PhotoError: the encoder or the disk refuses.
    """
    if rgb.shape != photo.rgb.shape or rgb.dtype != photo.rgb.dtype:
        raise ValueError(f"rgb has to be {list(photo.rgb.shape)} {photo.rgb.dtype}, not {list(rgb.shape)} {rgb.dtype}")
    encoded, note = _encode(photo, rgb, destination)
    with atomic_file(destination) as file:
        file.writelines(encoded)
    return note


def copy_photo(source: Path, destination: Path) -> None:
    """Copy a file byte for byte; it appears whole or not at all.

    Raises:
        UnreadablePhotoError: the source cannot be opened.
        PhotoError: the disk refuses.
    """
    try:
        original = source.open("rb")
    except OSError as error:
        raise UnreadablePhotoError(f"{source.name} cannot be opened: {reason(error)}.") from error
    with original, atomic_file(destination) as file:
        shutil.copyfileobj(original, file, 1024 * 1024)


def _encode(photo: Photo, rgb: np.ndarray, destination: Path) -> tuple[Encoded, str]:
    """Return the file and what `write_photo` says about it."""
    codec, note = CODECS[photo.format], ""
    try:
        native = with_rgb(photo.native, photo.mode, photo.rgb, rgb)
        metadata = Metadata(photo.exif, photo.xmp, photo.icc)
        if photo.format == "RAW" and is_jpeg_name(destination):
            return encode_as_jpeg(native, metadata), note
        if codec.edit is not None:
            try:
                return codec.edit(photo.native, native, photo.mode, metadata, photo.encoding), note
            except NotExactError as error:
                note = f"Every pixel was encoded anew, because {error}."
        return codec.encode(native, photo.mode, metadata, photo.encoding), note
    except Exception as error:
        raise PhotoError(f"{photo.path.name} cannot be encoded as {photo.format} again.") from error
