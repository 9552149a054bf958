from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bpfre.errors import DataError
from bpfre.training.data.landmarks import POINTS, read_tem

GOOD = [f"{i}.25\t{2 * i}" for i in range(POINTS)]


def write(folder: Path, lines: list[str], newline: str = "\n") -> Path:
    path = folder / "face.tem"
    path.write_bytes(newline.join(lines).encode())
    return path


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_reads_the_points(tmp_path: Path, newline: str) -> None:
    points = read_tem(write(tmp_path, [str(POINTS), *GOOD, "42", "0 1 2 3"], newline))  # contours follow the points
    assert points.shape == (POINTS, 2) and points.dtype == np.float32
    np.testing.assert_allclose(points[[0, 5, 188]], [[0.25, 0], [5.25, 10], [188.25, 376]])


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [""],
        ["68", *GOOD[:68]],
        [str(POINTS), *GOOD[:-1]],
        [str(POINTS), *GOOD[:100], "", *GOOD[101:]],
        [str(POINTS), *GOOD[:100], "a b", *GOOD[101:]],
        [str(POINTS), *(f"{line} 7" for line in GOOD)],
        [str(POINTS), *GOOD[:100], "1 2 3", *GOOD[101:]],
        GOOD,
        ["points", *GOOD],
    ],
)
def test_other_files_are_refused(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(DataError, match=r"face\.tem"):
        read_tem(write(tmp_path, lines))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "face.tem").write_bytes(bytes(range(128, 256)))
    with pytest.raises(DataError):
        read_tem(tmp_path / "face.tem")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        read_tem(tmp_path / "face.tem")
