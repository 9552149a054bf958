"""WebP: lossless stays lossless, lossy stays close."""

from __future__ import annotations

import numpy as np
import pytest

from bpfre.photos import read_photo, write_photo


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("carried", [False, True])
def test_lossless_stays_lossless(mode: str, carried: bool, samples, save, exif, tmp_path) -> None:
    options = {"exif": exif(1)} if carried else {}  # metadata changes the container
    photo = read_photo(save("a.webp", samples(mode), mode, lossless=True, exact=True, **options))
    assert photo.encoding.lossless
    assert write_photo(photo, photo.rgb, tmp_path / "b.webp") == ""
    data = (tmp_path / "b.webp").read_bytes()
    assert b"VP8L" in data and b"VP8 " not in data


def test_colour_under_transparency_survives(samples, save, tmp_path) -> None:
    pixels = samples("RGBA")
    pixels[5:20, 5:20, 3] = 0
    photo = read_photo(save("a.webp", pixels, "RGBA", lossless=True, exact=True))
    write_photo(photo, photo.rgb, tmp_path / "b.webp")
    np.testing.assert_array_equal(read_photo(tmp_path / "b.webp").native, pixels)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_lossy_stays_lossy_and_close(mode: str, samples, save, tmp_path) -> None:
    photo = read_photo(save("a.webp", samples(mode, height=200, width=200), mode, quality=80))
    assert not photo.encoding.lossless
    note = write_photo(photo, photo.rgb, tmp_path / "b.webp")
    assert note == "Every pixel was encoded anew, because a lossy WebP file cannot be changed in part."
    back = read_photo(tmp_path / "b.webp")
    assert not back.encoding.lossless
    assert np.abs(back.rgb.astype(int) - photo.rgb).mean() < 2
    if mode == "RGBA":
        np.testing.assert_array_equal(back.native[..., 3], photo.native[..., 3])


def test_one_frame_is_a_still_photo(samples, save) -> None:
    """A container made for animation that holds a single frame."""
    pixels = samples("RGB")
    still = save("a.webp", pixels, "RGB", lossless=True).read_bytes()
    image = still[12:]
    height, width = pixels.shape[:2]
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    frame = bytes(6) + size + (100).to_bytes(3, "little") + b"\0" + image
    chunks = b"VP8X" + (10).to_bytes(4, "little") + b"\x02\0\0\0" + size
    chunks += b"ANIM" + (6).to_bytes(4, "little") + bytes(6)
    chunks += b"ANMF" + len(frame).to_bytes(4, "little") + frame
    path = save("b.webp", pixels, "RGB", lossless=True)
    path.write_bytes(b"RIFF" + (len(chunks) + 4).to_bytes(4, "little") + b"WEBP" + chunks)
    photo = read_photo(path)
    np.testing.assert_array_equal(photo.rgb, pixels)
    assert photo.encoding.lossless
