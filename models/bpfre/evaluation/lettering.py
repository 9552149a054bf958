"""Words in pictures: which font has them, how wide they are, where lines break."""

from __future__ import annotations

import contextlib
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from PIL import ImageDraw, ImageFont

# Of the system, those of Latin, Greek and Cyrillic first; then Chinese, Japanese and Korean.
_WIDE_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "Arial Unicode.ttf",
    "arial.ttf",
    "NotoSansCJK-Regular.ttc",
    "msyh.ttc",
    "YuGothM.ttc",
    "malgun.ttf",
    "Hiragino Sans GB.ttc",
    "AppleSDGothicNeo.ttc",
)
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
    """Return Pillow's own font, or that of the system that has most of what it lacks."""
    return Letters(_font_for(text, size), size)


def shown_as(text: str) -> str:
    """Return text as it can be drawn here: where no font has a character, its accent is dropped, or it becomes `?`."""
    font = _font_for(text, 13)
    return "".join(c if c.isprintable() and (c.isascii() or _has(font, c)) else _plain(c) for c in text)


def _font_for(text: str, size: int) -> Font:
    wanted = [c for c in text if c.isprintable() and not c.isascii()]
    fonts: tuple[Font, ...] = _wide(size) if wanted else ()
    return max(fonts, key=lambda font: sum(_has(font, c) for c in wanted), default=_builtin(size))


def _plain(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character) if character.isprintable() else "?"
    return "".join(c for c in plain if not unicodedata.combining(c)).encode("ascii", "replace").decode()


@cache
def _builtin(size: int) -> Font:
    return ImageFont.load_default(size)


@cache
def _wide(size: int) -> tuple[ImageFont.FreeTypeFont, ...]:
    fonts: list[ImageFont.FreeTypeFont] = []
    for name in _WIDE_FONTS:
        with contextlib.suppress(OSError):
            fonts.append(ImageFont.truetype(name, size))
    return tuple(fonts)


@cache
def _has(font: Font, character: str) -> bool:
    """Whether a font has a character rather than the box that stands for all it lacks; Pillow's own has ASCII."""
    if isinstance(font, ImageFont.FreeTypeFont) and font in _wide(round(font.size)):
        return _look(font, character) != _look(font, "\uffff")
    return character.isascii()


def _look(font: ImageFont.FreeTypeFont, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)
