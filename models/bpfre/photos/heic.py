"""HEIC (HEVC in HEIF) through pillow-heif, 8, 10 and 12 bits.

The decoder turns the picture by the file's own box (irot, imir), which overrides EXIF's word. A file is always
encoded anew as a whole, close to its limit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, NoReturn

import numpy as np

from bpfre.photos import exif as exif_block
from bpfre.photos.decoded import Decoded, Encoded
from bpfre.photos.depth import narrowed, widened
from bpfre.photos.extras import need
from bpfre.photos.faults import NotExactError, NotHandledError
from bpfre.photos.isobmff import has_item, refuse_sequence
from bpfre.photos.limits import check_size
from bpfre.photos.metadata import Metadata, orientation_of, upright_metadata

_QUALITY = 95  # a file does not say what it was written with; 1.35 times a file of quality 80, 64 dB and more from it
_COLOUR = (  # how colours are meant, besides the profile
    "nclx_profile",
    "icc_profile_type",
    "content_light_level",
    "mastering_display_colour_volume",
    "ambient_viewing_environment",
    "nominal_diffuse_white_luminance",
    "pixel_aspect_ratio",
)
_ALPHA = "auxid:1"  # ends the name of an auxiliary picture that is decoded with the photo


@dataclass(frozen=True)
class HeicEncoding:
    """Encoder settings of a HEIC file."""

    bits: int  # of a sample: 8, 10 or 12
    chroma: int  # 420, 422 or 444
    kept: dict[str, Any] = field(default_factory=dict)  # colour and tiling as pillow-heif names them
    lost: tuple[str, ...] = ()  # what cannot be written again

    def transposed(self) -> HeicEncoding:
        """Return the same settings: the decoder has turned the picture already."""
        return self


def decode_heic(data: bytes) -> Decoded:
    """Take a HEIC file apart.

    Raises:
        DamagedError: cut off or broken.
        NotHandledError: too large, animated, of several pictures, or pillow-heif is missing.
    """
    heif = need("pillow_heif", "heic", "a HEIC picture")
    refuse_sequence(data)
    file = heif.open_heif(data, convert_hdr_to_8bit=False, hdr_to_16bit=False)
    if len(file) > 1:
        raise NotHandledError("has several pictures", "Save each as a file of its own.")
    image = file[0]
    check_size(*image.size)
    mode, _, depth = image.mode.partition(";")
    bits = int(depth or 8)
    if mode not in ("L", "LA", "RGB", "RGBA"):
        raise NotHandledError(f"has colour channels of an unusual kind ({mode})", "Save it as RGB.")
    samples = np.asarray(image)
    native = samples.reshape(image.size[1], image.size[0], -1)
    info = image.info
    metadata = Metadata(
        exif=exif_block.PREFIX + exif_block.bare(info["exif"]) if info.get("exif") else None,
        xmp=info.get("xmp"),
        icc=info.get("icc_profile"),
    )
    return Decoded(
        native if bits == 8 else widened(native, bits),
        mode,
        upright_metadata(metadata, orientation_of(metadata)),
        HeicEncoding(bits, info.get("chroma", 420), _kept(info), _lost(data, info)),
    )


def encode_heic(native: np.ndarray, mode: str, metadata: Metadata, encoding: HeicEncoding) -> Encoded:
    """Write [H, W, C] uint8 or uint16 samples at the source's depth."""
    heif = need("pillow_heif", "heic", "a HEIC picture")
    height, width = native.shape[:2]
    deep = encoding.bits > 8
    samples = narrowed(native, encoding.bits) if deep else native
    optional = {"exif": metadata.exif, "xmp": metadata.xmp, "icc_profile": metadata.icc}
    buffer = BytesIO()
    heif.encode(
        f"{mode};{encoding.bits}" if deep else mode,
        (width, height),
        np.ascontiguousarray(samples).tobytes(),
        buffer,
        quality=_QUALITY,
        chroma=encoding.chroma,
        bit_depth=encoding.bits,
        **encoding.kept,
        **{name: value for name, value in optional.items() if value},
    )
    return [buffer.getbuffer()]


def edit_heic(before: np.ndarray, after: np.ndarray, mode: str, metadata: Metadata, encoding: HeicEncoding) -> NoReturn:
    """Say why a HEIC file is encoded anew as a whole.

    Raises:
        NotExactError: always.
    """
    lost = f"; its {' and '.join(encoding.lost)} cannot be written and are left out" if encoding.lost else ""
    raise NotExactError(f"a HEIC file cannot be changed in part{lost}")


def _kept(info: dict[str, Any]) -> dict[str, Any]:
    kept = {name: info[name] for name in _COLOUR if info.get(name) is not None}
    tiling = info.get("tiling")
    return kept | ({"tile_size": tiling["tile_width"]} if tiling else {})


def _lost(data: bytes, info: dict[str, Any]) -> tuple[str, ...]:
    others = [name for name in info.get("aux", {}) if not name.endswith(_ALPHA)]
    gains = has_item(data, b"tmap") or any("gainmap" in name for name in others)
    rest = any("gainmap" not in name for name in others)
    found = ((gains, "HDR gain map"), (bool(info.get("depth_images")), "depth map"), (rest, "auxiliary pictures"))
    return tuple(name for there, name in found if there)
