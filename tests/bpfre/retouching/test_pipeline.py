"""The runner on real pixels: what changes, what does not, and that it neither grows nor hangs."""

from __future__ import annotations

import dataclasses
import errno
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from bpfre.errors import DetectorError, UsageError
from bpfre.faces import Face, FaceDetector, align, crop_box
from bpfre.photos import Photo, read_photo
from bpfre.retouching import Job, PhotoResult, RetouchSettings, pipeline, plan_jobs, retouch_photos
from bpfre.retouching.pipeline import LAYERS_STAY

Photos = Callable[[int], Path]


def run(folder: Path, out: Path, network: object, detector: FaceDetector, **settings: object) -> dict[str, PhotoResult]:
    jobs = plan_jobs([folder], out)
    results = list(retouch_photos(jobs, RetouchSettings(**settings), network=network, detector=detector))
    by_name = {result.source.name: result for result in results}
    assert len(results) == len(jobs) == len(by_name)
    return by_name


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_identity_network_leaves_every_file_as_it_is(tmp_path: Path, photos: Photos, identity, detector) -> None:
    folder = photos(5)
    results = run(folder, tmp_path / "out", identity, detector)
    assert {result.status for result in results.values()} == {"copied"}
    assert all([face.status for face in result.faces] == ["unchanged"] for result in results.values())
    assert contents(tmp_path / "out") == contents(folder)


def test_strength_zero_leaves_every_file_as_it_is(tmp_path: Path, photos: Photos, brighter, detector) -> None:
    folder = photos(2)
    run(folder, tmp_path / "out", brighter, detector, strength=0)
    assert contents(tmp_path / "out") == contents(folder)


def test_known_correction_lands_in_the_face_and_nowhere_else(
    tmp_path: Path, photos: Photos, brighter, detector
) -> None:
    folder = photos(3)
    results = run(folder, tmp_path / "out", brighter, detector)
    for name, result in results.items():
        before, after = read_photo(folder / name).rgb, read_photo(tmp_path / "out" / name).rgb
        crop = align(before, detector.detect([before])[0][0], size=64)
        x0, y0, x1, y1 = crop_box(crop, before.shape[:2])
        change = after.astype(int) - before
        middle = tuple(crop.face.landmarks[2].round().astype(int)[::-1])
        assert result.status == "retouched"
        assert np.abs(change[middle] - 25.5).max() <= 1
        change[y0:y1, x0:x1] = 0
        assert not change.any()


