"""HEIC: depth, colour, metadata and orientation survive; what cannot is said."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bpfre.errors import UnreadablePhotoError, UnsupportedPhotoError
from bpfre.photos import read_photo, write_photo

heif = pytest.importorskip("pillow_heif", reason="pillow-heif comes with the extra heic")

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description dc:creator="A"/></x:xmpmeta>'


@pytest.fixture
def heic(tmp_path: Path) -> Callable[..., Path]:
    """Write [H, W, C] samples, 8 bits or as many as `bits` says."""

    def write(pixels: np.ndarray, mode: str = "RGB", bits: int = 8, name: str = "a.heic", **options: Any) -> Path:
        path = tmp_path / name
        height, width = pixels.shape[:2]
        buffer = BytesIO()
        called = mode if bits == 8 else f"{mode};{bits}"
        settings: dict[str, Any] = {"quality": 90, "chroma": 444, "bit_depth": bits} | options
        heif.encode(called, (width, height), pixels.tobytes(), buffer, **settings)
        path.write_bytes(buffer.getvalue())
        return path

    return write


def stored(path: Path) -> Any:
    return heif.open_heif(path.read_bytes(), convert_hdr_to_8bit=False, hdr_to_16bit=False)


def smooth(height: int, width: int, top: int, channels: int = 3) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    planes = [0.5 + 0.3 * np.sin(x / (9 + 4 * c)) * np.cos(y / (7 + c)) + 0.1 * x / width for c in range(channels)]
    return (np.stack(planes, 2) * top).round().astype(np.uint8 if top < 256 else np.uint16)


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 4)])
def test_eight_bits_there_and_back(mode: str, channels: int, heic, tmp_path: Path) -> None:
    pixels = smooth(96, 128, 255, channels)
    photo = read_photo(heic(pixels, mode))
    assert (photo.format, photo.mode, photo.rgb.dtype, photo.native.shape) == ("HEIC", mode, np.uint8, pixels.shape)
    note = write_photo(photo, photo.rgb, tmp_path / "out.heic")
    again = read_photo(tmp_path / "out.heic")
    assert "a HEIC file cannot be changed in part" in note
    assert (again.mode, again.encoding) == (photo.mode, photo.encoding)
    assert np.abs(again.native.astype(int) - photo.native).mean() < 0.6


@pytest.mark.parametrize("bits", [10, 12])
def test_deep_samples_keep_their_depth(bits: int, heic, tmp_path: Path) -> None:
    top = 2**bits - 1
    pixels = smooth(96, 128, top)
    pixels[:32, :32] = top
    photo = read_photo(heic(pixels, bits=bits))
    assert photo.rgb.dtype == np.uint16 and photo.rgb[4:20, 4:20].min() > 65535 * (1 - 8 / top)
    write_photo(photo, photo.rgb, tmp_path / "out.heic")
    result = stored(tmp_path / "out.heic")
    assert (result.mode, result.info["bit_depth"]) == (f"RGB;{bits}", bits)
    error = np.abs(np.asarray(result).astype(int) - pixels)
    assert error.mean() < top / 255 * 0.7
    assert len(np.unique(np.asarray(result))) > 256  # not eight bits in a deeper file


@pytest.mark.parametrize("chroma", [420, 422, 444])
def test_chroma_and_tiles_are_kept(chroma: int, heic, tmp_path: Path) -> None:
    photo = read_photo(heic(smooth(300, 400, 255), chroma=chroma, tile_size=256))
    write_photo(photo, photo.rgb, tmp_path / "out.heic")
    info = stored(tmp_path / "out.heic").info
    assert info["chroma"] == chroma
    assert info["tiling"]["tile_width"] == 256


def test_metadata_and_colour_are_kept(heic, tmp_path: Path, icc: bytes, exif) -> None:
    photo = read_photo(heic(smooth(37, 52, 255), exif=exif(1), xmp=XMP, icc_profile=icc))
    write_photo(photo, photo.rgb, tmp_path / "out.heic")
    again = read_photo(tmp_path / "out.heic")
    assert photo.icc == again.icc == icc
    assert photo.xmp == again.xmp == XMP
    block = Image.Exif()
    block.load(again.exif)
    assert block[0x010F] == "Maker" and block.get_ifd(0x8825)[1] == "N"
    assert again.exif == photo.exif


def test_meaning_of_colours_without_a_profile_is_kept(heic, tmp_path: Path) -> None:
    path = heic(smooth(64, 64, 1023), bits=10, color_primaries=9, transfer_characteristics=16, matrix_coefficients=9)
    photo = read_photo(path)
    write_photo(photo, photo.rgb, tmp_path / "out.heic")
    names = ("color_primaries", "transfer_characteristics", "matrix_coefficients", "full_range_flag")
    before, after = (stored(file).info["nclx_profile"] for file in (path, tmp_path / "out.heic"))
    assert [before[name] for name in names][:3] == [9, 16, 9]
    assert [after[name] for name in names] == [before[name] for name in names]


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_the_files_own_turn_counts_once(orientation: int, heic, tmp_path: Path, exif) -> None:
    """pillow-heif stores the turn in a box (irot) and leaves EXIF's word beside it, as telephones do."""
    upright = smooth(64, 96, 255)
    upright[:20, :20] = (255, 0, 0)
    turns = {3: 2, 6: 1, 8: 3}[orientation]
    photo = read_photo(heic(np.ascontiguousarray(np.rot90(upright, turns)), exif=exif(orientation)))
    for path in (photo.path, tmp_path / "out.heic"):
        again = read_photo(path)
        assert again.rgb.shape == (64, 96, 3)
        assert np.abs(again.rgb.astype(int) - upright).mean() < 3
        write_photo(again, again.rgb, tmp_path / "out.heic")
    block = Image.Exif()
    block.load(read_photo(tmp_path / "out.heic").exif)
    assert block[0x0112] == 1


