"""Collect what a run does, photo by photo, and make the page of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from bpfre.photos.limits import MAX_MEGAPIXELS
from bpfre.retouching import FaceResult, Job, Journal, LeftOut, PhotoResult
from bpfre.retouching.journal import FOLDER
from bpfre.retouching.results import from_facts
from bpfre.retouching.sentences import sentence
from bpfre.review.entries import NOT_KNOWN, entry
from bpfre.review.page import PAGE, check_page, write_page
from bpfre.review.previews import Previews, files_of, make_previews


class Review:
    """The review of one run: a page in the output folder, its pictures in `.bpfre/review` there.

    One file cannot hold the pictures: those of 2,000 photos are hundreds of megabytes, which a browser would have to
    take in before it shows the first. Beside the page they are loaded as they come into view. The folder is hidden, so
    that no photo of the user's has its name and no later run takes the pictures for photos.

    Pictures are made one photo at a time in a thread of its own while the run goes on; those that are still current
    are kept. Use it as a context manager: leaving it ends the thread.

    Args:
        jobs: every photo the page lists, in this order.
        out: the run's output folder.
        journal: of the output folder; tells what earlier runs found in photos that this one skips.
        max_megapixels: larger photos get no pictures.
    Raises:
        UsageError: the page would replace a file that is no such page.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        out: Path,
        journal: Journal | None = None,
        *,
        max_megapixels: float = MAX_MEGAPIXELS,
    ) -> None:
        check_page(out)
        self._jobs, self._out, self._journal = jobs, out, journal
        self._max_megapixels = max_megapixels
        self._pictures = out / FOLDER / "review"
        self._results: dict[Path, PhotoResult] = {}
        self._previews: dict[Path, Future[Previews]] = {}
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="bpfre-review")

    def __enter__(self) -> Review:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.shutdown(cancel_futures=True)

    def add(self, result: PhotoResult) -> None:
        """Take up what became of one of the photos; returns at once."""
        self._results[result.source] = result
        done = None if result.status == "failed" else result.destination
        self._previews[result.source] = self._worker.submit(
            make_previews, result.source, done, self._pictures, max_megapixels=self._max_megapixels
        )

    def write(
        self,
        facts: Mapping[str, object],
        others: Sequence[LeftOut] = (),
        *,
        hurry: bool = False,
        each: Callable[[], object] = lambda: None,
    ) -> Path:
        """Wait for the pictures, write the page and remove pictures that it does not show.

        Args:
            facts: of the run, plain JSON values by their names, shown on top.
            others: files that were not taken for photos.
            hurry: make no more pictures; photos without are listed all the same.
            each: called after each photo.
        Returns:
            The page.
        Raises:
            PhotoError: the disk refuses.
        """
        if hurry:
            self._worker.shutdown(cancel_futures=True)
        shown: set[str] = set()
        photos: list[dict[str, Any]] = []
        for job in self._jobs:
            photos.append(self._entry(job, shown))
            each()
        page = self._out / PAGE
        left = [{"name": str(other.path), "reason": other.reason} for other in others]
        document = {"title": self._out.absolute().name, "facts": dict(facts), "photos": photos, "others": left}
        write_page(document, page)
        if not hurry:
            self._remove_all_but(shown)
        return page

    def _entry(self, job: Job, shown: set[str]) -> dict[str, Any]:
        result = self._results.get(job.source)
        previews, note = self._pictures_of(job, result)
        if previews is not None:
            shown |= files_of(previews)
        faces, known = self._known(job, result)
        return entry(job, result, previews, faces=faces, notes=(known, note), out=self._out, pictures=self._pictures)

    def _pictures_of(self, job: Job, result: PhotoResult | None) -> tuple[Previews | None, str]:
        """Return the pictures, or why there are none; of a photo that failed the reason is told already."""
        if result is None:
            return None, ""
        try:
            return self._previews[job.source].result(), ""
        except CancelledError:
            return None, "Its pictures were not made: the run was stopped."
        except Exception as error:
            return None, "" if result.status == "failed" else f"There are no pictures. {sentence(error, 'shown')}"

    def _known(self, job: Job, result: PhotoResult | None) -> tuple[Sequence[FaceResult], str]:
        """Return the faces and the note on the result, from this run or from an earlier one."""
        if result is None:
            return (), ""
        if result.status != "skipped":
            return result.faces, result.note
        facts = self._journal.facts(job) if self._journal else None
        with suppress(ValueError):
            if facts is not None:
                return from_facts(facts)
        return (), NOT_KNOWN

    def _remove_all_but(self, shown: set[str]) -> None:
        with suppress(OSError):
            for path in self._pictures.iterdir():
                if path.name not in shown and not path.name.startswith("."):  # those are being written
                    with suppress(OSError):
                        path.unlink()