@pytest.mark.parametrize("there", [True, False])
def test_jpeg_changes_in_its_face_alone_or_says_why_not(
    there: bool, tmp_path: Path, portrait: np.ndarray, brighter, detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    if there:
        pytest.importorskip("jpeglib", reason="jpeglib has no wheel for this machine")
    else:
        monkeypatch.setitem(sys.modules, "jpeglib", None)
    (tmp_path / "in").mkdir()
    Image.fromarray(np.pad(portrait, ((0, 0), (0, 256), (0, 0)), "symmetric")[:, :400]).save(
        tmp_path / "in" / "a.jpg", quality=96
    )
    result = run(tmp_path / "in", tmp_path / "out", brighter, detector)["a.jpg"]
    assert result.status == "retouched"
    difference = read_photo(result.destination).rgb != read_photo(result.source).rgb
    for face in result.faces:
        assert face.region is not None
        x0, y0, x1, y1 = face.region
        difference[max(0, y0 - 16) : y1 + 16, max(0, x0 - 16) : x1 + 16] = False  # whole blocks, and chroma around them
    assert difference.any() != there
    assert result.note == ("" if there else "Every pixel was encoded anew, because jpeglib is not installed.")


def test_strength_scales_the_correction(tmp_path: Path, photos: Photos, brighter, detector) -> None:
    folder = photos(1)
    whole = run(folder, tmp_path / "whole", brighter, detector)["00.png"].faces[0]
    half = run(folder, tmp_path / "half", brighter, detector, strength=0.5)["00.png"].faces[0]
    assert half.mean_change == pytest.approx(whole.mean_change / 2, rel=0.05)
    assert (whole.max_change, half.max_change) == (26, 13)


def test_sixteen_bits_are_corrected_at_sixteen_bits(tmp_path: Path, portrait: np.ndarray, brighter, detector) -> None:
    import tifffile

    folder = tmp_path / "photos"
    folder.mkdir()
    tifffile.imwrite(folder / "deep.tif", portrait.astype(np.uint16) * 200 + 7, photometric="rgb")
    results = run(folder, tmp_path / "out", brighter, detector)
    before, after = read_photo(folder / "deep.tif").rgb, read_photo(tmp_path / "out" / "deep.tif").rgb
    change = after.astype(int) - before
    assert after.dtype == np.uint16
    x0, y0, x1, y1 = (round(value) for value in results["deep.tif"].faces[0].box)
    middle = change[(y0 + y1) // 2, (x0 + x1) // 2]
    assert np.abs(middle - 6553.5).max() <= 1
    assert results["deep.tif"].faces[0].max_change == pytest.approx(change.max() / 257, abs=0.01)


def test_photo_without_a_face_is_copied_byte_for_byte(tmp_path: Path, scenery: np.ndarray, brighter, detector) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(scenery).save(folder / "view.jpg", quality=71, comment=b"kept")
    result = run(folder, tmp_path / "out", brighter, detector)["view.jpg"]
    assert (result.status, result.faces, result.width, result.height) == ("copied", (), 96, 64)
    assert contents(tmp_path / "out") == contents(folder)


def test_batches_hold_faces_of_several_photos(tmp_path: Path, photos: Photos, brighter, detector) -> None:
    brighter.before = lambda x: time.sleep(0.3)  # so that faces queue up meanwhile
    run(photos(9), tmp_path / "out", brighter, detector, batch_size=3)
    sizes = [shape[0] for shape in brighter.batches]
    assert sum(sizes) == 9
    assert max(sizes) == 3  # with one face a photo, of three photos
    assert {shape[1:] for shape in brighter.batches} == {(3, 64, 64)}


def test_faces_of_different_sizes_are_worked_on_at_sizes_of_their_own(
    tmp_path: Path, portrait: np.ndarray, brighter, detector
) -> None:
    object.__setattr__(brighter.config, "size", 256)
    object.__setattr__(brighter.config, "zoom", (0.75, 2.0))
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, factor in (("a", 1.0), ("b", 2.0), ("c", 1.0), ("d", 2.0)):
        side = round(256 * factor)
        Image.fromarray(portrait).resize((side, side), Image.Resampling.LANCZOS).save(folder / f"{name}.png")
    results = run(folder, tmp_path / "out", brighter, detector, batch_size=4)
    assert all(result.status == "retouched" for result in results.values())
    seen = [(shape[0], shape[2]) for shape in brighter.batches]
    assert {side for _, side in seen} == {192, 384} or {side for _, side in seen} == {256, 512}
    assert sum(count for count, _ in seen) == 4
    assert max(count for count, side in seen if side > 256) <= 2  # large crops in smaller batches


def test_many_faces_of_one_photo_are_all_retouched(tmp_path: Path, portrait: np.ndarray, brighter, detector) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(np.tile(portrait[:200, 40:240], (3, 4, 1))).save(folder / "group.png")
    result = run(folder, tmp_path / "out", brighter, detector, batch_size=5)["group.png"]
    assert [face.status for face in result.faces] == ["retouched"] * 12
    assert [face.size for face in result.faces] == sorted((face.size for face in result.faces), reverse=True)


@pytest.mark.parametrize(("megapixels", "expected"), [(200.0, 8), (0.2, 3)])
def test_photos_in_memory_are_bounded(
    tmp_path: Path,
    photos: Photos,
    brighter,
    detector,
    monkeypatch: pytest.MonkeyPatch,
    megapixels: float,
    expected: int,
) -> None:
    alive: weakref.WeakSet[Photo] = weakref.WeakSet()
    most = 0

    def counted(path: Path, **options: object) -> Photo:
        nonlocal most
        photo = read_photo(path, **options)
        alive.add(photo)
        most = max(most, len(alive))
        return photo

    monkeypatch.setattr(pipeline, "read_photo", counted)
    brighter.before = lambda x: time.sleep(0.05)
    results = run(photos(24), tmp_path / "out", brighter, detector, batch_size=1, open_megapixels=megapixels)
    assert len(results) == 24
    # Beside the bound, writers may hold one each that is just finished.
    assert expected // 2 < most <= expected + pipeline.WRITERS


def test_photo_larger_than_the_bound_goes_alone(tmp_path: Path, photos: Photos, brighter, detector) -> None:
    results = run(photos(4), tmp_path / "out", brighter, detector, open_megapixels=0.01)
    assert {result.status for result in results.values()} == {"retouched"}


class Spoiled:
    """The real detector, its finds changed by a function."""

    name = "mtcnn"

    def __init__(self, detector: FaceDetector, change: Callable[[Sequence[np.ndarray], list[list[Face]]], None]):
        self._detector, self._change = detector, change

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        found = self._detector.detect(images)
        self._change(images, found)
        return found


def test_refused_face_does_not_stop_its_neighbour(tmp_path: Path, portrait: np.ndarray, brighter, detector) -> None:
    def break_landmarks(images: Sequence[np.ndarray], found: list[list[Face]]) -> None:
        broken = np.full((5, 2), np.nan, np.float32)
        found[0][0] = dataclasses.replace(found[0][0], landmarks=broken)

    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(np.tile(portrait, (1, 2, 1))).save(folder / "two.png")
    result = run(folder, tmp_path / "out", brighter, Spoiled(detector, break_landmarks))["two.png"]
    assert result.status == "retouched"
    assert [face.status for face in result.faces] == ["refused", "retouched"]
    assert result.faces[0].reason == "The face's landmarks are not five finite points."


def test_small_face_is_refused_and_its_photo_copied(tmp_path: Path, photos: Photos, brighter, detector) -> None:
    folder = photos(1)
    result = run(folder, tmp_path / "out", brighter, detector, min_face=150)["00.png"]
    assert (result.status, result.faces[0].status) == ("copied", "refused")
    assert "less than 150 px" in result.faces[0].reason
    assert contents(tmp_path / "out") == contents(folder)


def test_network_that_fails_on_one_face_does_the_rest_of_the_batch(
    tmp_path: Path, photos: Photos, portrait: np.ndarray, brighter, detector
) -> None:
    folder = photos(4)
    Image.fromarray(portrait // 2).save(folder / "dark.png")

    def fail(x: Tensor) -> None:
        time.sleep(0.1)
        if x.mean(dim=(1, 2, 3)).min() < 0.4:
            raise RuntimeError("out of memory")

    brighter.before = fail
    results = run(folder, tmp_path / "out", brighter, detector, batch_size=5)
    assert [name for name, result in results.items() if result.status != "retouched"] == ["dark.png"]
    assert results["dark.png"].faces[0].reason == "It could not be retouched: RuntimeError: out of memory."
    assert (tmp_path / "out" / "dark.png").read_bytes() == (folder / "dark.png").read_bytes()


def test_output_that_is_not_finite_is_refused(tmp_path: Path, photos: Photos, brighter, detector) -> None:
    folder = photos(2)
    brighter.step = float("nan")
    results = run(folder, tmp_path / "out", brighter, detector)
    for result in results.values():
        assert (result.status, result.faces[0].status) == ("copied", "refused")
        assert result.faces[0].reason == "The network's output holds values that are not numbers."
    assert contents(tmp_path / "out") == contents(folder)


def test_detector_that_fails_on_a_group_is_asked_photo_by_photo(
    tmp_path: Path, photos: Photos, portrait: np.ndarray, brighter, detector
) -> None:
    folder = photos(4)
    Image.fromarray(portrait // 2).save(folder / "dark.png")

    def fail(images: Sequence[np.ndarray], found: list[list[Face]]) -> None:
        if min(image.mean() for image in images) < 100:
            raise DetectorError("The detector gave up.")

    results = run(folder, tmp_path / "out", brighter, Spoiled(detector, fail))
    assert results["dark.png"].status == "failed"
    assert results["dark.png"].reason == "The detector gave up."
    assert {results[name].status for name in results if name != "dark.png"} == {"retouched"}
    assert not (tmp_path / "out" / "dark.png").exists()


def test_full_disk_fails_one_photo_and_leaves_no_part_of_it(
    tmp_path: Path, photos: Photos, brighter, detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if Path(target).name == "01.png":
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    results = run(photos(3), tmp_path / "out", brighter, detector)
    assert [results[name].status for name in sorted(results)] == ["retouched", "failed", "retouched"]
    assert "the disk is full" in results["01.png"].reason
    assert sorted(contents(tmp_path / "out")) == ["00.png", "02.png"]


@pytest.mark.parametrize("error", [MemoryError(), ZeroDivisionError("division by zero")])
def test_unexpected_error_is_a_sentence(
    tmp_path: Path, photos: Photos, brighter, detector, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(path: Path, **options: object) -> Photo:
        if path.name == "00.png":
            raise error
        return read_photo(path, **options)

    monkeypatch.setattr(pipeline, "read_photo", fail)
    results = run(photos(2), tmp_path / "out", brighter, detector)
    assert results["00.png"].status == "failed"
    assert results["00.png"].reason.startswith("It could not be read: ")
    assert results["01.png"].status == "retouched"


def test_closing_leaves_whole_files_and_a_second_run_does_the_rest(
    tmp_path: Path, photos: Photos, brighter, detector
) -> None:
    folder = photos(12)
    run(folder, tmp_path / "unbroken", brighter, detector)
    expected = contents(tmp_path / "unbroken")

    brighter.before = lambda x: time.sleep(0.05)
    jobs = plan_jobs([folder], tmp_path / "out")
    settings = RetouchSettings(batch_size=1)
    results = retouch_photos(jobs, settings, network=brighter, detector=detector)
    first = [next(results), next(results)]
    results.close()
    written = contents(tmp_path / "out")
    assert {result.destination.name for result in first} <= written.keys()
    assert len(written) < 12
    assert written.items() <= expected.items()

    brighter.before = lambda x: None
    brighter.batches.clear()
    again = run(folder, tmp_path / "out", brighter, detector)
    assert {name for name, result in again.items() if result.status == "skipped"} == written.keys()
    assert sum(shape[0] for shape in brighter.batches) == 12 - len(written)
    assert contents(tmp_path / "out") == expected


def test_interrupt_in_the_consumer_ends_every_thread(tmp_path: Path, photos: Photos, brighter, detector) -> None:
    jobs = plan_jobs([photos(8)], tmp_path / "out")
    results = retouch_photos(jobs, RetouchSettings(), network=brighter, detector=detector)
    next(results)
    assert any(thread.name.startswith("bpfre-") for thread in threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)
    assert not any(thread.name.startswith("bpfre-") for thread in threading.enumerate())


def test_consumer_that_pauses_stalls_the_run_instead_of_losing_results(
    tmp_path: Path, photos: Photos, brighter, detector
) -> None:
    jobs = plan_jobs([photos(20)], tmp_path / "out")
    results = retouch_photos(jobs, RetouchSettings(batch_size=1), network=brighter, detector=detector)
    first = next(results)
    time.sleep(0.3)
    assert len({result.source for result in (first, *results)}) == 20


@pytest.mark.parametrize(
    ("existing", "status"), [("resume", "skipped"), ("overwrite", "retouched"), ("error", "failed")]
)
def test_what_exists(tmp_path: Path, photos: Photos, brighter, detector, existing: str, status: str) -> None:
    folder = photos(2)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "00.png").write_bytes(b"from before")
    results = run(folder, tmp_path / "out", brighter, detector, existing=existing)
    assert [results[name].status for name in sorted(results)] == [status, "retouched"]
    kept = (tmp_path / "out" / "00.png").read_bytes() == b"from before"
    assert kept == (existing != "overwrite")


def test_originals_are_never_replaced(tmp_path: Path, photos: Photos, brighter, detector) -> None:
    folder = photos(1)
    before = contents(folder)
    job = Job(folder / "00.png", folder / ".." / "photos" / "00.png")
    with pytest.raises(UsageError, match="would replace"):
        list(retouch_photos([job], RetouchSettings(), network=brighter, detector=detector))
    assert contents(folder) == before


def test_real_network_is_repeatable(tmp_path: Path, photos: Photos, tiny, detector) -> None:
    folder = photos(4)
    results = run(folder, tmp_path / "one", tiny, detector, batch_size=1)
    run(folder, tmp_path / "two", tiny, detector, batch_size=3)
    assert {result.status for result in results.values()} == {"retouched"}
    for name in results:
        one, two = (read_photo(tmp_path / run / name).rgb.astype(int) for run in ("one", "two"))
        assert np.abs(one - two).max() <= 1  # arithmetic may depend on the batch; a visible result may not


def test_thread_settings_are_restored(tmp_path: Path, photos: Photos, brighter, detector) -> None:
    import cv2

    before = torch.get_num_threads(), cv2.getNumThreads()
    run(photos(1), tmp_path / "out", brighter, detector)
    assert (torch.get_num_threads(), cv2.getNumThreads()) == before


def test_masks_decide_where_a_face_changes(tmp_path: Path, photos: Photos, brighter, detector) -> None:
    folder = photos(3)
    names = sorted(path.name for path in folder.iterdir())
    before = read_photo(folder / names[0]).rgb
    mask = np.zeros(before.shape[:2], np.uint8)
    mask[:, : before.shape[1] // 2] = 255
    for kind in ("protect", "only"):
        (tmp_path / kind).mkdir()
        Image.fromarray(mask).save(tmp_path / kind / names[0])
    (tmp_path / "only" / names[1]).write_bytes(b"no mask")
    free = run(folder, tmp_path / "free", brighter, detector)
    kept = run(folder, tmp_path / "kept", brighter, detector, protect=tmp_path / "protect")
    part = run(folder, tmp_path / "part", brighter, detector, only=tmp_path / "only")
    assert {result.status for result in (*free.values(), *kept.values())} == {"retouched"}
    assert [part[name].status for name in names] == ["retouched", "failed", "copied"]
    assert "no mask" not in part[names[1]].reason and names[1] in part[names[1]].reason
    whole, right, left = (read_photo(tmp_path / name / names[0]).rgb for name in ("free", "kept", "part"))
    half = before.shape[1] // 2
    assert np.array_equal(right[:, :half], before[:, :half]) and np.array_equal(right[:, half:], whole[:, half:])
    assert np.array_equal(left[:, half:], before[:, half:]) and np.array_equal(left[:, :half], whole[:, :half])


def test_only_the_chosen_face_changes(tmp_path: Path, portrait: np.ndarray, brighter, detector) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    small = np.asarray(Image.fromarray(portrait).resize((192, 192), Image.Resampling.LANCZOS))
    group = np.full((256, 256 + 192, 3), 128, np.uint8)
    group[:, :256], group[:192, 256:] = portrait, small
    Image.fromarray(group).save(folder / "group.png")
    result = run(folder, tmp_path / "out", brighter, detector, faces="largest")["group.png"]
    assert [face.status for face in result.faces] == ["retouched", "skipped"]
    assert "largest" in result.faces[1].reason
    after = read_photo(tmp_path / "out" / "group.png").rgb
    x0, y0, x1, y1 = (round(side) for side in result.faces[1].box)
    assert np.array_equal(after[y0:y1, max(x0, 300) : x1], group[y0:y1, max(x0, 300) : x1])
    assert (after[:, :256] != group[:, :256]).any()
    none = run(folder, tmp_path / "none", brighter, detector, min_score=1.0)["group.png"]
    assert none.status == "copied" and {face.status for face in none.faces} == {"skipped"}


def test_photos_wait_for_room_before_they_are_decoded(
    tmp_path: Path, photos: Photos, brighter, detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoding: list[int] = []

    def counted(path: Path, **options: object) -> Photo:
        admit = options.pop("admit")

        def note(pixels: int) -> None:
            admit(pixels)
            decoding.append(pixels)

        return read_photo(path, admit=note, **options)

    most = 0
    weigh = pipeline.Budget.weigh

    def watched(self: pipeline.Budget, pixels: int, instead_of: int = 0) -> None:
        nonlocal most
        weigh(self, pixels, instead_of)
        most = max(most, self._pixels)

    monkeypatch.setattr(pipeline, "read_photo", counted)
    monkeypatch.setattr(pipeline.Budget, "weigh", watched)
    results = run(photos(8), tmp_path / "out", brighter, detector, batch_size=1, open_megapixels=0.15)
    assert {result.status for result in results.values()} == {"retouched"}
    assert decoding == [256 * 256] * 8
    assert most == 2 * 256 * 256  # two of 0.066 megapixels fit into 0.15


def test_deep_photos_count_double(tmp_path: Path, photos: Photos, portrait: np.ndarray) -> None:
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "deep.tif", portrait.astype(np.uint16) * 257, photometric="rgb")
    Image.fromarray(portrait).save(tmp_path / "flat.png")
    Image.fromarray(portrait).convert("RGBA").save(tmp_path / "alpha.png")
    pixels = portrait.shape[0] * portrait.shape[1]
    weights = {name: pipeline._weight(read_photo(tmp_path / name)) for name in ("flat.png", "deep.tif", "alpha.png")}
    assert weights == {"flat.png": pixels, "deep.tif": 2 * pixels, "alpha.png": 7 * pixels // 3}


def test_too_large_photos_fail_alone_and_leave_their_room(tmp_path: Path, photos: Photos, brighter, detector) -> None:
    folder = photos(3)
    Image.new("RGB", (400, 400)).save(folder / "large.png")
    results = run(folder, tmp_path / "out", brighter, detector, max_megapixels=0.1, open_megapixels=0.07)
    assert results.pop("large.png").reason.startswith("large.png has 400 x 400 pixels, which is 0.16 megapixels")
    assert {result.status for result in results.values()} == {"retouched"}


def test_layers_beside_what_was_retouched_only(tmp_path: Path, photos: Photos, brighter, detector, scenery) -> None:
    psd_tools = pytest.importorskip("psd_tools", reason="psd-tools comes with the extra layers")
    folder = photos(1)
    Image.fromarray(scenery).save(folder / "view.png")
    results = run(folder, tmp_path / "out", brighter, detector, layers=True)
    assert {name: result.status for name, result in results.items()} == {"00.png": "retouched", "view.png": "copied"}
    assert sorted(contents(tmp_path / "out")) == ["00.png", "00.png.psd", "view.png"]
    flat = psd_tools.PSDImage.open(tmp_path / "out" / "00.png.psd").composite(force=True).convert("RGB")
    np.testing.assert_array_equal(np.asarray(flat), read_photo(tmp_path / "out" / "00.png").rgb)


def test_layers_that_someone_painted_on_stay_unless_all_is_made_anew(
    tmp_path: Path, photos: Photos, brighter, detector
) -> None:
    pytest.importorskip("psd_tools", reason="psd-tools comes with the extra layers")
    folder, out = photos(1), tmp_path / "out"
    out.mkdir()
    layered = out / "00.png.psd"
    layered.write_bytes(b"painted on")
    [kept] = run(folder, out, brighter, detector, layers=True).values()
    assert (kept.status, kept.note) == ("retouched", LAYERS_STAY) and layered.read_bytes() == b"painted on"
    [anew] = run(folder, out, brighter, detector, layers=True, existing="overwrite").values()
    assert (anew.status, anew.note) == ("retouched", "") and layered.stat().st_size > 1000


def test_layers_of_an_earlier_correction_go_with_it(tmp_path: Path, photos: Photos, brighter, detector) -> None:
    pytest.importorskip("psd_tools", reason="psd-tools comes with the extra layers")
    folder, out = photos(1), tmp_path / "out"
    run(folder, out, brighter, detector, layers=True)
    assert (out / "00.png.psd").is_file()
    [undone] = run(folder, out, brighter, detector, layers=True, strength=0.0, existing="overwrite").values()
    assert undone.status == "copied" and sorted(contents(out)) == ["00.png"]


def test_raw_files_are_developed_with_and_without_a_face(
    tmp_path: Path, portrait: np.ndarray, scenery: np.ndarray, brighter, detector, dng
) -> None:
    pytest.importorskip("rawpy", reason="rawpy comes with the extra raw")
    folder = tmp_path / "in"
    folder.mkdir()
    for name, picture in (("face.dng", portrait), ("view.dng", scenery)):
        (folder / name).write_bytes(dng((picture / 255.0) ** 2.2))
    for developed, dtype in (("tiff", np.uint16), ("jpeg", np.uint8)):
        out = tmp_path / developed
        jobs = plan_jobs([folder], out, developed=developed)
        results = list(retouch_photos(jobs, RetouchSettings(), network=brighter, detector=detector))
        assert {result.source.name: result.status for result in results} == {
            "face.dng": "retouched",
            "view.dng": "copied",
        }
        for result in results:
            before, after = read_photo(result.source), read_photo(result.destination)
            assert (after.rgb.dtype, after.rgb.shape) == (dtype, before.rgb.shape)
            if developed == "tiff":
                changed = (after.rgb != before.rgb).any(axis=2)
                assert changed.any() == (result.status == "retouched")
