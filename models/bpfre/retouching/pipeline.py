"""The runner: stages that overlap, each in threads of its own, tied together by bounded queues.

read -> find faces, cut them out -> network -> paste -> write

Only the photos inside `Budget` are in memory. A photo is finished exactly once: by the stage that fails on it, or
by the last. The consumer's loop ends after as many results as there are jobs, and stops every thread.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from bpfre.faces import Face, FaceCrop, FaceDetector
from bpfre.photos import Photo, copy_photo, read_photo, write_photo
from bpfre.photos.disk import is_file
from bpfre.photos.layers import layer_files, write_layers
from bpfre.retouching.batches import Network, corrections, crop_sizes, device_of
from bpfre.retouching.channel import Budget, Channel, StoppedError
from bpfre.retouching.effects import chosen_part
from bpfre.retouching.faces_stage import cut_face, find_faces, put_back, refused, skipped
from bpfre.retouching.jobs import Job, check_jobs
from bpfre.retouching.journal import Journal
from bpfre.retouching.masks import mask_state, share_of
from bpfre.retouching.results import FaceResult, PhotoResult, PhotoStatus, to_facts
from bpfre.retouching.resume import is_done
from bpfre.retouching.selection import choose_faces
from bpfre.retouching.sentences import sentence
from bpfre.retouching.settings import RetouchSettings
from bpfre.runtime import pick_device, release_memory

READERS = WRITERS = 2  # decoding and encoding release the interpreter's lock
PHOTOS_A_LOOK = 4  # photos the detector gets at once
RESULT_STAYS = "The result there was made or changed by someone else and stays; --overwrite makes it anew."
LAYERS_STAY = "The layered file there was made or changed by someone else and stays: it may show another correction."
_LARGE = 20_000_000  # px of photos after which memory is handed back


def retouch_photos(
    jobs: Sequence[Job],
    settings: RetouchSettings,
    *,
    network: Network,
    detector: FaceDetector,
    journal: Journal | None = None,
) -> Generator[PhotoResult, None, None]:
    """Retouch photos and yield what became of each, in the order in which they are finished.

    A photo that fails is yielded as failed and the others go on. A photo in which nothing changes is copied byte
    for byte. Closing the iterator, or an exception in it such as KeyboardInterrupt, waits for the steps under way
    and stops; what is finished by then is whole, and running the same jobs again does the rest.

    Args:
        jobs: as `plan_jobs` makes them.
        settings: `detector`, `device` and `weights` only tell how the two objects below were opened.
        network: in evaluation mode. Faces are batched as they come, so results may differ by rounding between
            runs where a network's arithmetic depends on the size of its batch.
        detector: called from one thread.
        journal: of the output folder: what is there and still current is skipped, what is done is noted.

    Raises:
        UsageError: a destination is a source, or two photos have the same.
    """
    check_jobs(jobs)
    run = _Run(jobs, settings, network, detector, journal)
    with _threads_for(run.device):
        try:
            run.start()
            for _ in range(len(jobs)):
                yield run.next_result()
        finally:
            run.stop()


@dataclass(eq=False)
class _OpenPhoto:
    """A photo on its way. One stage owns it at a time."""

    job: Job
    photo: Photo
    since: float
    weight: int  # px that it counts in the budget
    waiting: int = 0  # faces without a result
    rgb: np.ndarray | None = None  # edited copy, made for the first face
    share: np.ndarray | None = None  # where it may change, [H, W] uint8; None: everywhere
    faces: dict[int, FaceResult] = field(default_factory=dict)

    @property
    def results(self) -> tuple[FaceResult, ...]:
        return tuple(self.faces[index] for index in sorted(self.faces))


@dataclass(eq=False)
class _FaceWork:
    """A face on its way: a crop, then a correction, or the exception that ends it."""

    owner: _OpenPhoto
    index: int
    face: Face
    crop: FaceCrop | None = None
    correction: np.ndarray | None = None
    error: Exception | None = None


class _Flush:
    """Follows the faces of each group of photos: a batch that has waited for more goes without."""


class _Run:
    """One run's queues and threads."""

    def __init__(
        self,
        jobs: Sequence[Job],
        settings: RetouchSettings,
        network: Network,
        detector: FaceDetector,
        journal: Journal | None,
    ) -> None:
        self._settings, self._network, self._detector, self._journal = settings, network, detector, journal
        self.device = device_of(network, otherwise=pick_device(settings.device))
        self._sizes = crop_sizes(network)
        self._jobs = iter(jobs)
        self._turn = threading.Lock()  # photos are opened in the jobs' order, and one waits for room at a time
        self._budget = Budget(photos=settings.open_photos, pixels=settings.open_megapixels * 1e6)
        batch = settings.batch_size
        self._read: Channel[_OpenPhoto] = Channel(PHOTOS_A_LOOK)
        self._cut: Channel[_FaceWork | _Flush] = Channel(2 * batch)
        self._seen: Channel[_FaceWork] = Channel(2 * batch)
        self._edited: Channel[_OpenPhoto] = Channel(WRITERS)
        self._results: Channel[PhotoResult] = Channel(settings.open_photos)
        self._batches: dict[int, list[_FaceWork]] = {}  # by working size
        self._crash: BaseException | None = None
        self._threads = [
            *(self._thread("read", self._read_next) for _ in range(READERS)),
            self._thread("find", self._find_next),
            self._thread("network", self._infer_next),
            self._thread("paste", self._paste_next),
            *(self._thread("write", self._write_next) for _ in range(WRITERS)),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def next_result(self) -> PhotoResult:
        try:
            return self._results.get()
        except StoppedError:
            assert self._crash is not None
            raise self._crash from None

    def stop(self) -> None:
        self._halt()
        for thread in self._threads:
            if thread.ident is not None:  # it was started
                thread.join()

    def _halt(self) -> None:
        for part in (self._budget, self._read, self._cut, self._seen, self._edited, self._results):
            part.stop()

    def _thread(self, name: str, step: Callable[[], None]) -> threading.Thread:
        def work() -> None:
            try:
                while True:
                    step()
            except StoppedError:
                pass
            except BaseException as error:  # a defect of the runner itself must not become a run without end
                self._crash = self._crash or error
                self._halt()

        # A daemon, so that an iterator that was neither finished nor closed does not keep the process alive.
        return threading.Thread(target=work, name=f"bpfre-{name}", daemon=True)

    # Each step handles one item and keeps nothing of it, so that a thread that waits holds no photo.

    def _read_next(self) -> None:
        turn = ExitStack()  # given back once the photo has room for its pixels, or is done with
        with turn:
            turn.enter_context(self._turn)
            job = next(self._jobs, None)
            if job is None:
                raise StoppedError
            try:
                done = is_done(job, self._settings.existing, self._journal, self._masks_of(job))
            except Exception as error:
                self._results.put(_failed(job, sentence(error, "written")))
                return
            if done:
                note = "" if self._is_own(job) else RESULT_STAYS
                self._results.put(
                    PhotoResult(source=job.source, destination=job.destination, status="skipped", note=note)
                )
                return
            self._budget.open()
            self._read_photo(job, turn)

    def _read_photo(self, job: Job, turn: ExitStack) -> None:
        since = time.monotonic()
        weight = 0

        def admit(pixels: int) -> None:
            nonlocal weight
            self._budget.weigh(pixels, instead_of=weight)
            weight = pixels
            turn.close()

        try:
            size = _file_weight(job.source)
            self._budget.weigh(size)
            weight = size
            photo = read_photo(job.source, max_megapixels=self._settings.max_megapixels, admit=admit)
        except Exception as error:
            self._budget.close(weight)
            self._results.put(_failed(job, sentence(error, "read"), since))
            return
        _tidy(weight)
        more = _weight(photo) - weight
        self._budget.add(more)
        self._read.put(_OpenPhoto(job, photo, since, weight + more))

    def _is_own(self, job: Job) -> bool:
        """Whether a result that is there is known to be what an earlier run made; without a journal none is known."""
        return self._journal is None or self._journal.facts(job) is not None

    def _masks_of(self, job: Job) -> object:
        return mask_state(job.name, protect=self._settings.protect, only=self._settings.only)

    def _find_next(self) -> None:
        group = [self._read.get(), *self._read.get_more(PHOTOS_A_LOOK - 1)]
        found = find_faces(self._detector, [opened.photo for opened in group])
        for opened, faces in zip(group, found, strict=True):
            if isinstance(faces, Exception):
                self._fail(opened, sentence(faces, "searched for faces"))
            else:
                self._take_up(opened, faces)
        self._cut.put(_Flush())

    def _take_up(self, opened: _OpenPhoto, faces: Sequence[Face]) -> None:
        """Send a photo's faces on, those that the user chose."""
        settings, shape = self._settings, opened.photo.rgb.shape
        left = choose_faces(faces, shape, settings)
        opened.faces = {index: skipped(faces[index], reason) for index, reason in left.items()}
        opened.waiting = len(faces) - len(left)
        if not opened.waiting:
            self._edited.put(opened)
            return
        try:
            opened.share = share_of(opened.job.name, shape, protect=settings.protect, only=settings.only)
        except Exception as error:
            self._fail(opened, sentence(error, "masked"))
            return
        for index, face in enumerate(faces):
            if index not in left:
                self._cut.put(self._cut_out(opened, index, face))

    def _cut_out(self, opened: _OpenPhoto, index: int, face: Face) -> _FaceWork:
        work = _FaceWork(opened, index, face)
        try:
            work.crop = cut_face(opened.photo, face, sizes=self._sizes, min_face=self._settings.min_face)
        except Exception as error:
            work.error = error
        return work

    def _infer_next(self) -> None:
        work = self._cut.get()
        if isinstance(work, _FaceWork):
            if work.crop is None:
                self._seen.put(work)
                return
            size = len(work.crop.pixels)
            self._batches.setdefault(size, []).append(work)
            if len(self._batches[size]) >= self._batch_size(size):
                self._infer(self._batches.pop(size))
        elif self._cut.is_empty():
            for size in sorted(self._batches):
                self._infer(self._batches.pop(size))

    def _batch_size(self, size: int) -> int:
        """Faces of a working size that take about the memory of a batch at the network's own."""
        return max(1, round(self._settings.batch_size * (self._network.config.size / size) ** 2))

    def _infer(self, batch: list[_FaceWork]) -> None:
        crops = [work.crop.pixels for work in batch if work.crop is not None]
        outcomes = corrections(self._network, crops, device=self.device)
        for work, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Exception):
                work.error = outcome
            else:
                work.correction = outcome
            self._seen.put(work)

    def _paste_next(self) -> None:
        work = self._seen.get()
        opened = work.owner
        opened.faces[work.index] = self._paste(work)
        opened.waiting -= 1
        if not opened.waiting:
            self._edited.put(opened)

    def _paste(self, work: _FaceWork) -> FaceResult:
        if work.crop is None or work.correction is None:
            return refused(work.face, work.error or RuntimeError("no correction"))
        try:
            settings = self._settings
            wanted = chosen_part(work.crop.pixels, work.correction, effects=settings.effects, marks=settings.marks)
            if work.owner.rgb is None:
                work.owner.rgb = work.owner.photo.rgb.copy()
            return put_back(work.owner.rgb, work.crop, wanted, strength=settings.strength, share=work.owner.share)
        except Exception as error:
            return refused(work.face, error)

    def _write_next(self) -> None:
        opened = self._edited.get()
        photo, rgb, job = opened.photo, opened.rgb, opened.job
        status: PhotoStatus = "copied"
        note = ""
        _tidy(opened.weight)
        try:
            layers = self._settings.layers and self._may_write_layers(job)
            if self._journal:
                self._journal.begin(job, self._masks_of(job))
            if rgb is not None and not np.array_equal(rgb, photo.rgb):
                status = "retouched"
                note = write_photo(photo, rgb, job.destination)
            elif photo.format == "RAW":  # cannot be copied into a photo of another format
                write_photo(photo, photo.rgb, job.destination)
            else:
                copy_photo(job.source, job.destination)
            if layers:
                _update_layers(photo, rgb if status == "retouched" else None, job.destination)
            elif self._settings.layers:
                note = f"{note} {LAYERS_STAY}".lstrip()
            if self._journal:
                self._journal.finish(job, to_facts(opened.results, note), layers=layers)
        except Exception as error:
            self._fail(opened, sentence(error, "written"))
        else:
            self._finish(opened, status, note=note)

    def _may_write_layers(self, job: Job) -> bool:
        """Whether no layered file that someone may have worked on would be lost."""
        if self._settings.existing == "overwrite" or not any(map(is_file, layer_files(job.destination))):
            return True
        return self._journal is not None and self._journal.owns_layers(job)

    def _fail(self, opened: _OpenPhoto, reason: str) -> None:
        self._finish(opened, "failed", reason)

    def _finish(self, opened: _OpenPhoto, status: PhotoStatus, reason: str = "", note: str = "") -> None:
        height, width = opened.photo.rgb.shape[:2]
        _tidy(opened.weight)
        self._budget.close(opened.weight)
        self._results.put(
            PhotoResult(
                source=opened.job.source,
                destination=opened.job.destination,
                status=status,
                faces=opened.results,
                reason=reason,
                note=note,
                seconds=time.monotonic() - opened.since,
                width=width,
                height=height,
            )
        )


