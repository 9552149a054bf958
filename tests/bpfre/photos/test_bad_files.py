"""What is not a sound single photo is refused with a plain sentence, before it costs memory."""

from __future__ import annotations

import re
import struct
import tracemalloc
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from bpfre.errors import PhotoError, UnreadablePhotoError, UnsupportedPhotoError
from bpfre.photos import read_photo

JARGON = re.compile(r"IDAT|decoder|libpng|Pillow|OpenCV|cv2|errno|0x|Traceback|struct|array|dtype|\n", re.IGNORECASE)


def assert_refused(path: Path, error: type[PhotoError]) -> PhotoError:
    with pytest.raises(error) as caught:
        read_photo(path)
    message = caught.value.message
    assert path.name in message and message.endswith(".") and not JARGON.search(message), message
    return caught.value


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize(
    ("name", "mode", "depth", "options"),
    [
        ("a.jpg", "RGB", np.uint8, {}),
        ("a.jpg", "RGB", np.uint8, {"progressive": True}),
        ("a.jpg", "CMYK", np.uint8, {}),
        ("a.png", "RGB", np.uint8, {}),
        ("a.png", "RGB", np.uint16, {}),
        ("a.png", "LA", np.uint16, {}),
        ("a.tif", "RGB", np.uint8, {}),
        ("a.tif", "RGB", np.uint8, {"compression": "tiff_lzw"}),
        ("a.tif", "RGB", np.uint16, {}),
        ("a.webp", "RGB", np.uint8, {"lossless": True}),
        ("a.webp", "RGB", np.uint8, {}),
    ],
)
def test_cut_off_files(name, mode, depth, options, share: float, samples, save) -> None:
    path = save(name, samples(mode, depth, height=120, width=160), mode, **options)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert_refused(path, UnreadablePhotoError)


def test_a_flipped_bit_in_a_png(samples, save) -> None:
    path = save("a.png", samples("RGB", np.uint16), "RGB")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    assert_refused(path, UnreadablePhotoError)


@pytest.mark.parametrize("content", [b"", b"Dear diary, this is a text.\n" * 9, b"\xff\xd8\xff", b"II*\0", b"RIFF"])
def test_no_photo_at_all(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert_refused(path, UnreadablePhotoError)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert_refused(tmp_path / "gone.jpg", UnreadablePhotoError)
    (tmp_path / "folder.jpg").mkdir()
    assert_refused(tmp_path / "folder.jpg", UnreadablePhotoError)


@pytest.mark.parametrize("kind", [".png", ".jpg"])
def test_zero_sized_pictures(kind: str, samples, save) -> None:
    path = save(f"a{kind}", samples("RGB"), "RGB")
    data = bytearray(path.read_bytes())
    if kind == ".png":
        data[16:20] = bytes(4)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    else:
        frame = data.index(b"\xff\xc0")
        data[frame + 5 : frame + 7] = bytes(2)
    path.write_bytes(data)
    assert "no pixels" in assert_refused(path, UnreadablePhotoError).message


@pytest.mark.parametrize("name", ["a.webp", "a.png"])
def test_animations(name: str, samples, tmp_path: Path) -> None:
    frames = [Image.fromarray(np.roll(samples("RGB"), step, 1)) for step in (0, 5, 10)]
    path = tmp_path / name
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    assert "animated" in assert_refused(path, UnsupportedPhotoError).message


def test_tiff_of_several_pages(samples, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.stack([samples("RGB")] * 3), photometric="rgb", metadata=None)
    assert "several pages" in assert_refused(path, UnsupportedPhotoError).message


@pytest.mark.parametrize("side", ["thumbnail", "mask"])
def test_thumbnail_and_mask_pages_do_not_count(side: str, samples, tmp_path: Path) -> None:
    pixels = samples("RGB")
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(pixels, photometric="rgb", metadata=None)
        if side == "thumbnail":
            writer.write(pixels[::4, ::4], photometric="rgb", metadata=None, subfiletype=1)
        else:
            mask = pixels[..., 0] > 99
            writer.write(mask, photometric="minisblack", metadata=None, subfiletype=4)
    np.testing.assert_array_equal(read_photo(path).rgb, pixels)


@pytest.mark.parametrize("dtype", [np.float32, np.uint32, np.int16])
def test_tiff_of_unusual_depth(dtype: type, samples, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, samples("RGB").astype(dtype), photometric="rgb", metadata=None)
    assert_refused(path, UnsupportedPhotoError)


@pytest.mark.parametrize("content", [b"GIF89a", b"\0\0\0\x18ftypisom", b"BM"])
def test_other_pictures_are_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content.ljust(100, b"\0"))
    assert assert_refused(path, UnsupportedPhotoError).next_step


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_bombs_are_refused_before_they_unfold(name: str, samples, save) -> None:
    """20000 x 20000 pixels in the header: 1.2 GB, none of which may be asked for."""
    path = save(name, samples("RGB"), "RGB")
    data = bytearray(path.read_bytes())
    if name == "a.jpg":
        frame = data.index(b"\xff\xc0")
        data[frame + 5 : frame + 9] = struct.pack(">HH", 20000, 20000)
    elif name == "a.png":
        data[16:24] = struct.pack(">II", 20000, 20000)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    else:
        with tifffile.TiffFile(BytesIO(data)) as file:
            places = [file.pages[0].tags[tag].valueoffset for tag in (256, 257)]
            kinds = ["<I" if file.pages[0].tags[tag].dtype == 4 else "<H" for tag in (256, 257)]
        for place, kind in zip(places, kinds, strict=True):
            struct.pack_into(kind, data, place, 20000)
    path.write_bytes(data)
    tracemalloc.start()
    error = assert_refused(path, UnsupportedPhotoError)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "20000 x 20000" in error.message
    assert peak < 10_000_000


def test_metadata_bomb_is_left_out(samples, save) -> None:
    """A colour profile of 128 MB, packed into 128 KB, is not unpacked; the photo is read."""
    zeros = zlib.compressobj(9)
    packed = b"".join(zeros.compress(bytes(1 << 20)) for _ in range(128)) + zeros.flush()
    path = save("a.png", samples("RGB"), "RGB")
    data = path.read_bytes()
    content = b"iCCP" + b"x\0\0" + packed
    bomb = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    path.write_bytes(data[:33] + bomb + data[33:])
    assert read_photo(path).icc is None
