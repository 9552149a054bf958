"""Where results go."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpfre.errors import UsageError
from bpfre.retouching import Job, LeftOut, jobs, left_out, plan_jobs


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_subfolders_and_names_are_kept(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg", tmp_path / "in" / "deep" / "a.jpg")
    out = tmp_path / "out"
    assert plan_jobs([tmp_path / "in"], out) == [
        Job(tmp_path / "in" / "a.jpg", out / "a.jpg"),
        Job(tmp_path / "in" / "deep" / "a.jpg", out / "deep" / "a.jpg"),
    ]
    assert not out.exists()
    assert len(plan_jobs([tmp_path / "in"], out, recursive=False)) == 1


@pytest.mark.parametrize("out", ["in", "in/../in", "link"])
def test_output_may_not_be_an_input_folder(tmp_path: Path, out: str) -> None:
    touch(tmp_path / "in" / "a.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    with pytest.raises(UsageError, match="is an input folder as well"):
        plan_jobs([tmp_path / "in"], tmp_path / out)


def test_output_may_not_be_a_file(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg", tmp_path / "out")
    with pytest.raises(UsageError, match="is a file"):
        plan_jobs([tmp_path / "in"], tmp_path / "out")


def test_output_inside_the_input_is_not_searched(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg", tmp_path / "in" / "clean" / "a.jpg")
    jobs = plan_jobs([tmp_path / "in"], tmp_path / "in" / "clean")
    assert jobs == [Job(tmp_path / "in" / "a.jpg", tmp_path / "in" / "clean" / "a.jpg")]


def test_output_that_holds_all_that_was_found_is_refused(tmp_path: Path) -> None:
    touch(tmp_path / "out" / "in" / "a.jpg")
    with pytest.raises(UsageError, match="lie in the output folder"):
        plan_jobs([tmp_path / "out" / "in"], tmp_path / "out")


def test_file_beside_its_result_is_refused(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg")
    with pytest.raises(UsageError, match="would replace"):
        plan_jobs([tmp_path / "a.jpg"], tmp_path)


def test_result_may_not_replace_another_original(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "deep" / "a.jpg")
    with pytest.raises(UsageError, match="would replace"):
        plan_jobs([tmp_path / "a.jpg", tmp_path / "deep" / "a.jpg"], tmp_path)


def test_two_photos_for_one_destination_are_both_named(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "x.jpg", tmp_path / "b" / "x.jpg"
    touch(first, second)
    with pytest.raises(UsageError) as caught:
        plan_jobs([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    assert str(first) in caught.value.message and str(second) in caught.value.message
    assert len(plan_jobs([tmp_path], tmp_path / "out")) == 2  # the way out that the message names


def test_names_that_differ_in_their_suffix_alone_are_two(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg", tmp_path / "in" / "a.png", tmp_path / "in" / "b" / "a.png")
    planned = plan_jobs([tmp_path / "in"], tmp_path / "out")
    assert len({job.destination for job in planned}) == 3


@pytest.mark.parametrize(
    "pair", [("a.jpg", "A.JPG"), ("stra\u00dfe.png", "STRASSE.png"), ("\u00e9.png", "e\u0301.png")]
)
def test_names_that_a_disk_takes_for_one_are_refused_there_and_kept_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pair: tuple[str, str]
) -> None:
    touch(*(tmp_path / "in" / name for name in pair))
    if len(list((tmp_path / "in").iterdir())) == 1:
        pytest.skip("this disk takes the two names for one itself")
    assert len(plan_jobs([tmp_path / "in"], tmp_path / "out")) == 2
    monkeypatch.setattr(jobs, "takes_names_for_one", lambda folder: True)
    with pytest.raises(UsageError, match="would be one file") as caught:
        plan_jobs([tmp_path / "in"], tmp_path / "out")
    assert all(name in caught.value.message for name in pair) and caught.value.next_step


def test_a_disk_that_takes_names_for_one_is_known(tmp_path: Path) -> None:
    there = tmp_path / "Photos"
    there.mkdir()
    same = (tmp_path / "pHOTOS").exists()
    assert jobs.takes_names_for_one(there / "new" / "7") == same
    if not same:
        (tmp_path / "pHOTOS").symlink_to(there, target_is_directory=True)  # as such a disk answers
        assert jobs.takes_names_for_one(there) and jobs.takes_names_for_one(there / "7")


def test_raw_files_get_a_name_that_no_other_photo_has(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.CR3", tmp_path / "in" / "a.jpg", tmp_path / "in" / "a.tif")
    for developed, suffix in (("tiff", ".tif"), ("jpeg", ".jpg")):
        jobs = plan_jobs([tmp_path / "in"], tmp_path / "out", developed=developed)
        assert [job.destination.name for job in jobs] == [f"a.CR3{suffix}", "a.jpg", "a.tif"]
        assert [job.name.name for job in jobs] == ["a.CR3", "a.jpg", "a.tif"]
    assert len(plan_jobs([tmp_path / "in"], tmp_path / "out")) == 2


def test_files_that_are_no_photos_are_named_with_a_reason(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    touch(folder / "a.jpg", folder / "notes.txt", folder / "clean" / "a.jpg.psd", folder / ".DS_Store")
    (folder / "b.gif").write_bytes(b"GIF89a")
    assert left_out([folder], folder / "clean") == [
        LeftOut(folder / "b.gif", "It is a GIF."),
        LeftOut(folder / "notes.txt", "It is no photo."),
    ]
    (folder / "c.dng").touch()
    assert len(left_out([folder], folder / "clean")) == 3
    assert len(left_out([folder], folder / "clean", developed="tiff")) == 2
