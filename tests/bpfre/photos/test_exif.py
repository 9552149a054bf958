"""EXIF blocks are patched in place; XMP alike; damage does no harm."""

from __future__ import annotations

import struct
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from bpfre.photos.exif import exif_orientation, turned_exif
from bpfre.photos.ifd import pack_header, pack_tree, read_header, read_tree
from bpfre.photos.metadata import Metadata, orientation_of, upright_metadata


@pytest.fixture(params=["II", "MM"])
def block(request: pytest.FixtureRequest, exif) -> bytes:
    """An EXIF block in either byte order with a maker note that holds offsets."""
    image = Image.Exif()
    image.load(exif(6))
    image.endian = "<" if request.param == "II" else ">"
    image.get_ifd(0x8769)[0x927C] = bytes(range(200))
    data = image.tobytes()
    assert data[6:8] == request.param.encode()
    return data


def test_only_the_necessary_bytes_change(block: bytes) -> None:
    after = turned_exif(block, 1, transposed=False)
    assert len(after) == len(block)
    changed = [i for i in range(len(block)) if block[i] != after[i]]
    assert len(changed) == 1 and block[changed[0]] == 6 and after[changed[0]] == 1


def test_a_transposed_block_exchanges_width_and_height(block: bytes) -> None:
    after = Image.Exif()
    after.load(turned_exif(block, 1, transposed=True))
    inner = after.get_ifd(0x8769)
    assert (inner[0xA002], inner[0xA003]) == (37, 52)
    assert (after[0x011A], after[0x011B]) == (150, 300)
    assert inner[0x927C] == bytes(range(200))


def test_the_thumbnail_is_unlinked() -> None:
    """It shows the photo before it was retouched, and unturned."""
    first = struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 3, 0, 26)
    second = struct.pack("<HHHIHHI", 1, 0x0103, 3, 1, 6, 0, 0)
    after = turned_exif(b"Exif\0\0II*\0\x08\0\0\0" + first + second, 1, transposed=False)
    assert struct.unpack_from("<I", after, 6 + 8 + 2 + 12) == (0,)


@pytest.mark.parametrize("value", [0, 9, 255])
def test_senseless_orientations_count_as_none(value: int, exif) -> None:
    assert exif_orientation(exif(value)) is None


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_damaged_blocks_do_no_harm(cut: int, exif) -> None:
    damaged = exif(6)[:cut]
    assert len(turned_exif(damaged, 1, transposed=True)) in (len(damaged), len(damaged) + 6)


def test_random_damage_does_no_harm(exif) -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(exif(6))
        for place in rng.integers(6, len(damaged), 4):
            damaged[place] = rng.integers(256)
        exif_orientation(bytes(damaged))
        turned_exif(bytes(damaged), 1, transposed=True)


@pytest.mark.parametrize("order", ["<", ">"])
def test_trees_survive_packing_in_both_orders(block: bytes, order: Literal["<", ">"]) -> None:
    tiff = block[6:]
    tree = read_tree(tiff, read_header(tiff).first, read_header(tiff))
    packed = pack_header(8, order) + pack_tree(tree, 8, order)
    assert comparable(read_tree(packed, 8, read_header(packed))) == comparable(tree)
    again = Image.Exif()
    again.load(packed)
    assert again.get_ifd(0x8769)[0x9003] == "2026:11:22 10:11:12"


def comparable(tree: dict) -> dict:
    return {
        tag: comparable(item) if isinstance(item, dict) else (item.kind, item.count, item.value)
        for tag, item in tree.items()
    }


@pytest.mark.parametrize(
    "written",
    [b'<r tiff:Orientation="8"/>', b"<r tiff:Orientation = '8'/>", b"<tiff:Orientation>8</tiff:Orientation>"],
)
def test_xmp_is_reset_however_it_is_written(written: bytes) -> None:
    metadata = Metadata(xmp=b"<x>" + written + b"<other>8</other></x>")
    assert orientation_of(metadata) == 8
    assert upright_metadata(metadata, 8).xmp == b"<x>" + written.replace(b"8", b"1") + b"<other>8</other></x>"


def test_exif_has_the_first_word(exif) -> None:
    xmp = b'<r tiff:Orientation="8"/>'
    assert orientation_of(Metadata(exif=exif(3), xmp=xmp)) == 3
    assert upright_metadata(Metadata(exif=exif(3), xmp=xmp), 3).xmp == b'<r tiff:Orientation="1"/>'
