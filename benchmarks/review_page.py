"""How fast does the review page open, and does its slider follow mouse and keyboard?

Run: python benchmarks/review_page.py [--photos 2000] [--runs 5] [--out DIR]    (about 4 minutes, nearly all of them
                                                                             for making the pictures)

Makes a review of many photos of 1,500 x 1,000 px, most of them changed, some unchanged, some that failed, as a run of
`bpfre retouch --review` leaves it, and opens it from disk in headless Chromium, in a new context each time. A page is
open when all its cards are there and every thumbnail in view is drawn. Needs Chromium: playwright's own, or one on the
PATH, or at CHROME_PATH.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage import data

from bpfre.retouching import FaceResult, Job, PhotoResult
from bpfre.review import Review

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SHAPE = 1000, 1500  # height and width of the photos, px
BOX = (560.0, 150.0, 940.0, 640.0)
DIFFERENT = 20  # photos; the others are the same ones under other names

# Only cards are measured: asking where something inside a card lies makes the browser lay out all 2,000.
OPEN = """document.readyState === 'complete' && [...document.querySelectorAll('#grid li')]
    .filter(card => card.offsetTop < scrollY + innerHeight).map(card => card.querySelector('img'))
    .every(image => !image || image.complete && image.naturalWidth) && document.querySelectorAll('#grid li').length"""


def find_chromium(playwright: Playwright) -> Path | None:
    """Return a browser that is installed, or None."""
    own = playwright.chromium.executable_path
    named = os.environ.get("CHROME_PATH")
    places = (named, own, *(shutil.which(name) for name in NAMES))
    return next((Path(place) for place in places if place and Path(place).is_file()), None)


def make_review(folder: Path, count: int) -> Path:
    """Write photos, results and the page of them; what is there already is kept. Returns the page."""
    photos, out, models = folder / "photos", folder / "clean", folder / "models"
    for place in (photos, out, models):
        place.mkdir(exist_ok=True)
    portrait = Image.fromarray(data.astronaut()[:256, 64:448]).resize(SHAPE[::-1], Image.Resampling.BICUBIC)
    for index in range(DIFFERENT if not any(models.iterdir()) else 0):
        before = np.clip(np.asarray(portrait).astype(int) + 2 * index - DIFFERENT, 0, 255).astype(np.uint8)
        after = before.copy()
        x0, y0, x1, y1 = map(int, BOX)
        after[y0 + 200 : y1 - 200, x0 + 100 : x1 - 100] += np.uint8(6)
        Image.fromarray(before).save(models / f"before-{index}.jpg", quality=90)
        Image.fromarray(after).save(models / f"after-{index}.jpg", quality=90)
    jobs, results = [], []
    for index in range(count):
        job = Job(photos / f"IMG_{index:05}.jpg", out / f"IMG_{index:05}.jpg")
        jobs.append(job)
        _link(models / f"before-{index % DIFFERENT}.jpg", job.source)
        results.append(_result(job, index))
        if results[-1].status != "failed":
            kind = "after" if results[-1].status == "retouched" else "before"
            _link(models / f"{kind}-{index % DIFFERENT}.jpg", job.destination)
    with Review(jobs, out) as review:
        for result in results:
            review.add(result)
        return review.write({"bpfre": "benchmark"})


def _link(path: Path, name: Path) -> None:
    if not name.exists():
        os.link(path, name)


def _result(job: Job, index: int) -> PhotoResult:
    """Every seventh photo is unchanged, every fiftieth failed, every thirtieth has a refused face."""
    if index % 50 == 49:
        return PhotoResult(source=job.source, destination=job.destination, status="failed", reason="The disk is full.")
    if index % 7 == 6:
        return PhotoResult(source=job.source, destination=job.destination, status="copied")
    face = FaceResult(box=BOX, score=0.99, size=490.0, status="retouched", mean_change=1.5, max_change=6.0)
    small = FaceResult(box=(20, 20, 50, 50), score=0.7, size=30.0, status="refused", reason="The face is 30 px large.")
    faces = (face, small) if index % 30 == 0 else (face,)
    return PhotoResult(source=job.source, destination=job.destination, status="retouched", faces=faces)


def wait_until(tab: Page, expression: str, *, seconds: float = 30) -> Any:
    """Wait for a JavaScript expression to be true and return it; the page's policy forbids playwright's own way."""
    end = time.monotonic() + seconds
    while not (value := tab.evaluate(expression)):
        if time.monotonic() > end:
            raise TimeoutError(f"This did not come true: {expression}")
        time.sleep(0.005)
    return value


class Opening(NamedTuple):
    """What one opening took, s."""

    cards: int
    opened: float
    computed: float  # by all of the browser's processes until then: what it takes on one core that is free
    filtered: float  # from the press of a button until the failed ones alone are shown


def processor_time(browser: Browser) -> float:
    """Return what all processes of the browser have computed so far, s."""
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return sum(process["cpuTime"] for process in processes)


def opening(browser: Browser, page: Path) -> Opening:
    """Open the page anew."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    tab = context.new_page()
    used = processor_time(browser)
    began = time.perf_counter()
    tab.goto(page.as_uri())
    cards = wait_until(tab, OPEN)
    opened = time.perf_counter() - began
    used = processor_time(browser) - used
    began = time.perf_counter()
    tab.locator("[data-filter=failed]").click()
    wait_until(tab, OPEN)
    filtered = time.perf_counter() - began
    context.close()
    return Opening(cards, opened, used, filtered)


