from __future__ import annotations

import os
from pathlib import Path

import pytest

from bpfre.errors import UnreadablePhotoError
from bpfre.retouching import Job
from bpfre.retouching.journal import FILE, FOLDER, Journal

SETTINGS = {"strength": 1.0, "weights": "abc"}


@pytest.fixture
def job(tmp_path: Path) -> Job:
    source = tmp_path / "in" / "ä.jpg"
    source.parent.mkdir()
    source.write_bytes(b"photo")
    return Job(source, tmp_path / "out" / "day" / "ä.jpg")


def journal(job: Job, **changes: object) -> Journal:
    return Journal(job.destination.parents[1], SETTINGS | changes)


def do(job: Job, extra: object = None) -> None:
    kept = journal(job)
    kept.begin(job, extra)
    job.destination.parent.mkdir(parents=True, exist_ok=True)
    job.destination.write_bytes(b"result")
    kept.finish(job)


def touch(path: Path, seconds: int) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + seconds * 10**9))


def test_what_was_done_with_these_settings_is_current(job: Job) -> None:
    do(job)
    assert journal(job).is_current(job)


def test_changed_settings_masks_and_photos_are_done_again(job: Job) -> None:
    do(job, [["mask", 1, 2]])
    assert journal(job).is_current(job, [["mask", 1, 2]])
    assert not journal(job, strength=0.5).is_current(job, [["mask", 1, 2]])
    assert not journal(job).is_current(job, [["mask", 1, 3]])
    job.source.write_bytes(b"PHOTO")
    touch(job.source, 5)
    assert not journal(job).is_current(job, [["mask", 1, 2]])


def test_a_copied_photo_is_the_same_photo(job: Job) -> None:
    do(job)
    touch(job.source, 5)
    assert journal(job).is_current(job)


def test_what_the_user_made_or_changed_stays(job: Job) -> None:
    job.destination.parent.mkdir(parents=True)
    job.destination.write_bytes(b"mine")
    assert journal(job).is_current(job)
    job.destination.unlink()
    do(job)
    job.destination.write_bytes(b"touched up by hand")
    assert journal(job, strength=0.5).is_current(job)


def test_a_result_that_was_begun_and_not_finished_is_done_again(job: Job) -> None:
    do(job)
    journal(job, strength=0.5).begin(job)
    assert not journal(job, strength=0.5).is_current(job)
    assert not journal(job).is_current(job)


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_was_cut_off_is_passed_over_and_spoils_no_other(job: Job, cut: int) -> None:
    do(job)
    path = job.destination.parents[1] / FOLDER / FILE
    whole = path.read_bytes()
    journal(job).begin(job)
    path.write_bytes(path.read_bytes()[: len(whole) + cut])
    journal(job).finish(job)
    assert journal(job).is_current(job)


def test_many_lines_are_gathered_into_few(job: Job) -> None:
    for _ in range(600):
        do(job)
    path = job.destination.parents[1] / FOLDER / FILE
    journal(job)
    assert path.read_bytes().count(b"{") < 1500
    assert journal(job).is_current(job)


def test_a_journal_that_cannot_be_written_costs_a_warning(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    (job.destination.parents[1]).mkdir(parents=True)
    (job.destination.parents[1] / FOLDER).write_bytes(b"a file")
    do(job)
    assert "may do photos again" in caplog.text
    assert journal(job).is_current(job)


def test_facts_are_kept_with_the_result_they_belong_to(job: Job) -> None:
    kept = journal(job)
    assert kept.facts(job) is None
    kept.begin(job)
    assert kept.facts(job) is None
    job.destination.parent.mkdir(parents=True)
    job.destination.write_bytes(b"result")
    kept.finish(job, {"faces": [1, 2], "note": "ü"})
    assert kept.facts(job) == {"faces": [1, 2], "note": "ü"}
    assert journal(job, strength=0.5).facts(job) == {"faces": [1, 2], "note": "ü"}
    job.destination.write_bytes(b"changed by the user")
    assert journal(job).facts(job) is None
    job.destination.unlink()
    assert journal(job).facts(job) is None


def layered(job: Job) -> Path:
    return job.destination.with_name(job.destination.name + ".psd")


def do_with_layers(job: Job) -> None:
    kept = journal(job)
    kept.begin(job)
    job.destination.parent.mkdir(parents=True, exist_ok=True)
    job.destination.write_bytes(b"result")
    layered(job).write_bytes(b"layers")
    kept.finish(job, layers=True)


def test_layers_that_the_user_painted_on_stay(job: Job) -> None:
    do_with_layers(job)
    assert journal(job).is_current(job)
    assert not journal(job, strength=0.5).is_current(job)
    layered(job).write_bytes(b"layers, painted on")
    assert journal(job, strength=0.5).is_current(job)


def test_layers_that_are_gone_are_made_again(job: Job) -> None:
    do_with_layers(job)
    layered(job).unlink()
    assert not journal(job).is_current(job)


def test_layers_that_someone_else_put_there_stay(job: Job) -> None:
    do(job)
    layered(job).write_bytes(b"mine")
    assert journal(job, strength=0.5).is_current(job)


def test_layers_are_its_own_as_long_as_nobody_else_touches_them(job: Job) -> None:
    assert journal(job).owns_layers(job)  # there are none
    do_with_layers(job)
    assert journal(job).owns_layers(job)
    do(job)  # a run without layers leaves them
    assert journal(job).owns_layers(job)
    layered(job).write_bytes(b"layers, painted on")
    assert not journal(job).owns_layers(job)
    do(job)
    assert not journal(job).owns_layers(job)
    layered(job).unlink()
    assert journal(job).owns_layers(job)


def test_layers_without_a_known_result_are_someone_elses(job: Job) -> None:
    job.destination.parent.mkdir(parents=True)
    layered(job).write_bytes(b"mine")
    assert not journal(job).owns_layers(job)
    journal(job).begin(job)
    assert not journal(job).owns_layers(job)


@pytest.mark.parametrize("before", [False, True])
def test_layers_that_a_killed_run_wrote_are_its_own(job: Job, before: bool) -> None:
    if before:
        do_with_layers(job)
    journal(job, strength=0.5).begin(job)
    layered(job).parent.mkdir(parents=True, exist_ok=True)
    layered(job).write_bytes(b"other layers")
    assert journal(job).owns_layers(job)


def test_a_photo_that_vanished_is_named(job: Job) -> None:
    job.source.unlink()
    with pytest.raises(UnreadablePhotoError, match=rf"^{job.source.name} cannot be opened"):
        journal(job).begin(job)
