"""How the pixels of a TIFF page are stored, read from its tags and checked before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpfre.photos.faults import DamagedError, NotHandledError
from bpfre.photos.ifd import Entry
from bpfre.photos.limits import check_packing, check_size

SUBFILE, OLD_SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
STRIP_OFFSETS, SAMPLES, STRIP_ROWS, STRIP_BYTES, PLANAR = 273, 277, 278, 279, 284
PREDICTOR, COLOUR_MAP, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 317, 320, 322, 323, 324, 325
EXTRA_SAMPLES, SAMPLE_FORMAT = 338, 339
# every tag that describes how pixels are stored; all others describe the picture and are kept
STORAGE_TAGS = frozenset(
    {SUBFILE, OLD_SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIP_OFFSETS, SAMPLES, STRIP_ROWS}
    | {STRIP_BYTES, PLANAR, PREDICTOR, COLOUR_MAP, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES}
    | {EXTRA_SAMPLES, SAMPLE_FORMAT, *range(512, 522), *range(529, 533)}  # and of JPEG and YCbCr
    | {266, 280, 281, 288, 289, 292, 293, 326, 327, 328, 330, 332, 340, 341, 347}  # and less common ones
)

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
UNASSOCIATED_ALPHA = 2
_PLAIN = 1  # compression: none
_COLOURS = {
    WHITE_IS_ZERO: 1,
    BLACK_IS_ZERO: 1,
    RGB: 3,
    PALETTE: 1,
    CMYK: 4,
    YCBCR: 3,
}  # channels
_MODES = {(1, False): "L", (1, True): "LA", (3, False): "RGB", (3, True): "RGBA", (4, False): "CMYK"}


@dataclass(frozen=True)
class Layout:
    """The storage of one page."""

    width: int
    height: int
    bits: int  # of every sample
    samples: int  # channels, alpha included
    photometric: int
    compression: int
    predictor: int
    planar: bool  # channels one after another instead of interleaved
    tile_width: int  # 0 where stored in strips
    extra: int | None  # what the channel after the colours means (TIFF 6.0, ExtraSamples)

    @property
    def mode(self) -> str:
        """Mode of the samples as they are stored (a palette counts as grey)."""
        return _MODES[_COLOURS[self.photometric], self.extra is not None]


def read_layout(entries: dict[int, Entry], length: int) -> Layout:
    """Check and gather the storage tags.

    Args:
        entries: the page's tags.
        length: bytes in the file.
    Raises:
        DamagedError: tags are missing, or pixel data lies outside of the file.
        NotHandledError: too large, or stored in a way that is not handled.
    """
    width, height = _number(entries, WIDTH, 0), _number(entries, HEIGHT, 0)
    check_size(width, height)
    samples, photometric = _number(entries, SAMPLES, 1), _number(entries, PHOTOMETRIC, BLACK_IS_ZERO)
    bits = set(entries[BITS].numbers()) if BITS in entries else {1}
    if set(entries[SAMPLE_FORMAT].numbers() if SAMPLE_FORMAT in entries else [1]) - {1, 4}:
        raise NotHandledError(
            "stores its pixels as signed or floating-point numbers", "Save it with 8 or 16 bits a channel."
        )
    if len(bits) != 1 or not bits <= {1, 2, 4, 8, 16}:
        raise NotHandledError("has an unusual number of bits a channel", "Save it with 8 or 16 bits a channel.")
    colours = _COLOURS.get(photometric)
    alpha = None if colours is None else samples - colours
    if colours is None or alpha not in (0, 1) or (colours, bool(alpha)) not in _MODES:
        raise NotHandledError("has colour channels of an unusual kind", "Save it as grey, RGB or CMYK.")
    layout = Layout(
        width=width,
        height=height,
        bits=bits.pop(),
        samples=samples,
        photometric=photometric,
        compression=_number(entries, COMPRESSION, 1),
        predictor=_number(entries, PREDICTOR, 1),
        planar=_number(entries, PLANAR, 1) == 2 and samples > 1,
        tile_width=_number(entries, TILE_WIDTH, 0),
        extra=_number(entries, EXTRA_SAMPLES, 0) if alpha else None,
    )
    _check_extent(entries, layout, length)
    return layout


def _number(entries: dict[int, Entry], tag: int, default: int) -> int:
    values = entries[tag].numbers() if tag in entries else []
    return values[0] if values else default


def _check_extent(entries: dict[int, Entry], layout: Layout, length: int) -> None:
    """Check that the file has all strips or tiles of the page, and that they can hold its pixels.

    Raises:
        DamagedError: some are missing or lie outside of the file, or the file is too short.
        NotHandledError: a few bytes stand for implausibly many pixels.
    """
    offsets, sizes = (TILE_OFFSETS, TILE_BYTES) if TILE_OFFSETS in entries else (STRIP_OFFSETS, STRIP_BYTES)
    if offsets not in entries:
        raise DamagedError
    starts = np.array(entries[offsets].numbers(), np.float64)
    lengths = np.array(entries[sizes].numbers() if sizes in entries else [1], np.float64)
    if len(lengths) not in (1, len(starts)) or (starts + lengths > length).any():
        raise DamagedError
    if len(starts) < _parts(entries, layout, tiled=offsets == TILE_OFFSETS):
        raise DamagedError
    pixels = layout.width * layout.height
    if (
        layout.compression == _PLAIN
        and layout.photometric != YCBCR
        and pixels * layout.samples * layout.bits > 8 * length
    ):
        raise DamagedError
    check_packing(pixels * layout.samples * max(1, layout.bits // 8), length)


def _parts(entries: dict[int, Entry], layout: Layout, *, tiled: bool) -> int:
    """Return how many strips or tiles the page needs."""
    width = layout.tile_width if tiled else layout.width
    height = _number(entries, TILE_HEIGHT, 0) if tiled else _number(entries, STRIP_ROWS, layout.height)
    if width < 1 or height < 1:
        raise DamagedError
    planes = layout.samples if layout.planar else 1
    return -(-layout.width // width) * -(-layout.height // height) * planes
