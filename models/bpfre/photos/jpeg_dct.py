"""A JPEG's quantised coefficients, read and written by jpeglib."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import numpy as np

from bpfre.photos.faults import NotExactError

# [rows, columns, 8, 8] int16 coefficients, and [8, 8] quantisation steps, of each component (of CMYK the first three)
Edit: TypeAlias = Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], None]

_SEQUENTIAL, _PROGRESSIVE = "turbo210", "mozjpeg403"  # only the latter writes progressive files from coefficients
_MAX_SAMPLES = 400_000_000  # six bytes each while they are written
_COPY_TABLES = 0  # "quality" that makes jpeglib neither scale quantisation tables nor rename components
_turn = threading.Lock()  # jpeglib chooses its codec for the whole process


def recode(data: bytes, edit: Edit, *, samples: int, progressive: bool) -> bytes:
    """Return a JPEG file with edited coefficients and Huffman tables that fit them; all else as it was.

    Restart markers and arithmetic coding are not written: both say nothing about the picture.

    Args:
        data: a JPEG file without metadata that decodes well.
        edit: changes the coefficients in place.
        samples: about how many coefficients there are.
        progressive: how to write.
    Raises:
        NotExactError: jpeglib is not there, or does not handle the file.
    """
    if samples > _MAX_SAMPLES:
        raise NotExactError(f"it has more than {_MAX_SAMPLES // 1_000_000} million samples")
    try:
        import jpeglib
    except (ImportError, OSError, RuntimeError) as error:  # missing, or without a library for this machine
        raise NotExactError("jpeglib is not installed") from error
    try:
        with TemporaryDirectory(prefix="bpfre-") as folder, _turn:
            source, destination = Path(folder, "source.jpg"), Path(folder, "edited.jpg")
            source.write_bytes(data)
            with jpeglib.version(_PROGRESSIVE if progressive else _SEQUENTIAL):
                image = jpeglib.read_dct(str(source))
                image.load()
                planes = [plane for plane in (image.Y, image.Cb, image.Cr) if plane is not None]
                edit(planes, [image.get_component_qt(index) for index in range(len(planes))])
                image.markers = []
                image.write_dct(str(destination), quality=_COPY_TABLES, flags=["OPTIMIZE_CODING"])
            return destination.read_bytes()
    except Exception as error:
        raise NotExactError("jpeglib cannot write it") from error
