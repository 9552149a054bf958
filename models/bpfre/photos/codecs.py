"""Which module handles which format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bpfre.photos.avif import decode_avif, edit_avif, encode_avif
from bpfre.photos.decoded import Decoded, Encoded
from bpfre.photos.heic import decode_heic, edit_heic, encode_heic
from bpfre.photos.jpeg import decode_jpeg, encode_jpeg
from bpfre.photos.jpeg_edit import edit_jpeg
from bpfre.photos.png import decode_png, encode_png
from bpfre.photos.raw import decode_raw, encode_raw
from bpfre.photos.tiff import decode_tiff, encode_tiff
from bpfre.photos.webp import decode_webp, edit_webp, encode_webp


@dataclass(frozen=True)
class Codec:
    """The two directions of a format, and how to edit a file in place where its format loses something each time."""

    decode: Callable[[bytes], Decoded]
    encode: Callable[..., Encoded]  # native, mode, metadata, the encoding that `decode` returned
    edit: Callable[..., Encoded] | None = None  # native before and after, then as `encode`; raises NotExactError


CODECS: dict[str, Codec] = {
    "AVIF": Codec(decode_avif, encode_avif, edit_avif),
    "HEIC": Codec(decode_heic, encode_heic, edit_heic),
    "JPEG": Codec(decode_jpeg, encode_jpeg, edit_jpeg),
    "PNG": Codec(decode_png, encode_png),
    "RAW": Codec(decode_raw, encode_raw),
    "TIFF": Codec(decode_tiff, encode_tiff),
    "WEBP": Codec(decode_webp, encode_webp, edit_webp),
}