def sliding(tab: Page) -> tuple[bool, bool]:
    """Whether the slider of an open photo follows the mouse, and the keyboard."""
    tab.locator(".card").first.click()
    box = tab.locator("#frame").bounding_box()
    assert box is not None
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + 200)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] / 4, box["y"] + 200, steps=5)
    tab.mouse.up()
    by_mouse = 24 <= float(tab.locator("#slider").input_value()) <= 26
    before = float(tab.locator("#slider").input_value())
    for _ in range(5):
        tab.keyboard.press("ArrowRight")
    return by_mouse, float(tab.locator("#slider").input_value()) > before


def main() -> None:
    """Make, open, print."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path, help="folder to make the review in, to keep and to use again")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(exist_ok=True, parents=True)
        driver = stack.enter_context(sync_playwright())
        program = find_chromium(driver)
        if program is None:
            sys.exit("There is no Chromium. Install it (Debian: chromium-headless-shell), or set CHROME_PATH.")
        began = time.perf_counter()
        page = make_review(folder, options.photos)
        made = time.perf_counter() - began
        pictures = list((page.parent / ".bpfre" / "review").iterdir())
        browser = driver.chromium.launch(executable_path=program)
        runs = [opening(browser, page) for _ in range(options.runs)]
        tab = browser.new_page(viewport={"width": 1440, "height": 900})
        tab.goto(page.as_uri())
        by_mouse, by_keyboard = sliding(tab)
        median = statistics.median(run.opened for run in runs)
        table = Table("what", "value", title=f"Review page of {options.photos} photos, Chromium {browser.version}")
        rows = [
            ("cards", str(runs[0].cards)),
            ("size of the page", f"{page.stat().st_size / 1e6:.2f} MB"),
            ("size of all pictures", f"{sum(path.stat().st_size for path in pictures) / 1e6:.0f} MB"),
            ("making it", f"{made:.0f} s, {made / options.photos * 1000:.0f} ms a photo"),
            ("opening, fastest", f"{min(run.opened for run in runs):.2f} s"),
            ("opening, first", f"{runs[0].opened:.2f} s"),
            ("opening, median", f"{median:.2f} s"),
            ("opening, slowest", f"{max(run.opened for run in runs):.2f} s"),
            ("processor time of opening, median", f"{statistics.median(run.computed for run in runs):.2f} s"),
            ("showing the failed only, median", f"{statistics.median(run.filtered for run in runs):.2f} s"),
            ("slider follows the mouse", "yes" if by_mouse else "NO"),
            ("slider follows the keyboard", "yes" if by_keyboard else "NO"),
        ]
        browser.close()
    for row in rows:
        table.add_row(*row)
    Console(width=100).print(table)
    sys.exit(not (by_mouse and by_keyboard and median < 2 and runs[0].cards == options.photos))


if __name__ == "__main__":
    main()
