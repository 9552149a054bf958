"""WebP: lossless stays lossless, lossy is written close to its limit."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL.Image import DecompressionBombError
from PIL.WebPImagePlugin import WebPImageFile

from bpfre.photos import exif as exif_block
from bpfre.photos.decoded import Decoded, Encoded
from bpfre.photos.faults import DamagedError, NotExactError, NotHandledError
from bpfre.photos.limits import check_packing, check_size
from bpfre.photos.metadata import Metadata
from bpfre.photos.pillow import to_image, to_pixels

_LONGEST_SIDE = 16_383  # px; a still's canvas is not larger than its picture, whatever the head says
_LOSSY_QUALITY = 95  # a lossy file does not say what it was written with; this costs little and shows nothing


@dataclass(frozen=True)
class WebpEncoding:
    """Encoder settings of a WebP file."""

    lossless: bool

    def transposed(self) -> WebpEncoding:
        """Return the same settings: none of them has a direction."""
        return self


def decode_webp(data: bytes) -> Decoded:
    """Take a WebP file apart.

    Raises:
        DamagedError: cut off or broken.
        NotHandledError: too large, or animated.
    """
    kinds = _chunk_kinds(data)
    if kinds.count(b"ANMF") > 1:
        raise NotHandledError("is animated", "Only still photos are retouched.")
    try:
        image = WebPImageFile(BytesIO(data))
    except DecompressionBombError as error:
        raise NotHandledError("is too large a WebP picture", "Make it smaller first.") from error
    check_size(*image.size)
    if max(image.size) > _LONGEST_SIDE:
        raise DamagedError
    check_packing(len(image.getbands()) * image.width * image.height, len(data))
    native, mode = to_pixels(image)
    exif = image.info.get("exif")
    metadata = Metadata(
        exif=exif_block.PREFIX + exif_block.bare(exif) if exif else None,
        xmp=image.info.get("xmp"),
        icc=image.info.get("icc_profile"),
    )
    return Decoded(native, mode, metadata, WebpEncoding(lossless=b"VP8 " not in kinds))


def encode_webp(native: np.ndarray, mode: str, metadata: Metadata, encoding: WebpEncoding) -> Encoded:
    """Write [H, W, 3 or 4] uint8 samples; alpha and the colour under it are exact."""
    buffer = BytesIO()
    to_image(native, mode).save(
        buffer,
        "WEBP",
        lossless=encoding.lossless,
        quality=75 if encoding.lossless else _LOSSY_QUALITY,  # for lossless files this is effort
        alpha_quality=100,
        exact=True,
        exif=exif_block.bare(metadata.exif or b""),
        xmp=metadata.xmp or b"",
        icc_profile=metadata.icc or b"",
    )
    return [buffer.getbuffer()]


def edit_webp(before: np.ndarray, after: np.ndarray, mode: str, metadata: Metadata, encoding: WebpEncoding) -> Encoded:
    """Write an edited lossless file.

    Raises:
        NotExactError: the file is lossy, and is encoded anew as a whole.
    """
    if not encoding.lossless:
        raise NotExactError("a lossy WebP file cannot be changed in part")
    return encode_webp(after, mode, metadata, encoding)


def _chunk_kinds(data: bytes) -> list[bytes]:
    """Return the kinds of all RIFF chunks, those inside of animation frames included."""
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data) + 1:  # some writers forget the last padding byte
        raise DamagedError
    kinds: list[bytes] = []
    position = 12
    while position + 8 <= size + 8:
        kind, length = struct.unpack_from("<4sI", data, position)
        kinds.append(kind)
        position += 24 if kind == b"ANMF" else 8 + length + length % 2
    return kinds
