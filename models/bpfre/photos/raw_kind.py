"""Tell camera RAW files by their content: most are TIFF files, which only their tags tell apart."""

from __future__ import annotations

from contextlib import suppress

from bpfre.photos.faults import DamagedError
from bpfre.photos.ifd import read_directory, read_header
from bpfre.photos.isobmff import kind_of
from bpfre.photos.tiff_layout import PHOTOMETRIC

_MARKS = (
    b"FUJIFILMCCD-RAW",  # RAF
    b"IIRO",  # ORF
    b"IIRS",
    b"MMOR",
    b"IIU\0",  # RW2
    b"\0MRM",  # MRW
    b"FOVb",  # X3F
)
_DNG_VERSION, _SUB_DIRECTORIES = 50706, 330
_SENSOR = {32803, 34892}  # PhotometricInterpretation: colour filter array, linear sensor values
_CR2 = 8  # offset of its mark


def is_raw(data: bytes) -> bool:
    """Say whether a file is a camera RAW file."""
    if data.startswith(_MARKS) or kind_of(data) == "CR3":
        return True
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return False
    if data[_CR2 : _CR2 + 2] == b"CR":
        return True
    with suppress(DamagedError):
        header = read_header(data)
        entries = read_directory(data, header.first, header).entries
        if _DNG_VERSION in entries:
            return True
        offsets = entries[_SUB_DIRECTORIES].numbers() if _SUB_DIRECTORIES in entries else []
        pages = [entries, *(read_directory(data, offset, header).entries for offset in offsets)]
        return any(PHOTOMETRIC in page and _SENSOR & set(page[PHOTOMETRIC].numbers()) for page in pages)
    return False
