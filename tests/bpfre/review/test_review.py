"""The review of a run: every photo is listed, with what this run or an earlier one knows of it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bpfre.retouching import FaceResult, Job, Journal, PhotoResult
from bpfre.retouching.results import to_facts
from bpfre.review import Review
from bpfre.review.entries import NOT_KNOWN, NOT_REACHED

Write = Callable[..., Job]
Make = Callable[..., PhotoResult]


def data_of(page: Path) -> dict[str, Any]:
    found = re.search(rb'<script type="application/json" id="data">(.*?)</script>', page.read_bytes(), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def review(
    jobs: Sequence[Job], results: Sequence[PhotoResult], journal: Journal | None = None, *, hurry: bool = False
) -> list[dict[str, Any]]:
    """Write the page and return its photos."""
    with Review(jobs, jobs[0].destination.parent, journal) as made:
        for result in results:
            made.add(result)
        page = made.write({"bpfre": "test"}, hurry=hurry)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("bpfre-review")]
    document = data_of(page)
    assert document["facts"] == {"bpfre": "test"}
    return document["photos"]


def pictures(job: Job) -> list[Path]:
    return sorted((job.destination.parent / ".bpfre" / "review").iterdir())


def test_states_reasons_and_faces(
    write_pair: Write, result_of: Make, face: FaceResult, refused_face: FaceResult, tmp_path: Path
) -> None:
    jobs = [write_pair(name, same=name == "same.png") for name in ("changed.png", "same.png", "broken.png", "late.png")]
    jobs[2].source.write_text("no photo")
    results = [
        result_of(jobs[0], faces=(face, refused_face), note="A note."),
        result_of(jobs[1], "copied"),
        result_of(jobs[2], "failed", reason="broken.png is not a photo."),
    ]
    changed, same, broken, late = review(jobs, results)
    assert [photo["state"] for photo in (changed, same, broken, late)] == ["changed", "unchanged", "failed", "pending"]
    assert [photo["name"] for photo in (changed, late)] == ["changed.png", "late.png"]
    assert [entry["status"] for entry in changed["faces"]] == ["retouched", "refused"]
    assert changed["faces"][1]["reason"] == "The face is 30 px large."
    assert changed["faces"][0]["box"] == [35, 15, 65, 55]
    assert changed["notes"] == ["A note."]
    assert changed["share"] == pytest.approx(600 / 9600)
    assert (same["after"], same["map"], same["notes"]) == ("", "", [])
    assert broken["reason"] == "broken.png is not a photo."
    assert broken["notes"] == []  # the reason is told once
    assert "thumb" not in broken
    assert (late["reason"], late["result"]) == (NOT_REACHED, "")
    for photo in (changed, same):
        for name in ("thumb", "before", "after", "map"):
            assert not photo[name] or (tmp_path / "clean" / photo[name]).is_file()
        assert (tmp_path / "clean" / photo["source"]).is_file()
        assert (tmp_path / "clean" / photo["result"]).is_file()


def test_a_photo_that_failed_after_it_was_read_is_shown_as_it_was(write_pair: Write, result_of: Make) -> None:
    job = write_pair("a.png")
    (photo,) = review([job], [result_of(job, "failed", reason="The disk is full.")])
    assert photo["before"]
    assert (photo["after"], photo["result"]) == ("", "")


def test_what_an_earlier_run_found_is_listed(write_pair: Write, result_of: Make, face: FaceResult) -> None:
    jobs = [write_pair("a.png"), write_pair("b.png", same=True)]
    journal = Journal(jobs[0].destination.parent, {})
    for job, faces in zip(jobs, [(face,), ()], strict=True):
        journal.begin(job)
        journal.finish(job, to_facts(faces, "A note." if faces else ""))
    again = Journal(jobs[0].destination.parent, {})
    first, second = review(jobs, [result_of(job, "skipped") for job in jobs], again)
    assert (first["state"], first["kept"], second["state"]) == ("changed", True, "unchanged")
    assert first["faces"][0]["box"] == list(face.box)
    assert first["faces"][0]["mean_change"] == face.mean_change
    assert first["notes"] == ["A note."]
    assert second["notes"] == []


def test_a_result_of_someone_else_is_listed_without_faces(write_pair: Write, result_of: Make, face: FaceResult) -> None:
    job = write_pair("a.png")
    journal = Journal(job.destination.parent, {})
    journal.begin(job)
    journal.finish(job, to_facts((face,), ""))
    write_pair("a.png", all_over=True)  # changed since
    (photo,) = review([job], [result_of(job, "skipped")], journal)
    assert (photo["state"], photo["faces"], photo["notes"]) == ("changed", [], [NOT_KNOWN])


@pytest.mark.parametrize(
    "damage", [{"faces": 3}, {}, {"faces": [{}], "note": ""}, {"faces": [{"box": [1, 2, 3]}], "note": ""}]
)
def test_a_tampered_journal_does_no_harm(write_pair: Write, result_of: Make, damage: dict[str, object]) -> None:
    job = write_pair("a.png")
    journal = Journal(job.destination.parent, {})
    journal.begin(job)
    journal.finish(job, damage)
    (photo,) = review([job], [result_of(job, "skipped")], Journal(job.destination.parent, {}))
    assert photo["notes"] == [NOT_KNOWN]


def test_a_rerun_keeps_pictures_and_removes_those_of_no_use(write_pair: Write, result_of: Make) -> None:
    jobs = [write_pair("a.png"), write_pair("b.png")]
    review(jobs, [result_of(job) for job in jobs])
    first = {path: path.stat().st_mtime_ns for path in pictures(jobs[0])}
    assert len(first) == 10
    review(jobs, [result_of(job, "skipped") for job in jobs])
    assert {path: path.stat().st_mtime_ns for path in pictures(jobs[0])} == first
    write_pair("b.png", all_over=True)
    photos = review(jobs, [result_of(job) for job in jobs])
    now = pictures(jobs[0])
    assert len(now) == 10
    assert len(first.keys() & set(now)) == 5
    assert photos[1]["share"] == 1


def test_a_stopped_run_lists_everything_at_once(write_pair: Write, result_of: Make) -> None:
    jobs = [write_pair(f"{index}.png") for index in range(30)]
    review(jobs, [result_of(job) for job in jobs])
    kept = pictures(jobs[0])
    for job in jobs[10:20]:
        write_pair(job.name.as_posix(), all_over=True)
    photos = review(jobs, [result_of(job) for job in jobs[:20]], hurry=True)
    assert len(photos) == 30
    assert {photo["state"] for photo in photos[:20]} == {"changed"}
    assert {photo["state"] for photo in photos[20:]} == {"pending"}
    assert set(kept) <= set(pictures(jobs[0]))  # the next run needs them
    for photo in photos[:20]:
        assert "thumb" in photo or "the run was stopped" in photo["notes"][0]


def test_a_disk_that_refuses_pictures_costs_the_pictures_only(write_pair: Write, result_of: Make) -> None:
    job = write_pair("a.png")
    (job.destination.parent / ".bpfre").write_text("a file in the folder's place")
    (photo,) = review([job], [result_of(job)])
    assert photo["state"] == "changed"
    assert "thumb" not in photo
    assert photo["notes"][0].startswith("There are no pictures.")


def test_photos_are_only_read(write_pair: Write, result_of: Make) -> None:
    job = write_pair("a.png")
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in (job.source, job.destination)]
    review([job], [result_of(job)])
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in (job.source, job.destination)] == before
