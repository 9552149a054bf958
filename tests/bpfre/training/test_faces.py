from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from bpfre.blemishes import Mark, draw_marks
from bpfre.errors import DataError
from bpfre.faces import Face, FaceDetector, open_detector
from bpfre.training import load_pairs, load_unpaired, read_patterns
from bpfre.training.faces import CROP, held_out, pair_folders

Write = Callable[[Path, np.ndarray], Path]


class Counting:
    """Hands calls on to a detector and counts them."""

    name = "counting"

    def __init__(self, detector: FaceDetector) -> None:
        self.detector, self.calls = detector, 0

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        self.calls += 1
        return self.detector.detect(images)


class Listener:
    """Remembers what it was told of each photo."""

    def __init__(self) -> None:
        self.reasons: dict[str, str | None] = {}

    def __call__(self, path: Path, reason: str | None) -> None:
        assert path.name not in self.reasons
        self.reasons[path.name] = reason


def same(a: Any, b: Any) -> bool:
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))


# Hold-out lists


def test_patterns_come_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "holdout.txt"
    path.write_text("# kept for the test\nlondon/01*.jpg\n\n  *.png   # all of them\n", encoding="utf-8")
    assert read_patterns(path) == ("london/01*.jpg", "*.png")
    assert read_patterns(None) == ()