def _update_layers(photo: Photo, rgb: np.ndarray | None, result: Path) -> None:
    """Write the layered file of a result, and remove an earlier one that does not belong to it any more.

    Args:
        rgb: as for `write_layers`; None where nothing changed, so that there are no layers.
    """
    written = None if rgb is None else write_layers(photo, rgb, result)
    for path in layer_files(result):
        if path != written and is_file(path):
            path.unlink()


def _tidy(weight: int) -> None:
    """Hand back what decoding or encoding a large photo took, which would add up with what the next step takes."""
    if weight >= _LARGE:
        release_memory()


def _file_weight(path: Path) -> int:
    """Pixels of 8-bit RGB that take as much memory as a file."""
    try:
        return path.stat().st_size // 3
    except OSError:  # reading it will say why
        return 0


def _weight(photo: Photo) -> int:
    """Pixels of 8-bit RGB that take as much memory as the photo."""
    own = 0 if np.may_share_memory(photo.rgb, photo.native) else photo.native.nbytes
    return (photo.rgb.nbytes + own) // 3


def _failed(job: Job, reason: str, since: float | None = None) -> PhotoResult:
    return PhotoResult(
        source=job.source,
        destination=job.destination,
        status="failed",
        reason=reason,
        seconds=0.0 if since is None else time.monotonic() - since,
    )


@contextmanager
def _threads_for(device: str) -> Iterator[None]:
    """Share the cores between the stages while a run lasts: on a CPU the network needs most of them."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    before_torch, before_cv2 = torch.get_num_threads(), cv2.getNumThreads()
    if device == "cpu" and cores > 2:
        torch.set_num_threads(min(before_torch, cores - 1))
    cv2.setNumThreads(max(1, cores // 4))
    try:
        yield
    finally:
        torch.set_num_threads(before_torch)
        cv2.setNumThreads(before_cv2)
