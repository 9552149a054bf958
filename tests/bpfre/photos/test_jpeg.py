"""JPEG encoded anew: encoder settings of the source, segments of the source.

This is how a photo is written where jpeglib cannot edit its blocks; `test_jpeg_edit.py` has the usual way.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from bpfre.errors import UnsupportedPhotoError
from bpfre.photos import read_photo, write_photo

skimage_data = pytest.importorskip("skimage.data", reason="the example portrait comes with scikit-image")


@pytest.fixture(autouse=True)
def _without_jpeglib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jpeglib", None)  # as where it is not installed


@pytest.fixture(scope="module")
def portrait() -> Image.Image:
    return Image.fromarray(skimage_data.astronaut())


def rewritten(path: Path) -> Path:
    destination = path.with_name("out.jpg")
    photo = read_photo(path)
    note = write_photo(photo, photo.rgb, destination)
    assert note == "Every pixel was encoded anew, because jpeglib is not installed."
    return destination


def settings(path: Path) -> tuple[object, ...]:
    with Image.open(path) as image:
        tables = {key: tuple(table) for key, table in image.quantization.items()}
        return image.mode, image.layer, tables, bool(image.info.get("progressive"))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [60, 92])
def test_colour_settings_are_kept(portrait, quality: int, subsampling: int, progressive: bool, tmp_path) -> None:
    path = tmp_path / "a.jpg"
    portrait.save(path, quality=quality, subsampling=subsampling, progressive=progressive)
    assert settings(rewritten(path)) == settings(path)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_keep_their_settings(portrait, mode: str, tmp_path) -> None:
    path = tmp_path / "a.jpg"
    portrait.convert(mode).save(path, quality=85)
    out = rewritten(path)
    assert settings(out)[0] == mode
    assert settings(out)[2][0] == settings(path)[2][0]
    before, after = read_photo(path).native.astype(int), read_photo(out).native.astype(int)
    assert (np.abs(after - before) > 1).mean() < 0.005


@pytest.mark.parametrize(("subsampling", "share"), [(0, 0.02), (2, 0.6)])
def test_writing_again_hardly_changes_a_photo(portrait, subsampling: int, share: float, tmp_path) -> None:
    """The same tables hit the same steps: what remains is rounding of the colour transform and of chroma."""
    path = tmp_path / "a.jpg"
    portrait.save(path, quality=90, subsampling=subsampling)
    before, after = read_photo(path).rgb.astype(int), read_photo(rewritten(path)).rgb.astype(int)
    difference = np.abs(after - before)
    assert (difference > 1).mean() < share
    assert difference.mean() < (0.2 if subsampling == 0 else 1.0)
    careless = path.with_name("careless.jpg")
    Image.fromarray(before.astype(np.uint8)).save(careless, quality=75)
    assert difference.mean() < 0.5 * np.abs(read_photo(careless).rgb - before).mean()


def test_a_turned_photo_keeps_its_quality(portrait, exif, tmp_path) -> None:
    """Quantisation tables turn with the picture, so that its detail meets the steps it was made with."""
    path = tmp_path / "a.jpg"
    table = [1 + 9 * (index % 8) + (index // 8) for index in range(64)]  # coarse across, fine down
    portrait.save(path, qtables=[table, table], subsampling=0, exif=exif(6))
    out = rewritten(path)
    with Image.open(out) as image:
        assert image.quantization[0] == np.reshape(table, (8, 8)).T.ravel().tolist()
    difference = np.abs(read_photo(out).rgb.astype(int) - read_photo(path).rgb)
    assert difference.mean() < 0.3


def test_turned_422_loses_no_chroma(portrait, exif, tmp_path) -> None:
    path = tmp_path / "a.jpg"
    portrait.save(path, subsampling=1, exif=exif(6))
    with Image.open(rewritten(path)) as image:
        assert JpegImagePlugin.get_sampling(image) == 0


def test_adobe_cmyk_is_not_inverted(tmp_path) -> None:
    """White paper: no ink at all. Adobe stores ink inverted, which some readers get wrong."""
    path = tmp_path / "a.jpg"
    Image.new("CMYK", (32, 32), (0, 0, 0, 0)).save(path, quality=95)
    assert read_photo(path).rgb.min() >= 254
    assert read_photo(rewritten(path)).rgb.min() >= 254


def test_rgb_stored_without_transform(portrait, tmp_path) -> None:
    path = tmp_path / "a.jpg"
    portrait.save(path, quality=95, keep_rgb=True, subsampling=0)
    out = rewritten(path)
    with Image.open(out) as image:
        assert [component[0] for component in image.layer] == list(b"RGB")
    difference = np.abs(read_photo(out).rgb.astype(int) - read_photo(path).rgb)
    assert (difference > 1).mean() < 0.005


def test_segments_are_kept(portrait, tmp_path) -> None:
    """IPTC, comment, resolution and further XMP stay; the preview and broken credentials go."""
    path = tmp_path / "a.jpg"
    portrait.save(path, quality=90, dpi=(240, 240), comment=b"by hand")
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x0b\x1c\x02\x78\0\x06Caught"
    further = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 40 + b"more"
    extra = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
        for marker, content in (
            (0xED, iptc),
            (0xE1, further),
            (0xEB, b"JP\0\1c2pa"),
            (0xE0, b"JFXX\0\x13old"),
        )
    )
    data = path.read_bytes()
    path.write_bytes(data[:20] + extra + data[20:])  # behind the JFIF head
    written = rewritten(path).read_bytes()
    assert iptc in written and further in written
    assert b"c2pa" not in written and b"JFXX" not in written
    with Image.open(rewritten(path)) as image:
        assert image.info["dpi"] == (240, 240)
        assert image.info["comment"] == b"by hand"


def test_unequal_resolution_turns_too(portrait, exif, tmp_path) -> None:
    path = tmp_path / "a.jpg"
    portrait.save(path, dpi=(300, 150), exif=exif(6))
    data = rewritten(path).read_bytes()
    assert struct.unpack(">HH", data[14:18]) == (150, 300)


def test_large_profiles_and_exif_are_split(portrait, tmp_path) -> None:
    profile = np.random.default_rng(0).bytes(200_000)
    path = tmp_path / "a.jpg"
    portrait.save(path, icc_profile=profile)
    with Image.open(rewritten(path)) as image:
        assert image.info["icc_profile"] == profile


def test_coarse_tables_are_not_complained_about(portrait, capfd, tmp_path) -> None:
    path = tmp_path / "a.jpg"
    portrait.save(path, qtables=[[300] * 64, [400] * 64])
    capfd.readouterr()
    rewritten(path)
    assert capfd.readouterr().err == ""


def test_12_bits_are_refused(portrait, tmp_path) -> None:
    path = tmp_path / "a.jpg"
    portrait.save(path)
    data = bytearray(path.read_bytes())
    data[data.index(b"\xff\xc0") + 4] = 12
    path.write_bytes(data)
    with pytest.raises(UnsupportedPhotoError, match="12 bits"):
        read_photo(path)
