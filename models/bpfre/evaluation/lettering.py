"""Words in pictures: which font has them, how wide they are, where lines break."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from PIL import ImageDraw, ImageFont

_WIDE_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf")  # of the system
_SPACE = 0.28  # of the size; Pillow's own font has less, and words run into each other

Font: TypeAlias = "ImageFont.FreeTypeFont | ImageFont.ImageFont"


@dataclass(frozen=True, eq=False)
class Letters:
    """A font at a size, with spaces that keep words apart."""

    font: Font
    size: int  # px

    def width(self, text: str) -> float:
        """Width of one line, px."""
        words = text.split(" ")
        return sum(self.font.getlength(word) for word in words) + self._space * (len(words) - 1)

    def write(self, draw: ImageDraw.ImageDraw, x: float, y: float, text: str, ink: tuple[int, int, int]) -> None:
        """Draw one line from its upper left corner."""
        for word in text.split(" "):
            draw.text((round(x), y), word, fill=ink, font=self.font)
            x += self.font.getlength(word) + self._space

    def wrap(self, text: str, width: int) -> list[str]:
        """Break text into lines of at most `width` px, between words where possible."""
        lines: list[str] = []
        current = ""
        for word in text.split():
            if self.width(f"{current} {word}".strip()) <= width:
                current = f"{current} {word}".strip()
                continue
            if current:
                lines.append(current)
            while len(word) > 1 and self.width(word) > width:
                fitting = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or self.width(word[:n]) <= width)
                lines.append(word[:fitting])
                word = word[fitting:]
            current = word
        return [*lines, current] if current else lines

    @property
    def _space(self) -> float:
        return _SPACE * self.size


def letters_for(text: str, size: int) -> Letters:
    """Return Pillow's own font, or one of the system for what that does not have."""
    return Letters(_builtin(size) if text.isascii() else _wide(size) or _builtin(size), size)


def shown_as(text: str) -> str:
    """Return text as it can be drawn here: without a system font accents are dropped and the rest becomes `?`."""
    printable = "".join(c if c.isprintable() else "?" for c in text)
    if printable.isascii() or _wide(13) is not None:
        return printable
    plain = unicodedata.normalize("NFKD", printable)
    return "".join(c for c in plain if not unicodedata.combining(c)).encode("ascii", "replace").decode()


@cache
def _builtin(size: int) -> Font:
    return ImageFont.load_default(size)


@cache
def _wide(size: int) -> Font | None:
    for name in _WIDE_FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return None
