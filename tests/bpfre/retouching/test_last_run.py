"""The last run in a folder is found again, and a bad note does no harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bpfre.retouching import LastRun, RetouchSettings, jobs_of, recall, remember
from bpfre.retouching.settings import Developed


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a photo and its result."""
    folder = tmp_path / "here"
    for name in ("photos/day/ä.jpg", "photos/new.jpg", "clean/day/ä.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"photo")
    monkeypatch.setenv("BPFRE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(folder)
    return folder


def run(**settings: object) -> LastRun:
    return LastRun(inputs=(Path("photos"),), out=Path("clean"), settings=RetouchSettings(**settings))  # type: ignore[arg-type]


def notes(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "cache" / "runs").iterdir())


def test_what_was_noted_is_recalled_with_absolute_paths(here: Path) -> None:
    assert recall() is None
    remember(
        run(faces="largest", max_faces=2, min_score=0.5, min_face=60, detector="mtcnn", weights="mine/w.safetensors")
    )
    known = recall()
    assert known is not None
    assert known.inputs == (here / "photos",) and known.out == here / "clean" and known.recursive
    chosen = known.settings
    assert (chosen.faces, chosen.max_faces, chosen.min_score, chosen.min_face) == ("largest", 2, 0.5, 60)
    assert chosen.detector == "mtcnn" and chosen.weights == str(here / "mine" / "w.safetensors")


def test_shipped_weights_are_known_by_name() -> None:
    remember(run())
    known = recall()
    assert known is not None and known.settings.weights == "starter"


def test_each_folder_has_its_own_last_run(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(run(min_face=50))
    remember(run(min_face=70))
    monkeypatch.chdir(tmp_path)
    assert recall() is None
    monkeypatch.chdir(here)
    known = recall()
    assert known is not None and known.settings.min_face == 70 and len(notes(tmp_path)) == 1


def test_only_photos_with_a_result_are_shown(here: Path) -> None:
    remember(run())
    known = recall()
    assert known is not None
    assert [job.source for job in jobs_of(known)] == [here / "photos" / "day" / "ä.jpg"]
    (here / "photos").rename(here / "elsewhere")
    assert jobs_of(known) == []


def test_an_input_that_is_gone_does_not_hide_the_others(here: Path) -> None:
    (here / "clean" / "new.jpg").write_bytes(b"result")
    remember(LastRun(inputs=(Path("gone"), Path("photos/new.jpg")), out=Path("clean")))
    known = recall()
    assert known is not None and [job.source.name for job in jobs_of(known)] == ["new.jpg"]


@pytest.mark.parametrize(("developed", "result"), [("tiff", "b.dng.tif"), ("jpeg", "b.dng.jpg"), (None, None)])
def test_camera_raw_is_found_by_what_it_became(here: Path, developed: Developed | None, result: str | None) -> None:
    (here / "photos" / "b.dng").write_bytes(b"raw")
    for name in ("b.dng.tif", "b.dng.jpg"):
        (here / "clean" / name).write_bytes(b"result")
    remember(LastRun(inputs=(Path("photos"),), out=Path("clean"), developed=developed))
    known = recall()
    assert known is not None and known.developed == developed
    assert [job.destination.name for job in jobs_of(known) if job.source.suffix == ".dng"] == (
        [result] if result else []
    )


@pytest.mark.parametrize("change", [{"inputs": 3}, {"settings": {}}, {"settings": None}, {"out": None}, "text", [1]])
def test_a_note_that_cannot_be_read_is_none(tmp_path: Path, change: object) -> None:
    remember(run())
    [note] = notes(tmp_path)
    values = json.loads(note.read_text())
    note.write_text(json.dumps(values | change if isinstance(change, dict) else change))
    assert recall() is None
    note.write_bytes(b"{\xff")
    assert recall() is None


def test_settings_out_of_range_are_none(tmp_path: Path) -> None:
    remember(run())
    [note] = notes(tmp_path)
    values = json.loads(note.read_text())
    values["settings"]["min_face"] = -1
    note.write_text(json.dumps(values))
    assert recall() is None


def test_a_cache_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    remember(run())
    assert recall() is None
