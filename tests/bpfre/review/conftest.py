"""Photos, results that differ from them in a known place, and a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from bpfre.retouching import FaceResult, Job, PhotoResult

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BEFORE, AFTER = (200, 60, 40), (60, 160, 60)  # colours that are told apart in screenshots
SPOT = 40, 20, 60, 50  # x0, y0, x1, y1 of what differs in `pair`


@pytest.fixture
def job(tmp_path: Path) -> Job:
    for folder in ("photos", "clean"):
        (tmp_path / folder).mkdir()
    return Job(tmp_path / "photos" / "a.png", tmp_path / "clean" / "a.png")


@pytest.fixture
def write_pair(tmp_path: Path) -> Callable[..., Job]:
    """Write a photo of one colour and a result that differs in SPOT, or all over."""

    def write(name: str, *, size: tuple[int, int] = (120, 80), all_over: bool = False, same: bool = False) -> Job:
        job = Job(tmp_path / "photos" / name, tmp_path / "clean" / name, Path(name))
        pixels = np.full((size[1], size[0], 3), BEFORE, np.uint8)
        x0, y0, x1, y1 = (0, 0, *size) if all_over else SPOT
        for path in (job.source, job.destination):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path, quality=95)
            if not same:
                pixels[y0:y1, x0:x1] = AFTER
        return job

    return write


@pytest.fixture
def result_of() -> Callable[..., PhotoResult]:
    def make(job: Job, status: str = "retouched", **more: object) -> PhotoResult:
        return PhotoResult(source=job.source, destination=job.destination, status=status, **more)  # type: ignore[arg-type]

    return make


@pytest.fixture
def face() -> FaceResult:
    return FaceResult(box=(35.0, 15.0, 65.0, 55.0), score=0.987, size=40.0, status="retouched", mean_change=1.25)


@pytest.fixture
def refused_face() -> FaceResult:
    return FaceResult(
        box=(80.0, 10.0, 110.0, 40.0), score=0.7, size=30.0, status="refused", reason="The face is 30 px large."
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    pytest.importorskip("skimage", reason="scikit-image brings the test portrait")
    from benchmarks.review_page import find_chromium

    with playwright.sync_playwright() as driver:
        program = find_chromium(driver)
        if program is None:
            pytest.skip("there is no Chromium here (Debian: chromium-headless-shell)")
        opened = driver.chromium.launch(executable_path=program)
        yield opened
        opened.close()
