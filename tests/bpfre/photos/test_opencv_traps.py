"""Known defects of the shorter ways to read and write photos; each test first shows the defect.

If the first half of a test fails, the library was mended, and the detour around it can be looked at again.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import cv2
import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
from PIL import Image

from bpfre.errors import UnreadablePhotoError
from bpfre.photos import read_photo, write_photo


def test_opencv_drops_metadata(samples, save, exif, icc, tmp_path) -> None:
    path = save("a.jpg", samples("RGB"), "RGB", exif=exif(6), icc=icc)
    cv2.imwrite(str(tmp_path / "cv.jpg"), cv2.imread(str(path)))
    with Image.open(tmp_path / "cv.jpg") as image:
        assert "icc_profile" not in image.info and not image.getexif()
    photo = read_photo(path)
    write_photo(photo, photo.rgb, tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.info["icc_profile"] == icc and image.getexif()[0x010F] == "Maker"


@pytest.mark.skipif(not hasattr(cv2, "imreadWithMetadata"), reason="OpenCV has it from version 5 on")
def test_opencv_turns_twice_when_metadata_is_kept(samples, save, exif, tmp_path) -> None:
    path = save("a.jpg", samples("RGB"), "RGB", exif=exif(6))
    image, kinds, blocks = cv2.imreadWithMetadata(str(path), cv2.IMREAD_COLOR)
    assert image.shape[:2] == (52, 37)  # turned
    cv2.imwriteWithMetadata(str(tmp_path / "cv.jpg"), image, kinds, blocks)
    assert Image.open(tmp_path / "cv.jpg").getexif()[0x0112] == 6  # and to be turned once more
    photo = read_photo(path)
    write_photo(photo, photo.rgb, tmp_path / "b.jpg")
    assert read_photo(tmp_path / "b.jpg").rgb.shape == photo.rgb.shape == (52, 37, 3)
    with Image.open(path) as before, Image.open(tmp_path / "b.jpg") as after:
        assert after.getexif()[0x0112] == before.getexif()[0x0112] == 6  # pixels and tag stay as they are stored
        assert after.size == before.size


def test_opencv_cannot_read_a_turned_tiff(samples, tmp_path) -> None:
    """From OpenCV 5.0.0: None for a TIFF that is not square and lies on its side."""
    pixels = samples("RGB", np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", metadata=None, extratags=[(274, 3, 1, 6, True)])
    if cv2.__version__.startswith("5.0.0"):
        assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED) is None
    np.testing.assert_array_equal(read_photo(path).rgb, np.rot90(pixels, -1))


def test_imageio_with_pillow_reduces_16_bits(samples, save) -> None:
    pixels = samples("RGB", np.uint16)
    path = save("a.png", pixels, "RGB")
    assert imageio.imread(path, plugin="pillow").dtype == np.uint8
    np.testing.assert_array_equal(read_photo(path).rgb, pixels)


def test_imageio_does_not_turn(samples, save, exif) -> None:
    path = save("a.jpg", samples("RGB"), "RGB", exif=exif(6))
    assert imageio.imread(path, plugin="pillow").shape[:2] == (37, 52)
    assert read_photo(path).rgb.shape[:2] == (52, 37)


def test_opencv_fills_a_cut_jpeg_with_grey(samples, save) -> None:
    path = save("a.jpg", samples("RGB", height=200, width=200), "RGB")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert cv2.imread(str(path)).shape == (200, 200, 3)  # no complaint
    with pytest.raises(UnreadablePhotoError):
        read_photo(path)


def test_opencv_turns_cmyk_into_three_channels(samples, save) -> None:
    path = save("a.jpg", samples("CMYK"), "CMYK", quality=95)
    assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape[2] == 3
    assert read_photo(path).native.shape[2] == 4


def test_opencv_says_nothing_about_a_missing_folder(samples, save, tmp_path: Path) -> None:
    photo = read_photo(save("a.png", samples("RGB"), "RGB"))
    missing = tmp_path / "not" / "there" / "b.png"
    assert cv2.imwrite(str(missing), photo.rgb) is False
    write_photo(photo, photo.rgb, missing)
    assert missing.exists()


def test_pillow_reduces_16_bit_tiff(samples, save) -> None:
    pixels = samples("RGB", np.uint16)
    path = save("a.tif", pixels, "RGB")
    with Image.open(BytesIO(path.read_bytes())) as image:
        assert np.asarray(image).dtype == np.uint8
    np.testing.assert_array_equal(read_photo(path).rgb, pixels)