@pytest.mark.parametrize("fault", ["missing", "folder", "binary"])
def test_a_list_that_cannot_be_read_is_refused(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "holdout.txt"
    if fault == "folder":
        path.mkdir()
    elif fault == "binary":
        path.write_bytes(b"\xff\xfe\x80")
    with pytest.raises(DataError) as caught:
        read_patterns(path)
    assert "holdout.txt" in caught.value.message and caught.value.next_step


@pytest.mark.parametrize(
    ("relative", "patterns", "expected"),
    [
        ("a.jpg", (), False),
        ("a.jpg", ("a.jpg",), True),
        ("sub/a.jpg", ("a.jpg",), False),
        ("sub/a.jpg", ("sub/*",), True),
        ("sub/deep/a.jpg", ("sub/*",), True),
        ("sub/a.jpg", ("b*", "*/a.*"), True),
        ("012.jpg", ("01[0-2].jpg",), True),
        ("013.jpg", ("01[0-2].jpg",), False),
    ],
)
def test_held_out_matches_the_path_below_the_folder(relative: str, patterns: tuple[str, ...], expected: bool) -> None:
    assert held_out(Path(relative), patterns) is expected


# Pairs


@pytest.mark.parametrize(
    ("raw", "retouched"),
    [("raw", "retouched"), ("source", "target"), ("input", "gt"), ("FFHQ", "ffhqr"), ("images1024x1024", "Retouched")],
)
def test_finds_both_sides_by_name(tmp_path: Path, raw: str, retouched: str) -> None:
    for name in (raw, retouched, "notes"):
        (tmp_path / name).mkdir()
    assert pair_folders(tmp_path) == (tmp_path / raw, tmp_path / retouched)


@pytest.mark.parametrize("there", [(), ("raw",), ("retouched",), ("left", "right")])
def test_a_folder_without_both_sides_is_refused(tmp_path: Path, there: tuple[str, ...]) -> None:
    for name in there:
        (tmp_path / name).mkdir()
    (tmp_path / "target").write_text("a file is no folder")
    with pytest.raises(DataError) as caught:
        pair_folders(tmp_path)
    assert "raw" in caught.value.next_step and "retouched" in caught.value.next_step


def test_a_missing_folder_holds_no_pairs(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        pair_folders(tmp_path / "nowhere")


@pytest.fixture
def pairs(tmp_path: Path, portrait: np.ndarray, write_picture: Write) -> Path:
    """Two pairs of square crops, one of them under different suffixes, and a raw photo without its other half."""
    root = tmp_path / "pairs"
    crop = portrait[:300, 80:380]
    for name in ("a.png", "sub/b.png", "c.png"):
        write_picture(root / "raw" / name, crop)
    blurred = cv2.GaussianBlur(crop, (0, 0), 3)
    write_picture(root / "retouched" / "a.png", blurred)
    write_picture(root / "retouched" / "sub" / "b.tif", blurred)
    return root


def test_square_pairs_need_no_detector(
    pairs: Path, tmp_path: Path, portrait: np.ndarray, never_called: FaceDetector
) -> None:
    listener = Listener()
    faces = load_pairs(pairs, never_called, tmp_path / "cache", on_photo=listener)
    assert listener.reasons == {"a.png": None, "b.png": None, "c.png": "no retouched photo of that name"}
    assert len(faces) == 2
    crop = portrait[:300, 80:380]
    for face in faces:
        assert face.paired and face.sharp
        assert face.raw.shape == face.target.shape == (CROP, CROP, 3) and face.raw.dtype == np.uint8
        assert face.skin.shape == (CROP, CROP) and face.skin.dtype == bool
        back = cv2.resize(face.raw, (300, 300), interpolation=cv2.INTER_AREA)
        assert np.abs(back.astype(int) - crop).mean() < 2, "the raw side is the photo"
        blurred = cv2.resize(face.target, (300, 300), interpolation=cv2.INTER_AREA)
        assert np.abs(blurred.astype(int) - cv2.GaussianBlur(crop, (0, 0), 3)).mean() < 2


def test_hold_out_applies_to_pairs(pairs: Path, tmp_path: Path, never_called: FaceDetector) -> None:
    listener = Listener()
    faces = load_pairs(pairs, never_called, tmp_path / "cache", exclude=("sub/*", "c.*"), on_photo=listener)
    assert len(faces) == 1 and listener.reasons == {"a.png": None}


def test_pairs_of_whole_photos_are_aligned_alike(tmp_path: Path, portrait: np.ndarray, write_picture: Write) -> None:
    class Fixed:
        name, calls = "fixed", 0

        def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
            self.calls += 1
            landmarks = [[204.1, 100.1], [246.8, 102.7], [224.5, 128.8], [201.5, 139.0], [244.8, 141.5]]
            box = np.array([178.6, 58.8, 267.8, 171.4], np.float32)
            return [[Face(box=box, landmarks=np.array(landmarks, np.float32), score=1.0)]]

    photo = portrait[:400]
    retouched = photo.copy()
    retouched[90:110, 215:235] = (255, 0, 0)  # between the eyes
    write_picture(tmp_path / "raw" / "a.png", photo)
    write_picture(tmp_path / "retouched" / "a.png", retouched)
    detector = Fixed()
    (face,) = load_pairs(tmp_path, detector, tmp_path / "cache")
    assert detector.calls == 1, "both sides are cut by the raw side's face"
    changed = (face.raw != face.target).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert 0.01 < changed.mean() < 0.1
    assert abs(columns.mean() - CROP / 2) < 40 and abs(rows.mean() - 300) < 60


def test_pairs_that_differ_in_size_are_left_out(
    pairs: Path, tmp_path: Path, portrait: np.ndarray, write_picture: Write, never_called: FaceDetector
) -> None:
    write_picture(pairs / "retouched" / "c.png", portrait[:200, :200])
    listener = Listener()
    assert len(load_pairs(pairs, never_called, tmp_path / "cache", on_photo=listener)) == 2
    assert "differ in size" in str(listener.reasons["c.png"])


def test_no_pair_at_all_is_refused(
    tmp_path: Path, portrait: np.ndarray, write_picture: Write, never_called: FaceDetector
) -> None:
    write_picture(tmp_path / "raw" / "a.png", portrait)
    write_picture(tmp_path / "retouched" / "b.png", portrait)
    with pytest.raises(DataError) as caught:
        load_pairs(tmp_path, never_called, tmp_path / "cache")
    assert "names" in caught.value.next_step


# Unpaired photos


@pytest.fixture
def wild(tmp_path: Path, portrait: np.ndarray, write_picture: Write) -> Path:
    """A portrait, a broken file and a picture without a face."""
    root = tmp_path / "wild"
    write_picture(root / "portrait.png", portrait)
    write_picture(root / "wall.png", np.full((200, 300, 3), 128, np.uint8))
    (root / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off here")
    return root


def test_real_photos_are_prepared_once(wild: Path, tmp_path: Path) -> None:
    detector, listener = Counting(open_detector("mtcnn")), Listener()
    (face,) = load_unpaired([wild], detector, tmp_path / "cache", on_photo=listener)
    assert listener.reasons["portrait.png"] is None
    assert "broken.jpg" in str(listener.reasons["broken.jpg"])
    assert "No face" in str(listener.reasons["wall.png"])
    assert detector.calls == 2
    assert not face.paired and not face.sharp, "the face is small in its photo"
    assert np.array_equal(face.raw, face.target), "and so it is left alone"
    assert 0.05 < face.skin.mean() < 0.3

    (wild / "wall.png").unlink()
    (again,) = load_unpaired([wild], detector, tmp_path / "cache")
    assert detector.calls == 2, "the second run reads the cache"
    assert same(face, again)


def test_hold_out_applies_to_photos(wild: Path, tmp_path: Path, never_called: FaceDetector) -> None:
    listener = Listener()
    assert load_unpaired([wild], never_called, tmp_path / "cache", exclude=("*.png",), on_photo=listener) == []
    assert set(listener.reasons) == {"broken.jpg"}


def test_a_photo_that_may_not_be_read_is_left_out(
    wild: Path, tmp_path: Path, known_face: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Path.read_bytes

    def read(self: Path) -> bytes:
        if self.name == "wall.png":
            raise PermissionError(13, "Permission denied")
        return original(self)

    monkeypatch.setattr(Path, "read_bytes", read)
    listener = Listener()
    assert len(load_unpaired([wild], known_face, tmp_path / "cache", on_photo=listener)) == 1
    assert "Permission denied" in str(listener.reasons["wall.png"])


@pytest.mark.parametrize("damage", [b"", b"no archive", None])
def test_a_damaged_cache_is_made_again(wild: Path, tmp_path: Path, known_face: Any, damage: bytes | None) -> None:
    (face,) = load_unpaired([wild], known_face, tmp_path / "cache")
    (stored,) = (tmp_path / "cache").iterdir()
    stored.write_bytes(stored.read_bytes()[:5000] if damage is None else damage)
    (again,) = load_unpaired([wild], known_face, tmp_path / "cache")
    assert same(face, again)
    known_face.calls = 0
    (wild / "wall.png").unlink()
    load_unpaired([wild], known_face, tmp_path / "cache")
    assert known_face.calls == 0, "and is sound again"


def test_another_photo_under_the_same_name_is_prepared_anew(
    wild: Path, tmp_path: Path, known_face: Any, portrait: np.ndarray, write_picture: Write
) -> None:
    (face,) = load_unpaired([wild], known_face, tmp_path / "cache")
    write_picture(wild / "portrait.png", portrait // 2)
    (darker,) = load_unpaired([wild], known_face, tmp_path / "cache")
    assert darker.raw.mean() < 0.6 * face.raw.mean()


@pytest.fixture
def close_up(tmp_path: Path, portrait: np.ndarray, write_picture: Write) -> Path:
    """The portrait enlarged, its cheeks with pimples drawn on."""
    large = cv2.resize(portrait, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
    pimples = [
        Mark(
            kind="pimple",
            x=4 * x,
            y=4 * y,
            radius=4.0,
            haemoglobin=0.45,
            melanin=0.05,
            edge=0.5,
            waves=((0.0, 0.0),) * 3,
            aspect=1.0,
            angle=0.0,
        )
        for x, y in ((201.0, 124.0), (246.0, 127.0), (224.0, 84.0))
    ]
    spotted = draw_marks(large, pimples)
    write_picture(tmp_path / "close" / "face.png", np.rint(spotted * 255).astype(np.uint8))
    return tmp_path / "close"


def test_large_faces_get_a_healed_target(
    close_up: Path, tmp_path: Path, known_face: Any, portrait: np.ndarray, write_picture: Write
) -> None:
    (face,) = load_unpaired([close_up], known_face, tmp_path / "cache")
    assert face.sharp and not face.paired
    changed = (face.raw != face.target).any(axis=2)
    assert 0 < changed.mean() < 0.05
    near = cv2.dilate(face.skin.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    assert not changed[~near].any(), "only skin is healed"
    shutil.rmtree(close_up)
    write_picture(close_up / "face.png", cv2.resize(portrait, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC))
    (clean,) = load_unpaired([close_up], known_face, tmp_path / "cache")
    pimple = np.abs(face.raw.astype(int) - clean.raw).max(axis=2) > 8
    left = np.abs(face.target.astype(int) - clean.raw)[pimple].mean()
    assert pimple.sum() > 100
    assert left < 0.75 * np.abs(face.raw.astype(int) - clean.raw)[pimple].mean(), "the pimples fade"


def test_hand_placed_landmarks_decide_the_skin(close_up: Path, tmp_path: Path, known_face: Any) -> None:
    (estimated,) = load_unpaired([close_up], known_face, tmp_path / "cache")
    angle = np.linspace(0, 2 * np.pi, 189)
    points = np.c_[900 + 250 * np.cos(angle), 450 + 300 * np.sin(angle)]
    lines = ["189", *(f"{x:.2f} {y:.2f}" for x, y in points)]
    (close_up / "face.tem").write_text("\n".join(lines))
    (placed,) = load_unpaired([close_up], known_face, tmp_path / "cache")
    assert not np.array_equal(placed.skin, estimated.skin), "the cache notices new landmarks"
    (close_up / "face.tem").write_text("nonsense")
    listener = Listener()
    assert load_unpaired([close_up], known_face, tmp_path / "cache", on_photo=listener) == []
    assert "face.tem" in str(listener.reasons["face.png"])