def test_an_edit_arrives_and_little_else_changes(heic, tmp_path: Path) -> None:
    photo = read_photo(heic(smooth(128, 128, 255)))
    edited = photo.rgb.copy()
    edited[50:70, 50:70] += 40
    write_photo(photo, edited, tmp_path / "out.heic")
    change = np.abs(read_photo(tmp_path / "out.heic").rgb.astype(int) - photo.rgb)
    assert abs(change[54:66, 54:66].mean() - 40) < 2
    change[40:80, 40:80] = 0
    assert change.mean() < 0.6 and change.max() <= 6


def test_several_pictures_are_refused(tmp_path: Path) -> None:
    file = heif.HeifFile()
    for shade in (50, 200):
        file.add_frombytes("RGB", (64, 64), bytes([shade]) * (64 * 64 * 3))
    file.save(tmp_path / "a.heic")
    with pytest.raises(UnsupportedPhotoError, match="several pictures"):
        read_photo(tmp_path / "a.heic")


def test_sequences_are_refused(heic) -> None:
    path = heic(smooth(64, 64, 255))
    path.write_bytes(path.read_bytes() + (16).to_bytes(4, "big") + b"moov" + bytes(8))
    with pytest.raises(UnsupportedPhotoError, match="is animated"):
        read_photo(path)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_cut_off_files(share: float, heic) -> None:
    path = heic(np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnreadablePhotoError):
        read_photo(path)


def test_the_extra_is_named_where_it_is_missing(heic, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    path = heic(smooth(64, 64, 255))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(UnsupportedPhotoError) as caught:
        read_photo(path)
    assert str(caught.value) == (
        'a.heic is a HEIC picture, and pillow_heif is not installed. Install it with: pip install "bpfre[heic]".'
    )


def test_what_a_camera_appends_does_no_harm(heic) -> None:
    path = heic(smooth(64, 64, 255))
    before = read_photo(path).rgb
    path.write_bytes(path.read_bytes() + b"SEFHtrailer that is no box at all")
    np.testing.assert_array_equal(read_photo(path).rgb, before)
