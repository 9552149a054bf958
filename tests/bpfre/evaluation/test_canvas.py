"""Sheets hold their panels pixel by pixel and all of their words."""

from __future__ import annotations

import numpy as np

from bpfre.evaluation.canvas import Legend, Panel, caption, compose


def find(sheet: np.ndarray, pixels: np.ndarray) -> tuple[int, int] | None:
    """Row and column of a picture in a sheet."""
    high, wide = pixels.shape[:2]
    places = np.argwhere((sheet[: sheet.shape[0] - high + 1, : sheet.shape[1] - wide + 1] == pixels[0, 0]).all(-1))
    for y, x in places:
        if np.array_equal(sheet[y : y + high, x : x + wide], pixels):
            return int(y), int(x)
    return None


def noise(seed: int, side: int = 96) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def test_panels_are_there_pixel_by_pixel_in_reading_order() -> None:
    pictures = [noise(seed) for seed in range(5)]
    rows = [[Panel(str(i), pictures[i]) for i in range(3)], [Panel(str(i), pictures[i]) for i in (3, 4)]]
    places = [find(compose("heading", ["a line"], rows, []), picture) for picture in pictures]
    assert None not in places and places == sorted(places)
    assert len({place[0] for place in places[:3]}) == 1 and places[3][1] == places[0][1]


def test_panels_of_a_row_stay_level_under_titles_of_different_lengths() -> None:
    rows = [[Panel("short", noise(0)), Panel("a title that takes more than one line of this narrow panel", noise(1))]]
    sheet = compose("", [], rows, [])
    first, second = find(sheet, noise(0)), find(sheet, noise(1))
    assert first is not None and second is not None and first[0] == second[0]


def test_nothing_is_cut_off_at_the_bottom() -> None:
    legend = Legend("what it means", np.tile(np.arange(256, dtype=np.uint8)[:, None], 3), ("0", "1"))
    note = "word " * 400
    sheet = compose("heading", ["line"], [[Panel("title", noise(0), note)]], [legend])
    assert (sheet[-2:] == 255).all() and sheet.shape[0] > 2000
    strips = (np.diff(sheet[:, sheet.shape[1] // 4].astype(int), axis=0) != 0).any()
    assert strips


def test_legend_runs_through_all_its_colours() -> None:
    colours = np.stack([np.arange(256), np.arange(256)[::-1], np.full(256, 7)], 1).astype(np.uint8)
    sheet = compose("", [], [[Panel("", noise(0, 600))]], [Legend("", colours, ("low", "high"))])
    shown = {tuple(pixel) for pixel in sheet[sheet[..., 2] == 7].tolist()}
    assert {tuple(colour) for colour in colours.tolist()} <= shown


def test_captions_have_one_height() -> None:
    short, long = (caption(300, "title", note, lines=3) for note in ("a", "many words " * 8))
    assert short.shape == long.shape and not np.array_equal(short, long)
