"""The page as a person has it: opened from disk in a real browser, looked at pixel by pixel."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from bpfre.retouching import FaceResult, Job, LeftOut, PhotoResult
from bpfre.review import Review

wait_until = pytest.importorskip("benchmarks.review_page", reason="the benchmark needs scikit-image").wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BEFORE, AFTER = (200, 60, 40), (60, 160, 60)  # of `write_pair`
NAMES = ["a.png", "b <b>bold</b>.png", "c.png", "d & <img src=x onerror=document.title='hit'>.png", "e.png", "f.png"]

Open = Callable[..., "Page"]


@pytest.fixture
def written(
    write_pair: Callable[..., Job],
    result_of: Callable[..., PhotoResult],
    face: FaceResult,
    refused_face: FaceResult,
) -> Path:
    """Four changed photos, one of them with a refused face; one unchanged; one that failed."""
    jobs = [write_pair(name, all_over=name != "f.png", same=name == "c.png") for name in NAMES]
    jobs[4].source.write_text("no photo")
    results = [result_of(job, faces=(face,)) for job in jobs]
    results[0] = result_of(jobs[0], faces=(face, refused_face), note="Encoded <i>anew</i>.")
    results[2] = result_of(jobs[2], "copied")
    results[4] = result_of(jobs[4], "failed", reason="e.png is <u>not</u> a photo.")
    with Review(jobs, jobs[0].destination.parent) as review:
        for result in results:
            review.add(result)
        return review.write({"bpfre": "<s>1</s>"}, [LeftOut(Path("notes <b>.txt"), "It is a text.")])


@pytest.fixture
def opened(browser: Browser, written: Path) -> Iterator[Open]:
    """Open the page; at the end nothing may have gone wrong in it, or been asked of a network."""
    contexts, troubles = [], []

    def open_page(*, width: int = 1200, height: int = 800, **how: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **how)  # type: ignore[arg-type]
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: troubles.append(message.text))
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        tab.on("request", lambda request: request.url.startswith("file:") or troubles.append(request.url))
        tab.on("requestfailed", lambda request: troubles.append(request.url))
        tab.goto(written.as_uri())
        wait_until(tab, "[...document.querySelectorAll('#grid img')].every(image => image.naturalWidth)")
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


def shot(tab: Page) -> np.ndarray:
    """[H, W, 3] int of the stage."""
    drawn = "['before', 'after', 'mapped'].every(id => !document.getElementById(id).src"
    wait_until(tab, f"{drawn} || document.getElementById(id).complete)")
    picture = Image.open(io.BytesIO(tab.locator("#frame").screenshot()))
    return np.asarray(picture.convert("RGB")).astype(int)


def is_like(pixels: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool(abs(np.median(pixels.reshape(-1, 3), axis=0) - colour).max() <= 6)


def share_before(tab: Page) -> float:
    """Share of the photo's width, seen near its lower edge, that is in the colour before."""
    row = shot(tab)[-20]
    return float((abs(row - BEFORE).max(axis=1) < 40).mean())


def visible(tab: Page) -> list[str]:
    return tab.locator("#grid li .label").all_text_contents()


def open_photo(tab: Page, place: int) -> None:
    tab.locator(".card").nth(place).click()


def value(tab: Page) -> int:
    return int(tab.locator("#slider").input_value())


def test_all_photos_are_listed_by_their_names(opened: Open) -> None:
    tab = opened()
    assert visible(tab) == NAMES
    assert tab.title() == "Review: clean"
    assert tab.locator("#about").text_content() == "bpfre <s>1</s>"
    assert tab.locator("#count").text_content() == "6 photos shown of 6"
    assert tab.locator("#grid li b, #grid li img[src=x]").count() == 0


