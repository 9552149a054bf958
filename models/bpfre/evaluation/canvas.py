"""Lay out labelled panels, with a heading above and legends below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from bpfre.evaluation.lettering import letters_for, shown_as

_INK, _SOFT, _PAPER = (20, 20, 20), (70, 70, 70), (255, 255, 255)


@dataclass(frozen=True, eq=False)
class Panel:
    """One square picture and what a reader has to know of it."""

    title: str
    pixels: np.ndarray  # [S, S, 3] uint8 RGB, all of one sheet of the same side
    note: str = ""


@dataclass(frozen=True, eq=False)
class Legend:
    """What colours mean: a strip with words at its ends."""

    title: str
    colours: np.ndarray  # [N, 3] uint8 RGB, left to right
    ticks: tuple[str, ...]  # spread evenly under the strip, first at its left end, last at its right


def compose(
    heading: str, lines: Sequence[str], rows: Sequence[Sequence[Panel]], legends: Sequence[Legend]
) -> np.ndarray:
    """Draw a sheet.

    Args:
        heading: one line.
        lines: what holds for the whole sheet, wrapped where needed.
        rows: panels from top to bottom, each row from left to right.
        legends: drawn side by side at the bottom.

    Returns:
        [H, W, 3] uint8 RGB.
    """
    side = len(rows[0][0].pixels)
    page = _Page(side, columns=max(len(row) for row in rows))
    page.paragraph(heading, page.large)
    for line in lines:
        page.paragraph(line, page.small, _SOFT)
    for row in rows:
        page.panels(row)
    page.legends(legends)
    return page.pixels()


def caption(width: int, title: str, note: str, *, lines: int) -> np.ndarray:
    """Draw a title over a note of a fixed number of lines at most. -> [H, width, 3] uint8 RGB"""
    page = _Page(width, columns=1)
    page.paragraph(title, page.medium)
    top = page.y
    page.paragraph(note, page.small, _SOFT)
    page.y = top + lines * page.line(page.small)
    return page.pixels()


class _Page:
    """A sheet that grows downwards; text sizes follow from the panels' side."""

    def __init__(self, side: int, *, columns: int) -> None:
        self.side = side
        self.gap = max(6, side // 40)
        unit = max(13, side // 32)
        self.small, self.medium, self.large = unit, round(1.25 * unit), round(1.6 * unit)
        self.width = columns * (side + self.gap) + self.gap
        self.y = self.gap
        self._image = Image.new("RGB", (self.width, 4 * side), _PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def line(self, size: int) -> int:
        """Height of a line of text, px."""
        return round(1.35 * size)

    def paragraph(self, text: str, size: int, ink: tuple[int, int, int] = _INK) -> None:
        self.y = self._text(text, self.gap, self.y, self.width - 2 * self.gap, size, ink)

    def panels(self, row: Sequence[Panel]) -> None:
        self.y += self.gap
        places = [self.gap + index * (self.side + self.gap) for index in range(len(row))]
        tops = [self._text(p.title, x, self.y, self.side, self.medium, _INK) for p, x in zip(row, places, strict=True)]
        top = max(tops) + self.gap // 3
        self._reach(top + self.side)
        for panel, x in zip(row, places, strict=True):
            self._image.paste(Image.fromarray(panel.pixels), (x, top))
        top += self.side + self.gap // 3
        self.y = max(self._text(p.note, x, top, self.side, self.small, _SOFT) for p, x in zip(row, places, strict=True))

    def legends(self, legends: Sequence[Legend]) -> None:
        self.y += 2 * self.gap
        share = (self.width - self.gap) // max(1, len(legends))
        ends = [self.y]
        for index, legend in enumerate(legends):
            x, wide = self.gap + index * share, share - 3 * self.gap
            top = self._text(legend.title, x, self.y, wide, self.small, _INK) + self.gap // 3
            high = self.line(self.small)
            self._reach(top + 3 * high)
            strip = Image.fromarray(legend.colours[None].repeat(high, axis=0))
            self._image.paste(strip.resize((wide, high), Image.Resampling.NEAREST), (x, top))
            self._draw.rectangle((x, top, x + wide - 1, top + high - 1), outline=_SOFT)
            for number, tick in enumerate(legend.ticks):
                place = number / max(1, len(legend.ticks) - 1)
                letters = letters_for(tick, self.small)
                left = x + place * wide - place * letters.width(tick)
                letters.write(self._draw, left, top + high + 2, tick, _SOFT)
            ends.append(top + 2 * high + 4)
        self.y = max(ends)

    def pixels(self) -> np.ndarray:
        return np.asarray(self._image.crop((0, 0, self.width, self.y + self.gap)))

    def _text(self, text: str, x: int, y: int, width: int, size: int, ink: tuple[int, int, int]) -> int:
        """Write wrapped text; return where the next line would begin."""
        letters = letters_for(text, size)
        for piece in letters.wrap(shown_as(text), width):
            self._reach(y + self.line(size))
            letters.write(self._draw, x, y, piece, ink)
            y += self.line(size)
        return y

    def _reach(self, bottom: int) -> None:
        """Make the sheet tall enough."""
        if bottom + self.gap > self._image.height:
            taller = Image.new("RGB", (self.width, 2 * bottom), _PAPER)
            taller.paste(self._image)
            self._image, self._draw = taller, ImageDraw.Draw(taller)
