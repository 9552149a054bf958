"""Layered files, taken apart and composed again by other libraries than the one that wrote them."""

from __future__ import annotations

import importlib.util
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bpfre.errors import PhotoError, UsageError
from bpfre.photos import Photo, layers, read_photo
from bpfre.photos.colour import with_rgb
from bpfre.photos.layers import check_layers, layer_files, write_layers
from bpfre.photos.profiles import srgb

pytest.importorskip("psd_tools", reason="psd-tools comes with the extra layers")

CASES = [(mode, depth) for mode in ("L", "LA", "RGB", "RGBA") for depth in (np.uint8, np.uint16)]
CASES += [("CMYK", np.uint8), ("CMYK", np.uint16)]
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


def edited(rgb: np.ndarray) -> np.ndarray:
    """Change two places, one by a single step of one channel."""
    after = rgb.copy()
    after[30:50, 40:70] = after[30:50, 40:70] // 2
    after[90, 100, 0] ^= 1
    return after


@pytest.fixture
def photo(samples, save, icc: bytes, exif) -> Any:
    def make(mode: str, dtype: type, **carried: Any) -> Photo:
        pixels = samples(mode, dtype, height=120, width=160)
        return read_photo(save("a.tif" if mode == "CMYK" else "a.png", pixels, mode, **carried))

    return make


def sections(path: Path) -> tuple[tuple[int, ...], dict[int, bytes], bytes, bytes]:
    """Return header (version, channels, height, width, depth, mode), resources, layers, flat picture."""
    file = BytesIO(path.read_bytes())
    signature, *header = struct.unpack(">4sH6xHIIHH", file.read(26))
    assert signature == b"8BPS"
    wide = header[0] == 2
    blocks = []
    for number in range(3):
        long = wide and number == 2
        (length,) = struct.unpack(">Q" if long else ">I", file.read(8 if long else 4))
        blocks.append(file.read(length))
    resources: dict[int, bytes] = {}
    view = BytesIO(blocks[1])
    while head := view.read(6):
        _, key = struct.unpack(">4sH", head)
        (name,) = view.read(1)
        view.read(name + (name + 1) % 2)
        (size,) = struct.unpack(">I", view.read(4))
        resources[key] = view.read(size + size % 2)[:size]
    return tuple(header), resources, blocks[2], file.read()


def layers_of(path: Path) -> Any:
    """Take the layers apart with psdtags."""
    psdtags = pytest.importorskip("psdtags", reason="psdtags reads what psd-tools wrote")
    pytest.importorskip("imagecodecs", reason="psdtags unpacks with imagecodecs")
    header, _, section, _ = sections(path)
    file = BytesIO(section)
    wide = header[0] == 2
    kind = psdtags.PsdFormat.BE64BIT if wide else psdtags.PsdFormat.BE32BIT
    (length,) = struct.unpack(">Q" if wide else ">I", file.read(8 if wide else 4))
    if length:
        return psdtags.PsdLayers.frombytes(file.read(length), kind, psdtags.PsdKey.LAYER)
    assert file.read(4) == bytes(4)  # no global mask
    assert file.read(8) in (b"8BIMLr16", b"8B64Lr16")
    (length,) = struct.unpack(">Q" if wide else ">I", file.read(8 if wide else 4))
    return psdtags.PsdLayers.frombytes(file.read(length), kind, psdtags.PsdKey.LAYER_16)


def flattened(path: Path, shape: tuple[int, ...], mode: str) -> np.ndarray:
    """Compose the layers from below, as an editor does, in float."""
    found = layers_of(path)
    dtype = found.dtype
    full = np.iinfo(dtype).max
    colours = {"L": 1, "RGB": 3, "CMYK": 4}[mode.rstrip("A") if mode != "CMYK" else mode]
    canvas = np.zeros((*shape[:2], colours))
    alpha = np.zeros((*shape[:2], 1))
    for layer in found:
        planes = {channel.channelid: channel.data for channel in layer.channels}
        if layer.name.startswith("</") or planes[0].size == 0:
            continue
        y, x, bottom, right = layer.rectangle
        part = np.s_[y:bottom, x:right]
        opacity = planes[-1][..., None] / full * layer.opacity / 255
        if -2 in planes:
            assert tuple(layer.mask.rectangle) == tuple(layer.rectangle)
            opacity = opacity * planes[-2][..., None] / full
        top = np.stack([planes[number] for number in range(colours)], 2).astype(float)
        canvas[part] = canvas[part] * (1 - opacity) + top * opacity
        alpha[part] = alpha[part] + opacity * (1 - alpha[part])
    group = [layer for layer in found if layer.name == "Photo" and layer.mask and layer.mask.rectangle[2]]
    if group:
        mask = next(channel.data for channel in group[0].channels if channel.channelid == -2)
        alpha = alpha * mask[..., None] / full
    result = np.rint(canvas)
    if mode == "CMYK":
        result = full - result
    if mode.endswith("A"):
        result = np.concatenate((result, np.rint(alpha * full)), 2)
    else:
        assert (alpha == 1).all()
    return result.astype(dtype)


