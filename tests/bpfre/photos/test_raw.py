"""Camera RAW: told by content, developed, turned, described, and written as TIFF or JPEG."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from bpfre.errors import UnreadablePhotoError, UnsupportedPhotoError
from bpfre.photos import read_photo, write_photo
from bpfre.photos.ifd import EXIF_DIRECTORY, Entry, Tree, pack_header, pack_tree, short
from bpfre.photos.raw_kind import is_raw
from bpfre.photos.raw_metadata import raw_metadata

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


@pytest.fixture
def light() -> np.ndarray:
    """[64, 96, 3]: brighter to the right, red above and blue below, smooth so that demosaicing finds it again."""
    y, x = np.mgrid[0:1:64j, 0:1:96j]
    return np.stack([(0.1 + 0.6 * x) * (1 - 0.7 * y), 0.1 + 0.5 * x, (0.1 + 0.6 * x) * (0.3 + 0.7 * y)], 2)


@pytest.fixture
def raw(tmp_path: Path, light: np.ndarray, dng) -> Callable[..., Path]:
    pytest.importorskip("rawpy", reason="rawpy comes with the extra raw")

    def write(name: str = "a.dng", **options: Any) -> Path:
        (tmp_path / name).write_bytes(dng(light, **options))
        return tmp_path / name

    return write


def tags(exif: bytes | None) -> dict[int, object]:
    block = Image.Exif()
    block.load(exif or b"")
    return dict(block)


def test_colours_and_brightness_are_the_scenes(raw, light: np.ndarray) -> None:
    photo = read_photo(raw())
    assert (photo.format, photo.mode, photo.rgb.dtype, photo.rgb.shape) == ("RAW", "RGB", np.uint16, (64, 96, 3))
    seen = photo.rgb[8:-8, 8:-8] / 65535
    linear = np.where(seen <= 0.04045, seen / 12.92, ((seen + 0.055) / 1.055) ** 2.4)
    true = light[8:-8, 8:-8]
    unclipped = (seen < 0.98).all(axis=2)
    factor = np.median(linear[unclipped] / true[unclipped])  # LibRaw brightens as a whole
    assert factor > 1
    assert np.abs(linear[unclipped] / factor - true[unclipped]).max() < 0.02
    profile = ImageCms.ImageCmsProfile(BytesIO(photo.icc or b""))
    assert "sRGB" in ImageCms.getProfileDescription(profile)


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_orientation_is_applied_once(orientation: int, turns: int, raw, tmp_path: Path) -> None:
    upright = read_photo(raw("upright.dng"))
    photo = read_photo(raw(orientation=orientation))
    np.testing.assert_array_equal(photo.rgb, np.rot90(upright.rgb, turns))
    assert tags(photo.exif)[0x0112] == 1
    write_photo(photo, photo.rgb, tmp_path / "out.tif")
    np.testing.assert_array_equal(read_photo(tmp_path / "out.tif").rgb, photo.rgb)


def test_it_is_written_as_16_bit_tiff_or_as_jpeg(raw, tmp_path: Path) -> None:
    photo = read_photo(raw())
    edited = photo.rgb.copy()
    edited[20:30, 20:30] += 3000
    for name, kind, dtype in (("a.dng.tif", "TIFF", np.uint16), ("a.dng.jpg", "JPEG", np.uint8)):
        assert write_photo(photo, edited, tmp_path / name) == ""
        again = read_photo(tmp_path / name)
        assert (again.format, again.rgb.dtype, again.icc, again.xmp) == (kind, dtype, photo.icc, XMP)
        described = tags(again.exif)
        assert (described[271], described[272], described.get(0x0112, 1)) == ("Maker", "Model", 1)
        assert not {50706, 50721, 33422} & described.keys()  # nothing of the sensor
    np.testing.assert_array_equal(read_photo(tmp_path / "a.dng.tif").rgb, edited)
    shown = read_photo(tmp_path / "a.dng.jpg").rgb.astype(int)
    assert np.abs(shown - edited / 257).mean() < 1.5


def test_an_editors_long_history_is_left_out_of_a_jpeg(raw, tmp_path: Path) -> None:
    photo = read_photo(raw(xmp=XMP + b" " * 100_000))
    write_photo(photo, photo.rgb, tmp_path / "a.dng.jpg")
    assert read_photo(tmp_path / "a.dng.jpg").xmp is None
    write_photo(photo, photo.rgb, tmp_path / "a.dng.tif")
    assert read_photo(tmp_path / "a.dng.tif").xmp == photo.xmp


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_cut_off_files(share: float, raw) -> None:
    path = raw()
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises((UnreadablePhotoError, UnsupportedPhotoError)):
        read_photo(path)


def test_an_unknown_camera_is_said_so(tmp_path: Path) -> None:
    pytest.importorskip("rawpy", reason="rawpy comes with the extra raw")
    (tmp_path / "a.raf").write_bytes(b"FUJIFILMCCD-RAW 0201".ljust(4000, b"\0"))
    with pytest.raises((UnsupportedPhotoError, UnreadablePhotoError)) as caught:
        read_photo(tmp_path / "a.raf")
    assert "a.raf" in caught.value.message


def test_a_raw_name_never_gives_a_thumbnail(raw, tmp_path: Path) -> None:
    """A TIFF in a RAW file's name is not read as a TIFF: it would be the preview of a camera that is not known."""
    tifffile.imwrite(tmp_path / "a.nef", np.zeros((16, 16, 3), np.uint8), photometric="rgb", metadata=None)
    with pytest.raises((UnsupportedPhotoError, UnreadablePhotoError)):
        read_photo(tmp_path / "a.nef")


