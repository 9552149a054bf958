"""Pictures without metadata."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bpfre.errors import PhotoError
from bpfre.photos import write_png


@pytest.mark.parametrize("shape", [(20, 30, 3), (20, 30)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_png_is_written_as_it_was(tmp_path: Path, shape: tuple[int, ...], kind: type) -> None:
    pixels = np.random.default_rng(0).integers(0, np.iinfo(kind).max, shape, kind, endpoint=True)
    write_png(tmp_path / "new" / "sheet.png", pixels)
    read = cv2.imread(str(tmp_path / "new" / "sheet.png"), cv2.IMREAD_UNCHANGED)
    assert read.dtype == kind and np.array_equal(read[..., ::-1] if read.ndim == 3 else read, pixels)


def test_a_disk_that_refuses_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PhotoError, match="cannot be written"):
        write_png(tmp_path / "file" / "sheet.png", np.zeros((4, 4, 3), np.uint8))
