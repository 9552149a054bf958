"""Finding photos: what counts, in which order, and what is said when nothing does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bpfre.errors import UsageError
from bpfre.photos import RAW_SUFFIXES, SUFFIXES, FoundPhoto, find_others, find_photos
from bpfre.photos.signature import describe


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    photos = ("b.JPG", "a.png", "sub/c.TIFF", "sub/deep/d.webp")
    others = ("sub/notes.txt", ".hidden.jpg", ".cache/e.jpg", "Thumbs.db")
    for name in (*photos, *others):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (root / "folder.jpg").mkdir()
    return root


def relatives(found: list[FoundPhoto]) -> list[str]:
    return [photo.relative.as_posix() for photo in found]


def test_photos_of_all_folders_sorted(folder: Path) -> None:
    found = find_photos([folder])
    assert relatives(found) == ["a.png", "b.JPG", "sub/c.TIFF", "sub/deep/d.webp"]
    assert [photo.path for photo in found] == [folder / photo.relative for photo in found]


def test_not_recursive(folder: Path) -> None:
    assert relatives(find_photos([folder], recursive=False)) == ["a.png", "b.JPG"]


def test_every_suffix_in_any_case(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        (tmp_path / f"a{suffix}").write_bytes(b"")
        (tmp_path / f"B{suffix.upper()}").write_bytes(b"")
    assert len(find_photos([tmp_path])) == 2 * len(SUFFIXES) == 24


def test_files_by_name_and_folders_together(folder: Path) -> None:
    found = find_photos([folder / "sub" / "c.TIFF", folder / "sub", folder / ".hidden.jpg"])
    assert relatives(found) == [".hidden.jpg", "c.TIFF", "deep/d.webp"]  # c.TIFF once, as it was given first


def test_links_lead_to_each_file_once(folder: Path) -> None:
    try:
        (folder / "sub" / "round").symlink_to(folder, target_is_directory=True)
        (folder / "again.jpg").symlink_to(folder / "b.JPG")  # comes before it by name
        (folder / "broken.jpg").symlink_to(folder / "gone.jpg")
    except OSError:
        pytest.skip("links need rights on this system")
    found = find_photos([folder])
    assert len(found) == 4
    assert len({photo.path.resolve() for photo in found}) == 4
    assert not any(photo.path.is_symlink() for photo in found)


def test_linked_folders_are_followed(folder: Path, tmp_path: Path) -> None:
    try:
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "linked").symlink_to(folder / "sub", target_is_directory=True)
    except OSError:
        pytest.skip("links need rights on this system")
    assert relatives(find_photos([tmp_path / "other"])) == ["linked/c.TIFF", "linked/deep/d.webp"]


def test_pipes_are_no_photos(folder: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes on this system")
    os.mkfifo(folder / "pipe.jpg")
    assert "pipe.jpg" not in relatives(find_photos([folder]))


@pytest.mark.parametrize("name", ["gone", "gone.jpg", "sub/notes.txt"])
def test_wrong_inputs(name: str, folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find_photos([folder, folder / name])
    assert Path(name).name in caught.value.message
    assert caught.value.next_step


def test_nothing_found_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"")
    with pytest.raises(UsageError, match="No photos"):
        find_photos([tmp_path])
    with pytest.raises(UsageError, match="No photos"):
        find_photos([])


def test_other_files_are_listed(folder: Path) -> None:
    assert find_others([folder]) == [folder / "Thumbs.db", folder / "sub" / "notes.txt"]
    assert find_others([folder], recursive=False) == [folder / "Thumbs.db"]
    assert find_others([folder / "a.png"]) == []


def test_raw_files_count_where_they_are_wanted(tmp_path: Path) -> None:
    for name in ("a.CR3", "b.nef", "c.jpg"):
        (tmp_path / name).write_bytes(b"")
    assert relatives(find_photos([tmp_path])) == ["c.jpg"]
    wanted = (*SUFFIXES, *RAW_SUFFIXES)
    assert relatives(find_photos([tmp_path], suffixes=wanted)) == ["a.CR3", "b.nef", "c.jpg"]
    assert find_others([tmp_path], suffixes=wanted) == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"GIF89a", "It is a GIF."),
        (b"8BPS", "It is a Photoshop document."),
        (b"\xff\xd8\xff\xe0", "It is a JPEG file, but its name does not say so."),
        (b"\0\0\0\x18ftypisom\0\0\0\0isom", "It is a film, or a picture of an unknown kind."),
        (b"Dear diary", "It is no photo."),
        (b"", "It is no photo."),
    ],
)
def test_other_files_are_told_by_content(content: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "x.dat"
    path.write_bytes(content)
    assert describe(path) == sentence


def test_a_file_that_vanished_is_said_so(tmp_path: Path) -> None:
    assert describe(tmp_path / "gone.gif") == "It cannot be opened: there is no such file."
