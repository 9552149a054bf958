"""Words fit, and every name can be drawn."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from bpfre.evaluation import lettering
from bpfre.evaluation.lettering import letters_for, shown_as


def inked(text: str, size: int) -> np.ndarray:
    """Columns of a line that hold ink."""
    image = Image.new("L", (600, 60))
    letters = letters_for(text, size)
    letters.write(ImageDraw.Draw(image), 0, 0, text, 255)  # type: ignore[arg-type]
    return np.flatnonzero(np.asarray(image).max(axis=0) > 64)


def test_lines_fit_and_no_word_is_lost() -> None:
    letters = letters_for("a", 16)
    text = "several words and averyverylongnamethatnolinecouldhold.jpg at the end"
    lines = letters.wrap(text, 120)
    assert all(letters.width(line) <= 120 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert letters.wrap("", 120) == [] and len(letters.wrap("W" * 5, 1)) == 5


@pytest.mark.parametrize("size", [13, 16, 24])
def test_words_stand_apart_and_end_where_they_should(size: int) -> None:
    columns = inked("on it", size)
    assert np.diff(columns).max() > 0.25 * size
    assert abs(columns[-1] - letters_for("on it", size).width("on it")) < 0.25 * size


def test_names_that_no_font_has_are_drawn_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_font(*_: object) -> ImageFont.FreeTypeFont:
        raise OSError

    monkeypatch.setattr(ImageFont, "truetype", no_font)
    lettering._wide.cache_clear()
    assert shown_as("José 顔 \udcff\x1b.jpg") == "Jose ? ??.jpg"
    assert letters_for("é", 16).font is letters_for("e", 16).font
    lettering._wide.cache_clear()


def test_what_one_font_lacks_is_not_drawn_as_boxes() -> None:
    if not lettering._wide(16):
        pytest.skip("no font of the system is known here")
    assert shown_as("José, Łódź, Юлия") == "José, Łódź, Юлия"
    missing = "\U0001f9ff"  # emoji are in none of these fonts
    assert shown_as(f"Zoë {missing}.jpg") == "Zoë ?.jpg"


def test_the_font_that_has_a_name_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = object(), object()
    monkeypatch.setattr(lettering, "_wide", lambda _size: (first, second))
    monkeypatch.setattr(lettering, "_has", lambda font, c: font is second or c == "é")
    assert letters_for("é", 16).font is first
    assert letters_for("顔é", 16).font is second
    assert shown_as("顔é\n") == "顔é?"