@pytest.mark.parametrize(("mode", "dtype"), CASES)
def test_layers_flatten_to_the_retouched_pixels(mode: str, dtype: type, photo, tmp_path: Path) -> None:
    source = photo(mode, dtype)
    after = edited(source.rgb)
    path = write_layers(source, after, tmp_path / "out" / "a.png")
    assert path == tmp_path / "out" / "a.png.psd"
    expected = with_rgb(source.native, source.mode, source.rgb, after)
    assert (expected != source.native).any()
    np.testing.assert_array_equal(flattened(path, source.native.shape, mode), expected)


@pytest.mark.parametrize(("mode", "dtype"), CASES)
def test_without_the_correction_the_photo_is_there(mode: str, dtype: type, photo, tmp_path: Path) -> None:
    source = photo(mode, dtype)
    path = write_layers(source, edited(source.rgb), tmp_path / "a.png")
    bottom = next(layer for layer in layers_of(path) if layer.name == "Photo")
    planes = [channel.data for channel in bottom.channels if channel.channelid >= 0]
    stored = np.stack(planes, 2)
    colours = source.native[..., : stored.shape[2]]
    np.testing.assert_array_equal(~stored if mode == "CMYK" else stored, colours)


def test_the_mask_covers_what_changed_and_little_more(photo, tmp_path: Path) -> None:
    source = photo("RGB", np.uint8)
    after = edited(source.rgb)
    top = list(layers_of(write_layers(source, after, tmp_path / "a.png")))[-1]
    assert (top.name, top.opacity) == ("Retouch", 255)
    mask = np.zeros(source.rgb.shape[:2], np.uint8)
    y, x, bottom, right = top.mask.rectangle
    mask[y:bottom, x:right] = next(channel.data for channel in top.channels if channel.channelid == -2)
    changed = (after != source.rgb).any(axis=2)
    assert set(np.unique(mask)) == {0, 255} and (mask[changed] == 255).all()
    assert changed.sum() < (mask == 255).sum() < changed.sum() + 500
    assert top.mask.default_color == 0  # hidden outside of its box


@pytest.mark.parametrize(("mode", "dtype"), CASES)
def test_the_flat_picture_in_the_file_is_the_result(mode: str, dtype: type, photo, tmp_path: Path) -> None:
    source = photo(mode, dtype)
    after = edited(source.rgb)
    path = write_layers(source, after, tmp_path / "a.png")
    expected = with_rgb(source.native, mode, source.rgb, after)
    header, _, _, flat = sections(path)
    height, width, channels = expected.shape
    assert header[1:5] == (channels, height, width, 8 * expected.dtype.itemsize)
    if mode in ("L", "RGB", "CMYK") and dtype is np.uint8:
        with Image.open(path) as image:
            assert image.mode == mode
            np.testing.assert_array_equal(np.asarray(image).reshape(expected.shape), expected)
    else:
        assert flat[:2] == bytes(2)  # not packed
        stored = np.frombuffer(flat[2:], expected.dtype.newbyteorder(">")).reshape(channels, height, width)
        stored = np.moveaxis(stored, 0, 2)
        np.testing.assert_array_equal(~stored if mode == "CMYK" else stored, expected)


def test_profile_exif_and_xmp_are_carried(photo, tmp_path: Path, icc: bytes, exif) -> None:
    source = photo("RGB", np.uint8, icc=icc + b"own", exif=exif(1), xmp=XMP)
    _, resources, _, _ = sections(write_layers(source, edited(source.rgb), tmp_path / "a.png"))
    assert resources[1039] == source.icc == icc + b"own"
    assert resources[1058] == source.exif.removeprefix(b"Exif\0\0")
    assert resources[1060] == XMP


@pytest.mark.parametrize(("mode", "expected"), [("RGB", True), ("L", False)])
def test_what_has_no_profile_means_srgb(mode: str, expected: bool, photo, tmp_path: Path) -> None:
    source = photo(mode, np.uint16)
    _, resources, _, _ = sections(write_layers(source, edited(source.rgb), tmp_path / "a.png"))
    assert resources.get(1039) == (srgb() if expected else None)


def test_large_photos_become_psb(photo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = photo("RGB", np.uint16)
    monkeypatch.setattr(layers, "_LARGEST_SIDE", 159)
    after = edited(source.rgb)
    path = write_layers(source, after, tmp_path / "a.png")
    assert path == tmp_path / "a.png.psb" == layer_files(tmp_path / "a.png")[1]
    header, _, _, _ = sections(path)
    assert header[0] == 2
    from psd_tools import PSDImage

    found = PSDImage.open(path)  # psdtags is of another opinion on lengths in PSB
    assert [layer.name for layer in found] == ["Photo", "Retouch"]
    stored = np.rint(found[1].numpy("color") * 65535).astype(np.uint16)
    left, top, right, bottom = found[1].bbox
    np.testing.assert_array_equal(stored, after[top:bottom, left:right])


def test_what_goes_wrong_is_a_sentence(photo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = photo("RGB", np.uint8)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PhotoError, match="a part of its path is a file"):
        write_layers(source, edited(source.rgb), tmp_path / "file" / "a.png")
    monkeypatch.setitem(layers._MODES, "RGB", "nonsense")
    with pytest.raises(PhotoError, match=r"a\.png cannot be encoded in layers"):
        write_layers(source, edited(source.rgb), tmp_path / "a.png")
    assert not list(tmp_path.glob("*.psd")) and not list(tmp_path.glob(".bpfre*"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        check_layers()
    assert str(caught.value) == 'Layered files need psd-tools. Install it with: pip install "bpfre[layers]".'
