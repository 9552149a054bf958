"""Sheets as PNG files, one PDF or one HTML page."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from bpfre.errors import UsageError
from bpfre.evaluation import open_album


def sheets(count: int) -> list[np.ndarray]:
    """Smooth pictures, all different, which JPEG keeps well."""
    ramp = np.linspace(0, 200, 120)[:, None, None] + np.linspace(0, 50, 160)[None, :, None]
    return [np.repeat(ramp * (1 - 0.2 * n), 3, axis=2).astype(np.uint8) for n in range(count)]


def test_png_is_a_file_a_sheet_at_once(tmp_path: Path) -> None:
    [sheet] = sheets(1)
    with open_album("png", tmp_path) as album:
        path = album.add(Path("day one/a.jpg.face1.attention"), "title", sheet)
        assert path == tmp_path / "day one" / "a.jpg.face1.attention.png"
        assert np.array_equal(cv2.imread(str(path))[..., ::-1], sheet)


def test_pdf_has_a_page_a_sheet(tmp_path: Path) -> None:
    pages = sheets(3)
    with open_album("pdf", tmp_path) as album:
        for number, sheet in enumerate(pages):
            assert album.add(Path(str(number)), "title", sheet) == tmp_path / "attention.pdf"
        assert not list(tmp_path.iterdir())  # whole or not at all
    data = (tmp_path / "attention.pdf").read_bytes()
    assert data.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", data)) == 3
    pictures = [Image.open(BytesIO(data[found.start() :])) for found in re.finditer(rb"\xff\xd8\xff", data)]
    assert len(pictures) == 3
    for picture, sheet in zip(pictures, pages, strict=True):
        assert np.abs(np.asarray(picture).astype(int) - sheet).max() <= 6


def test_html_is_one_page_with_everything_in_it(tmp_path: Path) -> None:
    pages = sheets(2)
    with open_album("html", tmp_path) as album:
        album.add(Path("a"), 'Zoë <script>"&', pages[0])
        album.add(Path("b"), "odd \udcff name", pages[1])
        assert not list(tmp_path.iterdir())
    text = (tmp_path / "attention.html").read_text("utf-8")
    assert text.startswith("<!doctype html>")
    assert "<h2>Zoë &lt;script&gt;&quot;&amp;</h2>" in text and "odd ? name" in text
    assert not re.search(r'(src|href)="(?!data:)', text)
    shown = [base64.b64decode(part) for part in re.findall(r'src="data:image/jpeg;base64,([^"]+)"', text)]
    for data, sheet in zip(shown, pages, strict=True):
        assert np.abs(np.asarray(Image.open(BytesIO(data))).astype(int) - sheet).max() <= 6


@pytest.mark.parametrize("kind", ["pdf", "html"])
def test_an_empty_album_or_one_cut_off_leaves_what_was_there(tmp_path: Path, kind) -> None:
    earlier = tmp_path / f"attention.{kind}"
    earlier.write_text("earlier")
    with open_album(kind, tmp_path):
        pass
    with pytest.raises(KeyboardInterrupt), open_album(kind, tmp_path) as album:
        album.add(Path("a"), "title", sheets(1)[0])
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == [earlier.name] and earlier.read_text() == "earlier"


def test_unknown_kind_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no kind of album 'tiff'"):
        open_album("tiff", tmp_path)  # type: ignore[arg-type]