def test_filters_and_finding(opened: Open) -> None:
    tab = opened()
    buttons = tab.locator("#filters button")
    assert buttons.all_text_contents() == ["All 6", "Changed 4", "Unchanged 1", "Failed 1", "With refused faces 1"]
    for name, expected in [("Changed", [0, 1, 3, 5]), ("Unchanged", [2]), ("Failed", [4]), ("With", [0])]:
        tab.locator("#filters button", has_text=name).first.click()
        assert visible(tab) == [NAMES[place] for place in expected]
        assert tab.locator("#filters [aria-pressed=true]").count() == 1
    tab.keyboard.press("1")
    focus = "document.activeElement.querySelector('.label').textContent"
    tab.locator(".card").nth(4).focus()
    tab.keyboard.press("4")  # the card that has the focus stays, and keeps it
    assert tab.evaluate(focus) == NAMES[4]
    tab.keyboard.press("3")  # it goes, and the focus to another
    assert tab.evaluate(focus) == NAMES[2]
    tab.keyboard.press("1")
    tab.keyboard.press("/")
    tab.keyboard.type("BOLD")
    assert visible(tab) == [NAMES[1]]
    tab.keyboard.type("er")
    assert visible(tab) == []
    assert tab.locator("#count").text_content() == "No photo is like this."


def test_the_keyboard_alone_goes_everywhere(opened: Open) -> None:
    tab = opened()
    focus = "document.activeElement.querySelector('.label').textContent"
    tab.locator("#find").focus()
    tab.keyboard.press("Enter")
    assert tab.evaluate(focus) == NAMES[0]
    for key, place in [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 5), ("ArrowRight", 5)]:
        tab.keyboard.press(key)
        assert tab.evaluate(focus) == NAMES[place]
    tab.keyboard.press("Home")
    columns = tab.evaluate("getComputedStyle(grid).gridTemplateColumns.split(' ').length")
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate(focus) == NAMES[columns if columns < 6 else 0]
    tab.keyboard.press("Home")
    tab.keyboard.press("Enter")
    assert tab.locator("#name").text_content() == NAMES[0]
    for key, place in [("n", 1), ("j", 2), ("PageDown", 3), ("p", 2), ("k", 1), ("PageUp", 0), ("p", 0)]:
        tab.keyboard.press(key)
        assert tab.locator("#name").text_content() == NAMES[place]
        assert tab.evaluate("document.activeElement.id") == ("slider" if place != 2 else "viewer")
    tab.keyboard.press("n")
    tab.keyboard.press("Escape")
    assert not tab.locator("#viewer").is_visible()
    wait_until(tab, f"{focus} === {json.dumps(NAMES[1])}")  # back where the viewer was left, once it has said goodbye


def test_next_stays_among_the_photos_shown(opened: Open) -> None:
    tab = opened()
    tab.keyboard.press("2")
    tab.locator("#grid li .card").first.click()
    seen = []
    for _ in range(5):
        seen.append(tab.locator("#name").text_content())
        tab.keyboard.press("n")
    assert seen == [NAMES[0], NAMES[1], NAMES[3], NAMES[5], NAMES[5]]
    assert tab.locator("#next").is_disabled()


def test_the_slider_by_mouse(opened: Open) -> None:
    tab = opened()
    open_photo(tab, 1)
    assert share_before(tab) == pytest.approx(0.5, abs=0.03)
    box = tab.locator("#frame").bounding_box()
    assert box is not None
    for share in (0.25, 0.8):
        tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        tab.mouse.down()
        tab.mouse.move(box["x"] + box["width"] * share, box["y"] + 30, steps=4)
        tab.mouse.up()
        assert share_before(tab) == pytest.approx(share, abs=0.03)
    tab.mouse.move(box["x"] + 5, box["y"] + 30)  # let go: it stays
    assert share_before(tab) == pytest.approx(0.8, abs=0.03)
    bar = tab.locator("#slider").bounding_box()
    assert bar is not None
    tab.mouse.click(bar["x"] + bar["width"] * 0.4, bar["y"] + bar["height"] / 2)
    assert share_before(tab) == pytest.approx(0.4, abs=0.04)


def test_the_slider_by_keyboard(opened: Open) -> None:
    tab = opened()
    open_photo(tab, 1)
    for key, expected in [
        ("ArrowLeft", 48),
        ("ArrowRight", 50),
        ("ArrowRight", 52),
        ("Home", 0),
        ("End", 100),
        ("b", 0),
    ]:
        tab.keyboard.press(key)
        assert value(tab) == expected
    assert is_like(shot(tab)[:, 30:], AFTER)
    tab.keyboard.press("b")
    assert is_like(shot(tab)[:, :-30], BEFORE)
    assert tab.locator("#slider").get_attribute("aria-valuetext") == "100 % before, 0 % after"
    tab.locator("#next").focus()  # from wherever the focus is
    tab.keyboard.press("ArrowLeft")
    assert value(tab) == 98


