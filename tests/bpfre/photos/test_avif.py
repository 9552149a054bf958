"""AVIF: depth, chroma, colour, metadata and orientation survive."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, features

from bpfre.errors import UnreadablePhotoError, UnsupportedPhotoError
from bpfre.photos import read_photo, write_photo
from bpfre.photos.isobmff import properties

pytestmark = pytest.mark.skipif(not features.check("avif"), reason="Pillow was built without AVIF")
deep = pytest.mark.skipif(not hasattr(cv2, "imencodeWithMetadata"), reason="OpenCV is too old for deep AVIF")

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


def smooth(height: int, width: int, top: int, channels: int = 3) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    planes = [0.5 + 0.3 * np.sin(x / (9 + 4 * c)) * np.cos(y / (7 + c)) + 0.1 * x / width for c in range(channels)]
    return (np.stack(planes, 2) * top).round().astype(np.uint8 if top < 256 else np.uint16)


def meaning(path: Path) -> list[bytes]:
    data = path.read_bytes()
    return [data[start + 4 : start + 8] for start, _ in properties(data, b"colr") if data[start:].startswith(b"nclx")]


@pytest.mark.parametrize(
    ("mode", "subsampling"), [("L", "4:0:0"), ("RGB", "4:2:0"), ("RGB", "4:2:2"), ("RGB", "4:4:4"), ("RGBA", "4:2:0")]
)
def test_eight_bits_there_and_back(mode: str, subsampling: str, tmp_path: Path, icc: bytes, exif) -> None:
    pixels = smooth(96, 128, 255, {"L": 1, "RGB": 3, "RGBA": 4}[mode])
    image = Image.fromarray(pixels.squeeze(), mode)
    profile = {} if mode == "L" else {"icc_profile": icc}
    image.save(tmp_path / "a.avif", quality=90, subsampling=subsampling, exif=exif(1), xmp=XMP, **profile)
    photo = read_photo(tmp_path / "a.avif")
    assert (photo.format, photo.mode, photo.rgb.dtype) == ("AVIF", mode, np.uint8)
    note = write_photo(photo, photo.rgb, tmp_path / "out.avif")
    again = read_photo(tmp_path / "out.avif")
    assert "an AVIF file cannot be changed in part" in note
    assert again.encoding == photo.encoding and photo.encoding.subsampling == subsampling
    assert (again.mode, again.icc, again.xmp, again.exif) == (photo.mode, profile.get("icc_profile"), XMP, photo.exif)
    assert np.abs(again.native.astype(int) - photo.native).mean() < 1


@deep
@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_deep_samples_keep_their_depth(bits: int, channels: int, tmp_path: Path, icc: bytes) -> None:
    top = 2**bits - 1
    pixels = smooth(96, 128, top, channels)
    pixels[:32, :32] = top
    settings = [cv2.IMWRITE_AVIF_QUALITY, 95, cv2.IMWRITE_AVIF_DEPTH, bits]
    profile = [np.frombuffer(icc, np.uint8)]
    _, data = cv2.imencodeWithMetadata(".avif", pixels, [cv2.IMAGE_METADATA_ICCP], profile, settings)
    (tmp_path / "a.avif").write_bytes(data.tobytes())
    photo = read_photo(tmp_path / "a.avif")
    assert photo.rgb.dtype == np.uint16 and photo.native.shape == pixels.shape
    assert photo.rgb[8:24, 8:24].min() > 65000
    write_photo(photo, photo.rgb, tmp_path / "out.avif")
    again = read_photo(tmp_path / "out.avif")
    assert again.encoding == photo.encoding and again.encoding.bits == bits
    assert again.icc == icc
    stored = cv2.imdecode(np.fromfile(tmp_path / "out.avif", np.uint8), cv2.IMREAD_UNCHANGED).reshape(pixels.shape)
    assert np.abs(stored.astype(int) - pixels).mean() < top / 255 * 1.2
    assert len(np.unique(stored)) > 256


@deep
def test_deep_samples_of_full_chroma_are_exact(tmp_path: Path) -> None:
    settings = [cv2.IMWRITE_AVIF_QUALITY, 100, cv2.IMWRITE_AVIF_DEPTH, 10]
    pixels = np.random.default_rng(2).integers(0, 1024, (64, 64, 3), np.uint16)
    (tmp_path / "a.avif").write_bytes(cv2.imencode(".avif", pixels, settings)[1].tobytes())
    photo = read_photo(tmp_path / "a.avif")
    assert photo.encoding.subsampling == "4:4:4"
    write_photo(photo, photo.rgb, tmp_path / "out.avif")
    np.testing.assert_array_equal(read_photo(tmp_path / "out.avif").rgb, photo.rgb)
    np.testing.assert_array_equal(photo.rgb >> 6, pixels[..., ::-1])


def test_meaning_of_colours_without_a_profile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    Image.fromarray(smooth(64, 64, 255)).save(path)
    wide = b"\0\x0c\0\x10"  # Display P3, PQ
    data = bytearray(path.read_bytes())
    for start, _ in properties(bytes(data), b"colr"):
        data[start + 4 : start + 8] = wide
    path.write_bytes(data)
    photo = read_photo(path)
    write_photo(photo, photo.rgb, tmp_path / "out.avif")
    assert meaning(tmp_path / "out.avif") == meaning(path) == [wide]


@pytest.mark.parametrize("orientation", [2, 3, 5, 6, 8])
def test_orientation_is_applied_once(orientation: int, tmp_path: Path, exif) -> None:
    pixels = smooth(64, 96, 255)
    pixels[:20, :20] = (255, 0, 0)
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif(orientation))
    Image.fromarray(pixels).save(tmp_path / "a.avif", quality=95, exif=exif(orientation))
    expected, photo = read_photo(tmp_path / "a.png"), read_photo(tmp_path / "a.avif")
    assert np.abs(photo.rgb.astype(int) - expected.rgb).mean() < 3
    write_photo(photo, photo.rgb, tmp_path / "out.avif")
    again = read_photo(tmp_path / "out.avif")
    assert np.abs(again.rgb.astype(int) - expected.rgb).mean() < 4


def test_animations_are_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.roll(smooth(64, 64, 255), step, 1)) for step in (0, 5, 10)]
    frames[0].save(tmp_path / "a.avif", save_all=True, append_images=frames[1:], duration=100)
    with pytest.raises(UnsupportedPhotoError, match="is animated"):
        read_photo(tmp_path / "a.avif")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_cut_off_files(share: float, tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8)).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnreadablePhotoError):
        read_photo(path)


def test_a_pillow_without_avif_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(smooth(64, 64, 255)).save(tmp_path / "a.avif")
    monkeypatch.setattr(features, "check", lambda name: False)
    with pytest.raises(UnsupportedPhotoError, match="Pillow here cannot read it") as caught:
        read_photo(tmp_path / "a.avif")
    assert "11.3" in caught.value.next_step
