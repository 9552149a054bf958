from __future__ import annotations

from pathlib import Path

import pytest

from bpfre.errors import DataError
from bpfre.training.data import held_out, read_patterns


def test_patterns_come_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "holdout.txt"
    path.write_text("# kept for the test\nlondon/01*.jpg\n\n  *.png   # all of them\n", encoding="utf-8")
    assert read_patterns(path) == ("london/01*.jpg", "*.png")
    assert read_patterns(None) == ()


@pytest.mark.parametrize("fault", ["missing", "folder", "binary"])
def test_a_list_that_cannot_be_read_is_refused(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "holdout.txt"
    if fault == "folder":
        path.mkdir()
    elif fault == "binary":
        path.write_bytes(b"\xff\xfe\x80")
    with pytest.raises(DataError) as caught:
        read_patterns(path)
    assert "holdout.txt" in caught.value.message and caught.value.next_step


@pytest.mark.parametrize(
    ("relative", "patterns", "expected"),
    [
        ("a.jpg", (), False),
        ("a.jpg", ("a.jpg",), True),
        ("sub/a.jpg", ("a.jpg",), False),
        ("sub/a.jpg", ("sub/*",), True),
        ("sub/deep/a.jpg", ("sub/*",), True),
        ("sub/a.jpg", ("b*", "*/a.*"), True),
        ("012.jpg", ("01[0-2].jpg",), True),
        ("013.jpg", ("01[0-2].jpg",), False),
    ],
)
def test_held_out_matches_the_path_below_the_folder(relative: str, patterns: tuple[str, ...], expected: bool) -> None:
    assert held_out(relative, patterns) is held_out(Path(relative), patterns) is expected