def test_the_extra_is_named_where_it_is_missing(
    tmp_path: Path, light: np.ndarray, dng, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.dng").write_bytes(dng(light))
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(UnsupportedPhotoError) as caught:
        read_photo(tmp_path / "a.dng")
    assert str(caught.value) == (
        'a.dng is a camera RAW file, and rawpy is not installed. Install it with: pip install "bpfre[raw]".'
    )


def test_kinds_are_told_by_content(light: np.ndarray, dng, samples, save) -> None:
    assert is_raw(dng(light))
    assert is_raw(b"II*\0\x10\0\0\0CR\x02\0" + bytes(99))
    assert is_raw(b"FUJIFILMCCD-RAW 0201" + bytes(99))
    assert is_raw(b"\0\0\0\x18ftypcrx \0\0\0\1crx isom")
    assert not is_raw(save("a.tif", samples("RGB"), "RGB").read_bytes())
    assert not is_raw(save("b.tif", samples("L", np.uint16), "L").read_bytes())
    assert not is_raw(save("c.jpg", samples("RGB"), "RGB").read_bytes())


def test_a_preview_before_the_sensors_page() -> None:
    """As NEF and ARW files: the first directory is a preview, the sensor's data in one below it."""
    buffer = BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(np.zeros((16, 16, 3), np.uint8), photometric="rgb", metadata=None, subifds=1)
        writer.write(np.zeros((32, 32), np.uint16), photometric=32803, metadata=None)
    assert is_raw(buffer.getvalue())


def block(tree: Tree) -> bytes:
    return pack_header(8) + pack_tree(tree, 8)


def text(value: bytes) -> Entry:
    return Entry(2, len(value), value)


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def test_facts_of_a_cr3_come_from_its_boxes() -> None:
    first = block({271: text(b"Canon\0"), 0x0112: short(6), 256: short(6000)})
    second = block({0x9003: text(b"2026:11:22 10:11:12\0"), 37500: Entry(7, 9, b"makernote"), 0x8827: short(400)})
    canon = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
    inner = box(b"CNCV", bytes(8)) + box(b"CMT1", first) + box(b"CMT2", second) + box(b"CMT4", block({1: text(b"N\0")}))
    data = box(b"ftyp", b"crx \0\0\0\1crx isom") + box(b"moov", box(b"mvhd", bytes(4)) + box(b"uuid", canon + inner))
    found = Image.Exif()
    found.load(raw_metadata(data).exif)
    assert dict(found).keys() == {271, 0x0112, EXIF_DIRECTORY, 0x8825}
    assert (found[271], found[0x0112]) == ("Canon", 6)
    assert dict(found.get_ifd(EXIF_DIRECTORY)) == {0x9003: "2026:11:22 10:11:12", 0x8827: 400}
    assert found.get_ifd(0x8825)[1] == "N"


def test_facts_of_a_raf_come_from_its_preview(samples, save, exif) -> None:
    preview = save("p.jpg", samples("RGB"), "RGB", exif=exif(8)).read_bytes()
    head = b"FUJIFILMCCD-RAW 0201".ljust(84, b"\0") + struct.pack(">II", 200, len(preview))
    found = Image.Exif()
    found.load(raw_metadata(head.ljust(200, b"\0") + preview + bytes(50)).exif)
    assert (found[271], found[0x0112]) == ("Maker", 8)
    assert found.get_ifd(EXIF_DIRECTORY)[0x9003] == "2026:11:22 10:11:12"


@pytest.mark.parametrize("mark", [b"IIRO", b"IIRS", b"IIU\0"])
def test_facts_of_tiff_files_with_a_makers_number(mark: bytes) -> None:
    data = block({271: text(b"Olympus\0"), 37500: Entry(7, 9, b"makernote")})
    assert tags(raw_metadata(mark + data[4:]).exif) == {271: "Olympus"}
