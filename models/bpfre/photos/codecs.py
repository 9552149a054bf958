"""Which module handles which format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bpfre.photos.decoded import Decoded, Encoded
from bpfre.photos.jpeg import decode_jpeg, encode_jpeg
from bpfre.photos.jpeg_edit import edit_jpeg
from bpfre.photos.png import decode_png, encode_png
from bpfre.photos.tiff import decode_tiff, encode_tiff
from bpfre.photos.webp import decode_webp, encode_webp


@dataclass(frozen=True)
class Codec:
    """The two directions of a format, and how to edit a file in place where its format loses something each time."""

    decode: Callable[[bytes], Decoded]
    encode: Callable[..., Encoded]  # native, mode, metadata, the encoding that `decode` returned
    edit: Callable[..., Encoded] | None = None  # native before and after, then as `encode`; raises NotExactError


CODECS: dict[str, Codec] = {
    "JPEG": Codec(decode_jpeg, encode_jpeg, edit_jpeg),
    "PNG": Codec(decode_png, encode_png),
    "TIFF": Codec(decode_tiff, encode_tiff),
    "WEBP": Codec(decode_webp, encode_webp),
}
