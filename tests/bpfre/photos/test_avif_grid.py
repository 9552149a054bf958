"""AVIF pictures too large for one frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, features
from skimage import data

from bpfre.photos import avif_grid, read_photo, write_photo
from bpfre.photos.avif import AvifEncoding, encode_avif
from bpfre.photos.avif_grid import encode_grid, needs_grid
from bpfre.photos.isobmff import has_item
from bpfre.photos.metadata import Metadata

pytestmark = pytest.mark.skipif(not features.check("avif"), reason="Pillow was built without AVIF")
deep = pytest.mark.skipif(not hasattr(cv2, "imencodeWithMetadata"), reason="OpenCV is too old for deep AVIF")

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return np.asarray(data.astronaut())


@pytest.fixture
def small_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that a frame holds little, so that pictures for a test are cut."""
    monkeypatch.setattr(avif_grid, "LARGEST_FRAME", 10_000)
    monkeypatch.setattr(avif_grid, "_LONGEST_TILE", 96)


def portrait_with(portrait: np.ndarray, channels: int, top: int) -> np.ndarray:
    rgb = portrait[60:298, 150:352]  # sides that no tile divides
    alpha = np.add.outer(np.arange(rgb.shape[0]), np.arange(rgb.shape[1])).clip(0, 255).astype(np.uint8)
    native = {1: rgb[..., :1], 3: rgb, 4: np.dstack([rgb, alpha])}[channels]
    return np.ascontiguousarray(native) if top == 255 else native.astype(np.uint16) * 257


@pytest.mark.parametrize(
    ("mode", "subsampling", "bits"),
    [
        ("L", "4:0:0", 8),
        ("RGB", "4:2:0", 8),
        ("RGB", "4:2:2", 8),
        ("RGB", "4:4:4", 8),
        ("RGBA", "4:2:0", 8),
        pytest.param("RGB", "4:2:0", 10, marks=deep),
        pytest.param("RGBA", "4:2:0", 12, marks=deep),
    ],
)
@pytest.mark.usefixtures("small_frames")
def test_there_and_back(
    mode: str, subsampling: str, bits: int, tmp_path: Path, portrait: np.ndarray, icc: bytes, exif: Callable[..., bytes]
) -> None:
    native = portrait_with(portrait, {"L": 1, "RGB": 3, "RGBA": 4}[mode], 2**bits - 1)
    profile = None if mode == "L" else icc
    block = b"Exif\0\0" + bytes(exif(1)).removeprefix(b"Exif\0\0")
    encoding = AvifEncoding(bits, subsampling, None, gain_map=False)
    whole = encode_avif(native, mode, Metadata(block, XMP, profile), encoding)
    (tmp_path / "a.avif").write_bytes(b"".join(whole))
    assert has_item(b"".join(whole), b"grid")
    photo = read_photo(tmp_path / "a.avif")
    assert photo.native.shape == native.shape and photo.native.dtype == native.dtype
    assert (photo.mode, photo.icc, photo.xmp) == (mode, profile, XMP)
    assert photo.exif == block
    assert (photo.encoding.subsampling, photo.encoding.bits) == (subsampling, bits)  # type: ignore[union-attr]
    error = np.abs(photo.native.astype(float) - native) / (1 if bits == 8 else 257)
    assert error.mean() < 2.5
    if mode == "RGBA":
        assert error[..., 3].mean() < 0.5
    again = cv2.imdecode(np.frombuffer(b"".join(whole), np.uint8), cv2.IMREAD_UNCHANGED)
    assert again is not None and again.shape[:2] == native.shape[:2], "another reader takes it as well"


