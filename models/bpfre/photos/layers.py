"""Layered files: the photo, the correction over it, and the correction's mask, as Photoshop documents by psd-tools.

PSD, not layered TIFF: GIMP before version 3 and Krita before 5.1 see only the flat picture of the latter.
"""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np

from bpfre.errors import PhotoError, UsageError
from bpfre.photos import exif as exif_block
from bpfre.photos.atomic import atomic_file
from bpfre.photos.colour import with_rgb
from bpfre.photos.photo import Photo
from bpfre.photos.profiles import srgb

PHOTO, CORRECTION = "Photo", "Retouch"  # names of the layers
_LARGEST_SIDE, _LARGEST_FILE = 30_000, 2**31  # px, bytes: beyond them the format is PSB, with longer numbers
_MARGIN = 4  # px that the mask is wider than what changed, so that it has no holes at single pixels
_MODES = {"L": "GRAYSCALE", "LA": "GRAYSCALE", "RGB": "RGB", "RGBA": "RGB", "CMYK": "CMYK"}


@dataclass(frozen=True)
class _Box:
    top: int
    left: int
    bottom: int
    right: int

    @property
    def part(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)


def check_layers() -> None:
    """Make sure that layered files can be written here.

    Raises:
        UsageError: the package for them is not installed.
    """
    if importlib.util.find_spec("psd_tools") is None:
        raise UsageError("Layered files need psd-tools.", 'Install it with: pip install "bpfre[layers]".')


def layer_files(result: Path) -> tuple[Path, Path]:
    """Return where the layered file of a result may lie: as PSD, or as PSB where it is too large for that."""
    return result.with_name(result.name + ".psd"), result.with_name(result.name + ".psb")


def write_layers(photo: Photo, rgb: np.ndarray, result: Path) -> Path:
    """Write photo, correction and mask beside a result, flat to exactly the retouched pixels.

    The correction is a layer of retouched pixels with a mask that is white wherever they differ from the photo, so
    that its opacity fades them and painting on the mask takes them back. Mode, depth, alpha, colour profile (sRGB
    where RGB has none), EXIF and XMP are the photo's. The file appears whole or not at all.

    Args:
        photo: as `read_photo` returned it.
        rgb: [H, W, 3] edited RGB, shape and dtype of `photo.rgb`, different from it somewhere.
        result: the flat result, which the file is named by.
    Returns:
        The file.
    Raises:
        PhotoError: the encoder or the disk refuses.
    """
    retouched = with_rgb(photo.native, photo.mode, photo.rgb, rgb)
    changed = (retouched != photo.native).any(axis=2)
    small, large = layer_files(result)
    is_large = max(rgb.shape[:2]) > _LARGEST_SIDE or 3 * photo.native.nbytes > _LARGEST_FILE
    path = large if is_large else small
    try:
        document = _document(photo, retouched, changed, 2 if is_large else 1)
    except Exception as error:
        raise PhotoError(f"{photo.path.name} cannot be encoded in layers.") from error
    with atomic_file(path) as file:
        document.write(file)
    return path


def _document(photo: Photo, retouched: np.ndarray, changed: np.ndarray, version: int) -> Any:
    from psd_tools.constants import ColorMode, Tag
    from psd_tools.psd import PSD
    from psd_tools.psd.header import FileHeader
    from psd_tools.psd.image_resources import ImageResources
    from psd_tools.psd.layer_and_mask import (
        ChannelImageData,
        GlobalLayerMaskInfo,
        LayerAndMaskInformation,
        LayerInfo,
        LayerInfoBlock,
        LayerRecords,
    )
    from psd_tools.psd.tagged_blocks import TaggedBlock, TaggedBlocks

    height, width, channels = retouched.shape
    depth = 8 * retouched.dtype.itemsize
    header = FileHeader(
        version=version,
        channels=channels,
        height=height,
        width=width,
        depth=depth,
        color_mode=ColorMode[_MODES[photo.mode]],
    )
    has_alpha = photo.mode in ("LA", "RGBA")
    colours = channels - has_alpha
    box, canvas = _box_of(changed), _Box(0, 0, height, width)
    layers = [
        _layer(PHOTO, _planes(photo.native[..., :colours], photo.mode), canvas, version),
        _layer(
            CORRECTION,
            _planes(retouched[box.part][..., :colours], photo.mode),
            box,
            version,
            mask=_mask(changed, box, retouched.dtype),
        ),
    ]
    if has_alpha:  # of both layers, as the mask of a group around them
        layers = _grouped(layers, _planes(photo.native, photo.mode), canvas, version)
    records, data = LayerRecords(record for record, _ in layers), ChannelImageData(channels for _, channels in layers)
    count = -len(layers) if has_alpha else len(layers)  # negative: the flat picture's last channel is its transparency
    if depth == 8:
        information = LayerAndMaskInformation(LayerInfo(count, records, data), GlobalLayerMaskInfo())
    else:  # deep layers stand in a block of their own
        block = TaggedBlock(key=Tag.LAYER_16, data=LayerInfoBlock(count, records, data))
        information = LayerAndMaskInformation(LayerInfo(), GlobalLayerMaskInfo(), TaggedBlocks([(Tag.LAYER_16, block)]))
    flat: Any = _FlatPicture(_planes(retouched, photo.mode))
    resources = ImageResources.new()
    _describe(resources, photo)
    return PSD(header, image_resources=resources, layer_and_mask_information=information, image_data=flat)


