"""Sheets as files: a PNG each, or all in one PDF or one HTML page."""

from __future__ import annotations

import base64
import html
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np
from PIL import Image

from bpfre.errors import UsageError
from bpfre.photos import write_png
from bpfre.photos.atomic import atomic_file

if TYPE_CHECKING:
    from tifffile import TiffWriter

AlbumKind = Literal["png", "pdf", "html"]

_QUALITY = {"quality": 95, "subsampling": 0}  # of JPEG in PDF and HTML; PNG is exact
_DOTS = 150  # pixels an inch on PDF pages

_HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>What the network sees and does</title>
<style>
body { margin: 2rem auto; max-width: 1600px; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; color: #222; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 3rem 0 0.5rem; overflow-wrap: anywhere; }
img { width: 100%; height: auto; border: 1px solid #ddd; }
</style>
<h1>What the network sees and does</h1>
"""


class Album(Protocol):
    """Where sheets go."""

    def add(self, name: Path, title: str, sheet: np.ndarray) -> Path:
        """Take a sheet, [H, W, 3] uint8 RGB.

        Args:
            name: path below the album's folder, without a suffix of ours.
            title: one line for readers of the page.

        Returns:
            The file that holds it, or will.

        Raises:
            PhotoError: the disk refuses.
        """


def open_album(kind: AlbumKind, folder: Path) -> AbstractContextManager[Album]:
    """Open an album: `png` writes a file a sheet, `pdf` and `html` one file when the block ends well.

    Raises:
        UsageError: there is no such kind.
    """
    if kind not in get_args(AlbumKind):
        raise UsageError(f"There is no kind of album {kind!r}.", f"Choose one of: {', '.join(get_args(AlbumKind))}.")
    return {"png": _files, "pdf": _pdf, "html": _page}[kind](folder)


@contextmanager
def _files(folder: Path) -> Iterator[Album]:
    yield _Files(folder)


@contextmanager
def _pdf(folder: Path) -> Iterator[Album]:
    from tifffile import TiffWriter

    with tempfile.TemporaryDirectory() as waiting:
        pages = Path(waiting) / "sheets.tif"
        with TiffWriter(pages, bigtiff=True) as writer:
            album = _Pdf(folder / "attention.pdf", writer)
            yield album
        if album.count:
            with Image.open(pages) as sheets, atomic_file(album.path) as file:
                sheets.save(file, "PDF", save_all=True, resolution=_DOTS, title="Blemish maps and stages", **_QUALITY)


@contextmanager
def _page(folder: Path) -> Iterator[Album]:
    with tempfile.TemporaryFile() as body:
        album = _Page(folder / "attention.html", body)
        yield album
        if album.count:
            body.seek(0)
            with atomic_file(album.path) as file:
                file.write(_HEAD.encode())
                shutil.copyfileobj(body, file)


class _Files:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, name: Path, title: str, sheet: np.ndarray) -> Path:
        path = self._folder / name.with_name(f"{name.name}.png")
        write_png(path, sheet)
        return path


class _Pdf:
    """Sheets wait in one TIFF on disk: Pillow reads page by page, so that memory does not grow with their number."""

    def __init__(self, path: Path, pages: TiffWriter) -> None:
        self.path, self.count, self._pages = path, 0, pages

    def add(self, name: Path, title: str, sheet: np.ndarray) -> Path:
        self._pages.write(sheet, photometric="rgb", compression="zlib", metadata=None)
        self.count += 1
        return self.path


class _Page:
    def __init__(self, path: Path, body: IO[bytes]) -> None:
        self.path, self.count, self._body = path, 0, body

    def add(self, name: Path, title: str, sheet: np.ndarray) -> Path:
        picture = BytesIO()
        Image.fromarray(sheet).save(picture, "JPEG", **_QUALITY)
        words = html.escape(title.encode("utf-8", "replace").decode())
        self._body.write(f'<h2>{words}</h2>\n<img alt="{words}" src="data:image/jpeg;base64,'.encode())
        self._body.write(base64.b64encode(picture.getbuffer()) + b'">\n')
        self.count += 1
        return self.path