@pytest.mark.usefixtures("small_frames")
def test_tiles_leave_no_seams(portrait: np.ndarray, tmp_path: Path) -> None:
    native = portrait_with(portrait, 3, 255)
    encoding = AvifEncoding(8, "4:4:4", None, gain_map=False)
    (tmp_path / "a.avif").write_bytes(b"".join(encode_avif(native, "RGB", Metadata(), encoding)))
    error = np.abs(read_photo(tmp_path / "a.avif").native.astype(float) - native).mean(axis=2)
    rows = -(-native.shape[0] // 3) // 2 * 2 + 2 * (-(-native.shape[0] // 3) % 2)  # three tiles, of even height
    border = np.concatenate([error[at - 1 : at + 1] for at in (rows, 2 * rows)])
    assert border.mean() < 1.5 * error.mean() + 0.1


@pytest.mark.usefixtures("small_frames")
def test_halved_chroma_and_odd_sides_do_not_go_together(portrait: np.ndarray, tmp_path: Path) -> None:
    native = np.ascontiguousarray(portrait[60:297, 150:351])
    encoding = AvifEncoding(8, "4:2:0", None, gain_map=False)
    (tmp_path / "a.avif").write_bytes(b"".join(encode_avif(native, "RGB", Metadata(), encoding)))
    photo = read_photo(tmp_path / "a.avif")
    assert photo.native.shape == native.shape
    assert photo.encoding == AvifEncoding(8, "4:4:4", photo.encoding.meaning, gain_map=False)  # type: ignore[union-attr]


@deep
@pytest.mark.usefixtures("small_frames")
def test_deep_pictures_with_odd_sides_stay_one_frame(portrait: np.ndarray, tmp_path: Path) -> None:
    native = portrait[60:297, 150:351].astype(np.uint16) * 257
    encoding = AvifEncoding(10, "4:2:0", None, gain_map=False)
    (tmp_path / "a.avif").write_bytes(b"".join(encode_avif(native, "RGB", Metadata(), encoding)))
    assert not has_item((tmp_path / "a.avif").read_bytes(), b"grid")
    assert read_photo(tmp_path / "a.avif").native.shape == native.shape


def test_pictures_that_fit_into_a_frame_are_no_grid() -> None:
    assert not needs_grid(np.empty((4000, 6000, 3), np.uint8))
    assert not needs_grid(np.empty((16_384, 2000, 3), np.uint8))
    assert needs_grid(np.empty((16_385, 10, 3), np.uint8))
    assert needs_grid(np.empty((6000, 6000, 3), np.uint8))


def test_a_long_panorama(tmp_path: Path, portrait: np.ndarray) -> None:
    """Of real length, written as a retouched photo is."""
    strip = np.ascontiguousarray(np.tile(portrait[100:180], (1, -(-17_000 // portrait.shape[1]), 1))[:, :17_001])
    Image.fromarray(strip).resize((401, 80)).save(tmp_path / "a.avif")
    photo = read_photo(tmp_path / "a.avif")
    (encoded,) = encode_avif(strip, "RGB", Metadata(xmp=XMP), photo.encoding)  # type: ignore[arg-type]
    (tmp_path / "b.avif").write_bytes(encoded)
    long = read_photo(tmp_path / "b.avif")
    assert long.native.shape == strip.shape
    edited = long.rgb.copy()
    edited[20:60, 16_000:16_040] = (200, 150, 120)
    write_photo(long, edited, tmp_path / "c.avif")
    again = read_photo(tmp_path / "c.avif")
    assert again.xmp == XMP
    assert np.abs(again.rgb.astype(int) - edited)[:, :15_000].mean() < 2
    assert np.abs(again.rgb[25:55, 16_005:16_035].astype(int) - (200, 150, 120)).mean() < 4


def test_frames_that_do_not_go_together_are_an_error(portrait: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avif_grid, "_LONGEST_TILE", 128)
    frames = iter(("4:4:4", "4:2:0"))

    def encode(tile: np.ndarray, metadata: Metadata) -> bytes:
        return b"".join(encode_avif(tile, "RGB", metadata, AvifEncoding(8, next(frames), None, gain_map=False)))

    with pytest.raises(OSError, match="several kinds"):
        encode_grid(np.ascontiguousarray(portrait[:100, :200]), Metadata(), encode, has_alpha=False)