def _layer(
    name: str,
    colours: Sequence[np.ndarray],
    box: _Box,
    version: int,
    *,
    mask: np.ndarray | None = None,
    tags: Any = None,
) -> tuple[Any, Any]:
    """Return record and channels of an opaque layer; a mask covers its box, and hides what lies outside."""
    from psd_tools.constants import ChannelID, Compression
    from psd_tools.psd.layer_and_mask import ChannelData, ChannelDataList, ChannelInfo, LayerRecord, MaskData
    from psd_tools.psd.tagged_blocks import TaggedBlocks

    opaque = np.broadcast_to(colours[0].dtype.type(np.iinfo(colours[0].dtype).max), colours[0].shape)
    planes = [(ChannelID.TRANSPARENCY_MASK, opaque)]
    planes += [(ChannelID(number), plane) for number, plane in enumerate(colours)]
    if mask is not None:
        planes.append((ChannelID.USER_LAYER_MASK, mask))
    channels: dict[Any, Any] = {}
    # 16-bit colours only grow when packed; packing takes copies, so what is packed comes first
    for number, plane in sorted(planes, key=lambda channel: channel[0] >= 0):
        packed = plane.size and (plane.dtype == np.uint8 or number < 0)
        channel = ChannelData(compression=Compression.RLE if packed else Compression.RAW)
        if plane.size:
            height, width = plane.shape
            samples = _samples(plane)
            channel.set_data(bytes(samples) if packed else samples, width, height, 8 * plane.dtype.itemsize, version)
        channels[number] = channel
    data = ChannelDataList(channels[number] for number, _ in planes)
    height, width = colours[0].shape
    record = LayerRecord(
        top=box.top,
        left=box.left,
        bottom=box.top + height,
        right=box.left + width,
        channel_info=[ChannelInfo(id=number) for number, _ in planes],
        name=name,
        mask_data=None if mask is None else MaskData(box.top, box.left, box.bottom, box.right),
        tagged_blocks=tags or TaggedBlocks(),
    )
    return record, data


def _grouped(
    layers: list[tuple[Any, Any]], planes: Sequence[np.ndarray], canvas: _Box, version: int
) -> list[tuple[Any, Any]]:
    """Put layers into a group whose mask is the last plane."""
    from psd_tools.constants import BlendMode, SectionDivider, Tag
    from psd_tools.psd.tagged_blocks import SectionDividerSetting, TaggedBlock, TaggedBlocks

    def tags(setting: Any) -> Any:
        return TaggedBlocks([(Tag.SECTION_DIVIDER_SETTING, TaggedBlock(key=Tag.SECTION_DIVIDER_SETTING, data=setting))])

    *colours, alpha = planes
    nothing = [plane[:0, :0] for plane in colours]
    end = tags(SectionDividerSetting(SectionDivider.BOUNDING_SECTION_DIVIDER))
    start = tags(SectionDividerSetting(SectionDivider.OPEN_FOLDER, signature=b"8BIM", blend_mode=BlendMode.NORMAL))
    return [
        _layer("</Layer group>", nothing, _Box(0, 0, 0, 0), version, tags=end),
        *layers,
        _layer(PHOTO, nothing, canvas, version, mask=alpha, tags=start),
    ]


def _planes(native: np.ndarray, mode: str) -> list[np.ndarray]:
    """Split [H, W, C] samples into channels; ink is stored as what it leaves of the paper."""
    planes = [native[..., channel] for channel in range(native.shape[2])]
    return [~plane for plane in planes] if mode == "CMYK" else planes


def _samples(plane: np.ndarray) -> memoryview:
    """Return the bytes of a plane, big-endian."""
    return np.ascontiguousarray(plane, plane.dtype.newbyteorder(">")).data.cast("B")


class _FlatPicture:
    """The flat picture of a document, as psd-tools' `ImageData` without a copy of all its planes."""

    def __init__(self, planes: Sequence[np.ndarray]) -> None:
        self._planes = planes

    def write(self, file: IO[bytes], **_: Any) -> int:
        """Write the planes one after another, uncompressed."""
        from psd_tools.constants import Compression

        written = file.write(struct.pack(">H", Compression.RAW.value))
        return written + sum(file.write(_samples(plane)) for plane in self._planes)


def _box_of(changed: np.ndarray) -> _Box:
    """Return the box around what changed and the mask's margin."""
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    height, width = changed.shape
    return _Box(
        max(0, int(rows[0]) - _MARGIN),
        max(0, int(columns[0]) - _MARGIN),
        min(height, int(rows[-1]) + 1 + _MARGIN),
        min(width, int(columns[-1]) + 1 + _MARGIN),
    )


def _mask(changed: np.ndarray, box: _Box, dtype: np.dtype) -> np.ndarray:
    """Return the mask of a box: full where a pixel changed or is near one that did, else 0."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _MARGIN + 1, 2 * _MARGIN + 1))
    grown = cv2.dilate(changed[box.part].astype(np.uint8), kernel)
    return grown.astype(dtype) * np.iinfo(dtype).max


def _describe(resources: Any, photo: Photo) -> None:
    from psd_tools.constants import Resource
    from psd_tools.psd.image_resources import ImageResource

    blocks = {
        # editors agree on what 8 bits without a profile mean, but not 16
        Resource.ICC_PROFILE: photo.icc or (srgb() if photo.mode in ("RGB", "RGBA") else None),
        Resource.EXIF_DATA_1: exif_block.bare(photo.exif) if photo.exif else None,
        Resource.XMP_METADATA: photo.xmp,
    }
    for key, block in blocks.items():
        if block:
            resources[key] = ImageResource(key=key, data=block)
