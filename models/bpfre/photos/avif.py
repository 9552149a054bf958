"""AVIF: 8 bits by Pillow, 10 and 12 bits by OpenCV; both use libavif.

A file is always encoded anew as a whole, close to its limit. Pillow reads metadata for both. Neither says what the
numbers of the colours mean (CICP), so that is read from, and put back into, the file's colour box.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from typing import NoReturn

import cv2
import numpy as np
from PIL import features
from PIL.Image import DecompressionBombError

from bpfre.photos import exif as exif_block
from bpfre.photos.avif_grid import encode_grid, needs_grid
from bpfre.photos.decoded import Decoded, Encoded
from bpfre.photos.depth import narrowed, widened
from bpfre.photos.faults import DamagedError, NotExactError, NotHandledError
from bpfre.photos.isobmff import has_item, properties, refuse_sequence
from bpfre.photos.limits import check_size
from bpfre.photos.metadata import Metadata
from bpfre.photos.pillow import to_image, to_pixels

_QUALITY = 95  # a file does not say what it was written with; 1.7 times a file of quality 80, 52 dB from it
_EXACT = 100
_SPEED = 6
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_HIGH_BITS, _TWELVE_BITS, _GREY, _HALF_WIDTH, _HALF_HEIGHT = 0x40, 0x20, 0x10, 0x08, 0x04  # third byte of av1C


@dataclass(frozen=True)
class AvifEncoding:
    """Encoder settings of an AVIF file."""

    bits: int  # of a sample: 8, 10 or 12
    subsampling: str  # "4:0:0", "4:2:0", "4:2:2" or "4:4:4"
    meaning: bytes | None  # primaries and transfer (ITU-T H.273), two bytes each
    gain_map: bool  # the file has one, which cannot be written

    def transposed(self) -> AvifEncoding:
        """Return the same settings; 4:2:2 becomes 4:4:4, as its other direction does not exist."""
        turned = "4:4:4" if self.subsampling == "4:2:2" else self.subsampling
        return AvifEncoding(self.bits, turned, self.meaning, self.gain_map)


def decode_avif(data: bytes) -> Decoded:
    """Take an AVIF file apart.

    Raises:
        DamagedError: cut off or broken.
        NotHandledError: too large, animated, or of a kind that the installed libraries cannot decode.
    """
    if not features.check("avif"):
        raise NotHandledError("is an AVIF picture, and Pillow here cannot read it", "Install Pillow 11.3 or newer.")
    from PIL.AvifImagePlugin import AvifImageFile

    refuse_sequence(data)
    try:
        image = AvifImageFile(BytesIO(data))
    except DecompressionBombError as error:
        raise NotHandledError("is too large an AVIF picture", "Make it smaller first.") from error
    check_size(*image.size)
    encoding = _encoding(data)
    native, mode = to_pixels(image) if encoding.bits == 8 else _decode_deep(data, encoding.bits)
    exif = image.info.get("exif")
    metadata = Metadata(
        exif=exif_block.PREFIX + exif_block.bare(exif) if exif else None,
        xmp=image.info.get("xmp"),
        icc=image.info.get("icc_profile"),
    )
    return Decoded(native, mode, metadata, encoding)


def encode_avif(native: np.ndarray, mode: str, metadata: Metadata, encoding: AvifEncoding) -> Encoded:
    """Write [H, W, C] uint8 or uint16 samples at the source's depth.

    Very large pictures become a grid of frames. As its chroma may only be halved along even sides, that of 8 bits with
    an odd side is not; OpenCV has no such choice, and deeper ones with an odd side stay one frame.
    """
    is_odd = encoding.subsampling in ("4:2:0", "4:2:2") and any(side % 2 for side in native.shape[:2])
    in_grid = needs_grid(native) and not (is_odd and encoding.bits > 8)
    if in_grid and is_odd:
        encoding = replace(encoding, subsampling="4:4:4")

    def frame(samples: np.ndarray, described: Metadata) -> bytes:
        return (_encode if encoding.bits == 8 else _encode_deep)(samples, described, encoding)

    has_alpha = mode in ("LA", "RGBA")
    whole = encode_grid(native, metadata, frame, has_alpha=has_alpha) if in_grid else frame(native, metadata)
    encoded = bytearray(whole)
    for start, end in properties(bytes(encoded), b"colr"):
        if encoding.meaning and encoded[start : start + 4] == b"nclx" and end >= start + 8:
            encoded[start + 4 : start + 8] = encoding.meaning
    return [bytes(encoded)]


def edit_avif(before: np.ndarray, after: np.ndarray, mode: str, metadata: Metadata, encoding: AvifEncoding) -> NoReturn:
    """Say why an AVIF file is encoded anew as a whole.

    Raises:
        NotExactError: always.
    """
    lost = "; its HDR gain map cannot be written and is left out" if encoding.gain_map else ""
    raise NotExactError(f"an AVIF file cannot be changed in part{lost}")


def _encoding(data: bytes) -> AvifEncoding:
    """Read the boxes that all libraries keep to themselves."""
    codes = [data[start + 2] for start, end in properties(data, b"av1C") if end >= start + 4]
    if not codes:
        raise DamagedError
    bits = max(12 if code & _TWELVE_BITS else 10 if code & _HIGH_BITS else 8 for code in codes)
    colour = next((code for code in codes if not code & _GREY), None)  # alpha is grey too
    if colour is None:
        subsampling = "4:0:0"
    else:
        subsampling = "4:2:0" if colour & _HALF_HEIGHT else "4:2:2" if colour & _HALF_WIDTH else "4:4:4"
    meanings = (
        data[start + 4 : start + 8] for start, _ in properties(data, b"colr") if data[start:].startswith(b"nclx")
    )
    return AvifEncoding(bits, subsampling, next(meanings, None), has_item(data, b"tmap"))


def _encode(native: np.ndarray, metadata: Metadata, encoding: AvifEncoding) -> bytes:
    buffer = BytesIO()
    to_image(native, _MODES[native.shape[2]]).save(
        buffer,
        "AVIF",
        quality=_QUALITY,
        speed=_SPEED,
        subsampling=encoding.subsampling,
        exif=exif_block.bare(metadata.exif or b""),
        xmp=metadata.xmp or b"",
        icc_profile=metadata.icc or b"",
    )
    return buffer.getvalue()


def _decode_deep(data: bytes, bits: int) -> tuple[np.ndarray, str]:
    """Decode 10 or 12 bits; Pillow would reduce them to 8."""
    if not hasattr(cv2, "imencodeWithMetadata"):  # came with AVIF of more than 8 bits, both directions
        raise NotHandledError(
            f"is an AVIF picture of {bits} bits, which OpenCV here cannot write", "Install opencv-python 4.12 or newer."
        )
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None:
        raise DamagedError
    decoded = decoded.reshape(*decoded.shape[:2], -1)
    order = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}.get(decoded.shape[2])
    native = decoded if order is None else cv2.cvtColor(decoded, order)
    return widened(native, bits), _MODES[native.shape[2]]


def _encode_deep(native: np.ndarray, metadata: Metadata, encoding: AvifEncoding) -> bytes:
    """Write 10 or 12 bits. OpenCV halves the chroma's resolution unless it writes without any loss."""
    order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}.get(native.shape[2])
    samples = narrowed(native if order is None else cv2.cvtColor(native, order), encoding.bits)
    blocks = {
        cv2.IMAGE_METADATA_EXIF: exif_block.bare(metadata.exif or b""),
        cv2.IMAGE_METADATA_XMP: metadata.xmp or b"",
        cv2.IMAGE_METADATA_ICCP: metadata.icc or b"",
    }
    given = {kind: np.frombuffer(block, np.uint8) for kind, block in blocks.items() if block}
    quality = _QUALITY if encoding.subsampling in ("4:0:0", "4:2:0") else _EXACT
    settings = {
        cv2.IMWRITE_AVIF_QUALITY: quality,
        cv2.IMWRITE_AVIF_DEPTH: encoding.bits,
        cv2.IMWRITE_AVIF_SPEED: _SPEED,
    }
    flat = [number for pair in settings.items() for number in pair]
    done, encoded = cv2.imencodeWithMetadata(".avif", samples, list(given), list(given.values()), flat)
    if not done:
        raise OSError("the AVIF encoder failed")
    return encoded.tobytes()
