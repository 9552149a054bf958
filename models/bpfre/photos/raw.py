"""Camera RAW through rawpy (LibRaw): developed on reading, written as 16-bit TIFF or as JPEG."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np

from bpfre.photos.decoded import Decoded, Encoded
from bpfre.photos.extras import need
from bpfre.photos.faults import DamagedError, NotHandledError
from bpfre.photos.jpeg_segments import APP0, assembled, split
from bpfre.photos.limits import check_size
from bpfre.photos.metadata import Metadata, orientation_of, upright_metadata
from bpfre.photos.pillow import to_image
from bpfre.photos.profiles import srgb
from bpfre.photos.raw_metadata import raw_metadata
from bpfre.photos.tiff import TiffEncoding, encode_tiff
from bpfre.photos.tiff_pixels import DEFLATE, Compression

_GAMMA = 2.4, 12.92  # power and slope of sRGB's curve (IEC 61966-2-1)
_QUALITY = 95
_XMP_ROOM = 65_000  # bytes in one segment; more are an editor's history of the RAW file
_JPEG = (".jpg", ".jpeg", ".jpe")


@dataclass(frozen=True)
class RawEncoding:
    """Nothing: RAW files are not written."""

    def transposed(self) -> RawEncoding:
        """Return the same."""
        return self


def decode_raw(data: bytes) -> Decoded:
    """Develop a RAW file to 16-bit sRGB with the camera's white balance, upright; nothing else is adjusted.

    Brightness is LibRaw's: the brightest 1 % of the photo become white.

    Raises:
        DamagedError: cut off or broken.
        NotHandledError: too large, of an unknown camera, or rawpy is missing.
    """
    rawpy = need("rawpy", "raw", "a camera RAW file")
    metadata = raw_metadata(data)
    try:
        with rawpy.imread(BytesIO(data)) as raw:
            check_size(raw.sizes.iwidth, raw.sizes.iheight)
            native = raw.postprocess(
                use_camera_wb=True, output_bps=16, output_color=rawpy.ColorSpace.sRGB, gamma=_GAMMA
            )
    except rawpy.LibRawFileUnsupportedError as error:
        raise NotHandledError(
            "is a camera RAW file of a kind that rawpy cannot develop", "Develop it to 16-bit TIFF first."
        ) from error
    except rawpy.LibRawError as error:
        raise DamagedError from error
    if native.shape[2] != 3:
        raise NotHandledError("is a camera RAW file without colours", "Develop it to 16-bit TIFF first.")
    upright = upright_metadata(metadata, orientation_of(metadata))  # LibRaw has turned the picture
    return Decoded(native, "RGB", Metadata(upright.exif, upright.xmp, srgb()), RawEncoding())


def encode_raw(native: np.ndarray, mode: str, metadata: Metadata, encoding: RawEncoding) -> Encoded:
    """Write the developed photo as a 16-bit TIFF."""
    return encode_tiff(native, mode, metadata, TiffEncoding(Compression(DEFLATE, True), None))


def encode_as_jpeg(native: np.ndarray, metadata: Metadata) -> Encoded:
    """Write the developed photo, [H, W, 3] uint16, as a JPEG without loss of chroma resolution."""
    pixels = cv2.convertScaleAbs(native, alpha=255 / 65535)
    buffer = BytesIO()
    to_image(pixels, "RGB").save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    encoded = buffer.getbuffer()
    segments, scan = split(encoded)
    coding = [segment for segment in segments if segment[0] != APP0]
    xmp = metadata.xmp if metadata.xmp and len(metadata.xmp) <= _XMP_ROOM else None
    return assembled(coding, encoded[scan:], Metadata(metadata.exif, xmp, metadata.icc), ())


def is_jpeg_name(path: Path) -> bool:
    """Say whether a developed photo is to be written as a JPEG."""
    return path.suffix.lower() in _JPEG