def test_the_slider_by_touch(opened: Open) -> None:
    tab = opened(width=390, has_touch=True)
    open_photo(tab, 1)
    box = tab.locator("#frame").bounding_box()
    assert box is not None
    tab.touchscreen.tap(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    assert share_before(tab) == pytest.approx(0.3, abs=0.04)


def test_faces_are_drawn_where_they_are(opened: Open) -> None:
    tab = opened()
    open_photo(tab, 0)
    assert tab.locator(".box").first.is_hidden()
    tab.keyboard.press("f")
    frame = tab.locator("#frame").bounding_box()
    assert frame is not None
    for place, (status, (x0, y0, x1, y1)) in enumerate(
        [("retouched", (35, 15, 65, 55)), ("refused", (80, 10, 110, 40))]
    ):
        box = tab.locator(".box").nth(place).bounding_box()
        assert box is not None
        scale = frame["width"] / 120
        expected = (frame["x"] + x0 * scale, frame["y"] + y0 * scale, (x1 - x0) * scale, (y1 - y0) * scale)
        assert (box["x"], box["y"], box["width"], box["height"]) == pytest.approx(expected, abs=1.5)
        assert tab.locator(".box").nth(place).text_content() == f"{place + 1} {status}"
    tab.keyboard.press("n")
    assert tab.locator(".box").count() == 1  # the choice stays, the boxes are the photo's


def test_what_was_refused_and_why_is_said(opened: Open) -> None:
    tab = opened()
    open_photo(tab, 0)
    listed = tab.locator("#list li").all_text_contents()
    assert len(listed) == 2
    assert "refused" in listed[1]
    assert "The face is 30 px large." in listed[1]
    assert tab.locator("#notes li").all_text_contents() == ["Encoded <i>anew</i>."]
    open_and_read = [
        (4, "#reason", "e.png is <u>not</u> a photo."),
        (2, "#summary", "120 x 80 px. Nothing was changed."),
    ]
    for place, where, text in open_and_read:
        tab.keyboard.press("Escape")
        open_photo(tab, place)
        assert tab.locator(where).text_content() == text
        assert tab.locator("#slider").is_disabled()
        assert tab.locator("#divider").is_hidden()


def test_files_that_are_no_photos_are_named(opened: Open) -> None:
    tab = opened()
    assert tab.locator("#other-list").is_hidden()
    tab.get_by_text("1 other file was left out").click()
    assert tab.locator("#other-list li").all_text_contents() == ["notes <b>.txt: It is a text."]


def test_the_map_shows_where_it_corrected(opened: Open) -> None:
    tab = opened()
    open_photo(tab, 5)  # differs in 40..60, 20..50 of 120 x 80
    assert tab.locator("#legend").is_hidden()
    tab.keyboard.press("End")
    tab.keyboard.press("m")
    assert tab.locator("#legend").is_visible()
    picture = shot(tab)
    coloured = picture[..., 2] - picture[..., 0] > 60
    height, width = coloured.shape
    ys, xs = np.nonzero(coloured[height // 8 :, : width * 3 // 4])  # away from the labels in the corners
    assert (xs.min() / width, xs.max() / width) == pytest.approx((40 / 120, 60 / 120), abs=0.02)
    assert ((ys.min() + height // 8) / height, (ys.max() + height // 8) / height) == pytest.approx(
        (0.25, 0.625), abs=0.02
    )


def test_zoomed_the_files_themselves_are_shown(opened: Open) -> None:
    tab = opened()
    open_photo(tab, 1)
    narrow = tab.locator("#frame").bounding_box()
    tab.keyboard.press("z")
    wide = tab.locator("#frame").bounding_box()
    assert narrow is not None
    assert wide is not None
    assert wide["width"] == pytest.approx(2 * narrow["width"], rel=0.01)
    wait_until(tab, "before.src.includes('/photos/b') && after.src.includes('/clean/b')")
    stage, box = tab.locator("#stage").bounding_box(), wide
    assert stage is not None
    middle = stage["x"] + stage["width"] / 2 - box["x"], stage["y"] + stage["height"] / 2 - box["y"]
    # the face's middle is in the stage's, as far as the photo reaches
    assert middle[0] / box["width"] == pytest.approx(50 / 120, abs=0.02)
    assert middle[1] / box["height"] == pytest.approx(35 / 80, abs=0.02)
    picture = np.asarray(Image.open(io.BytesIO(tab.locator("#stage").screenshot())).convert("RGB")).astype(int)
    height, width = picture.shape[:2]
    assert is_like(picture[height // 4 : -height // 4, 40 : width // 3], BEFORE)
    assert is_like(picture[height // 4 : -height // 4, -width // 3 : -40], AFTER)
    tab.keyboard.press("z")
    assert tab.locator("#frame").bounding_box() == narrow


def test_pictures_are_loaded_as_they_come_into_view(
    browser: Browser, write_pair: Callable[..., Job], result_of: Callable[..., PhotoResult], tmp_path: Path
) -> None:
    jobs = [write_pair(f"{index:03}.png", size=(40, 30), same=True) for index in range(80)]
    with Review(jobs, tmp_path / "clean") as review:
        for job in jobs:
            review.add(result_of(job, "copied"))
        page = review.write({})
    tab = browser.new_page(viewport={"width": 400, "height": 500})
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(page.as_uri())
    wait_until(tab, "document.querySelector('#grid img').naturalWidth")
    assert tab.locator("#grid li").count() == 80
    assert 2 <= sum("thumb" in url for url in asked) < 50
    last = tab.locator("#grid img").last
    last.scroll_into_view_if_needed()
    wait_until(tab, "[...document.querySelectorAll('#grid img')].at(-1).naturalWidth")
    tab.close()


def test_pictures_that_are_gone_are_said_to_be(opened: Open, browser: Browser, written: Path) -> None:
    for picture in (written.parent / ".bpfre" / "review").glob("*"):
        picture.unlink()
    tab = browser.new_page()
    tab.goto(written.as_uri())
    tab.get_by_text("The picture is not beside this page.").first.wait_for()
    tab.close()


@pytest.mark.parametrize("width", [320, 390, 768])
def test_narrow_screens_need_no_scrolling_sideways(opened: Open, width: int) -> None:
    tab = opened(width=width, height=700)
    overflow = "[document.documentElement.scrollWidth - innerWidth, viewer.scrollWidth - viewer.clientWidth]"
    assert tab.evaluate(overflow) == [0, 0]
    open_photo(tab, 0)
    assert tab.evaluate(overflow) == [0, 0]
    assert tab.locator("#slider").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_on_light_and_dark(opened: Open, scheme: str) -> None:
    """Contrast of at least 4.5 (WCAG 2.1, 1.4.3) for every text that is set in a colour of its own."""
    tab = opened(color_scheme=scheme)
    pairs = tab.evaluate("""() => {
        const ground = node => {
            const colour = getComputedStyle(node).backgroundColor;
            return colour !== 'rgba(0, 0, 0, 0)' || !node.parentElement ? colour : ground(node.parentElement);
        };
        return [...document.querySelectorAll('body *')]
            .filter(node => node.checkVisibility() && [...node.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
            .map(node => [node.textContent, getComputedStyle(node).color, ground(node)]);
    }""")

    def light(colour: str) -> float:
        channels = [int(part) / 255 for part in colour.strip("rgb()").split(",")]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    assert len(pairs) > 15
    for text, ink, paper in pairs:
        bright, dark = sorted((light(ink), light(paper)), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5, (text, ink, paper)
    assert (light(pairs[0][2]) > 0.5) == (scheme == "light")


def test_everything_to_press_has_a_name(opened: Open) -> None:
    tab = opened()
    open_photo(tab, 0)
    tree = tab.locator("#viewer").aria_snapshot()
    for line in (
        'dialog "a.png"',
        'slider "How much',
        'button "Previous photo"',
        'button "Next photo"',
        'button "Faces"',
    ):
        assert line in tree
    tab.keyboard.press("Escape")
    assert 'searchbox "Find"' in tab.locator("body").aria_snapshot()
    assert 'group "Which photos to show"' in tab.locator("body").aria_snapshot()
