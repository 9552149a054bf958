from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from bpfre.errors import BpfreError
from bpfre.faces import Face, open_detector
from bpfre.faces.template import template
from bpfre.training.data import aligned as aligned_module
from bpfre.training.data.aligned import AlignedFace, aligned_samples, is_sharp
from bpfre.training.data.faces import Kind
from bpfre.training.data.samples import Sample

Write = Callable[[Path, np.ndarray], Path]
Find = Callable[[Path], Face | None]


def sample(raw: Path, kind: Kind = "raw", retouched: Path | None = None) -> Sample:
    return Sample(raw.name, kind, raw, retouched, raw.parent)


def finder(shifts: dict[str, float | None], side: int = 64) -> Find:
    """Faces by file name: moved off the template by a share of the side, or none."""

    def find(path: Path) -> Face | None:
        shift = shifts[path.name]
        if shift is None:
            return None
        return Face(box=np.array([9, 9, 50, 60.0]), landmarks=template(side) + shift * side, score=1.0)

    return find


@pytest.fixture
def squares(tmp_path: Path, write_picture: Write) -> list[Path]:
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    return [write_picture(tmp_path / f"{i}.png", picture) for i in range(8)]


def shifts(*values: float | None) -> dict[str, float | None]:
    return {f"{i}.png": value for i, value in enumerate(values)}


@pytest.mark.parametrize("kind", ["raw", "pair"])
def test_square_photos_with_faces_on_the_template_are_aligned(squares: list[Path], kind: Kind) -> None:
    samples = [sample(path, kind, path) for path in squares]
    aligned, side = aligned_samples(samples, finder(shifts(*[0.02] * 6, 0.2, 0.2)))
    assert aligned == set(samples) and side == 64, "the folder decides for all"


@pytest.mark.parametrize("kind", ["raw", "pair"])
def test_square_photos_with_faces_elsewhere_are_not(squares: list[Path], kind: Kind) -> None:
    samples = [sample(path, kind, path) for path in squares]
    assert aligned_samples(samples, finder(shifts(*[0.01] * 5, 0.06, 0.06, 0.06)))[0] == set()


def test_single_photos_without_a_face_are_left_to_the_detector_pairs_are_not(squares: list[Path]) -> None:
    find = finder(shifts(*[0.01] * 7, None))
    photos = [sample(path) for path in squares]
    assert aligned_samples(photos, find)[0] == set(photos[:7])
    pairs = [sample(path, "pair", path) for path in squares]
    assert aligned_samples(pairs, find)[0] == set(pairs)


def test_where_the_detector_sees_hardly_any_face_pairs_are_trusted_and_photos_are_not(squares: list[Path]) -> None:
    find = finder(shifts(0.3, *[None] * 7))
    pairs = [sample(path, "pair", path) for path in squares]
    assert aligned_samples(pairs, find)[0] == set(pairs)
    assert aligned_samples([sample(path) for path in squares], find)[0] == set()


def test_photos_that_are_not_square_are_no_candidates(squares: list[Path], write_picture: Write) -> None:
    write_picture(squares[0], np.zeros((64, 70, 3), np.uint8))
    squares[1].write_bytes(b"broken")
    write_picture(squares[3].with_name("other.png"), np.zeros((64, 70, 3), np.uint8))
    samples = [sample(path, "pair", path) for path in squares]
    samples[2] = sample(squares[2], "pair", squares[3].with_name("other.png"))
    aligned, _ = aligned_samples(samples, finder(shifts(*[0.01] * 8)))
    assert aligned == set(samples[3:])
    assert aligned_samples(samples[:3], finder({}))[0] == set()


@pytest.mark.parametrize(
    ("folder", "names", "expected"),
    [
        ("wild/00000", "{:05d}.png", True),
        ("wild/03000", "{:05d}.png", False),
        ("images1024x1024", "{:05d}.png", True),
        ("FFHQ", "{:05d}.png", True),
        ("wild", "{:05d}.png", False),
        ("ffhq", "a{}.png", False),
    ],
)
def test_ffhqs_layout_needs_no_detector(
    tmp_path: Path, write_picture: Write, folder: str, names: str, expected: bool
) -> None:
    paths = [write_picture(tmp_path / folder / names.format(i), np.zeros((64, 64, 3), np.uint8)) for i in range(3)]
    samples = [sample(path) for path in paths]
    asked: list[Path] = []

    def find(path: Path) -> None:
        asked.append(path)

    assert aligned_samples(samples, find)[0] == (set(samples) if expected else set())
    assert bool(asked) is not expected


def test_in_the_wild_photos_in_ffhqs_layout_are_not_aligned(tmp_path: Path, write_picture: Write) -> None:
    paths = [write_picture(tmp_path / f"00000/{i:05d}.png", np.zeros((64, 90, 3), np.uint8)) for i in range(3)]
    assert aligned_samples([sample(path) for path in paths], finder({}))[0] == set()


def test_of_large_folders_a_part_is_looked_at(squares: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aligned_module, "FEW", 3)
    asked: list[str] = []

    def find(path: Path) -> Face | None:
        asked.append(path.name)
        return finder(shifts(*[0.01] * 8))(path)

    samples = [sample(path) for path in squares]
    assert aligned_samples(samples, find)[0] == set(samples)
    assert len(asked) == 3
    first = list(asked)
    aligned_samples(samples[::-1], find)
    assert asked[3:] == first, "which ones does not depend on the order"


def test_a_large_folder_that_is_not_all_square_is_looked_at_whole(
    squares: list[Path], write_picture: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aligned_module, "FEW", 3)
    samples = [sample(path) for path in squares]
    asked: list[str] = []
    aligned_samples(samples, lambda path: asked.append(path.name))
    for name in (asked[0], next(path.name for path in squares if path.name not in asked)):
        write_picture(squares[0].with_name(name), np.zeros((64, 90, 3), np.uint8))
    aligned, _ = aligned_samples(samples, finder(shifts(*[0.01] * 8)))
    assert len(aligned) == 6


def test_large_photos_are_sharp() -> None:
    assert is_sharp(1024, 640) and is_sharp(512, 640) and not is_sharp(256, 640) and is_sharp(64, 80)


def test_a_real_detector_tells_an_aligned_crop_from_a_portrait(
    tmp_path: Path, portrait: np.ndarray, crop: np.ndarray, write_picture: Write
) -> None:
    detector = open_detector("mtcnn")

    def find(path: Path) -> Face | None:
        faces = detector.detect([np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])])[0]
        return faces[0] if faces else None

    large = cv2.resize(crop, (384, 384), interpolation=cv2.INTER_CUBIC)
    crops = [sample(write_picture(tmp_path / "crops" / "a.png", large))]
    whole = [sample(write_picture(tmp_path / "whole" / "a.png", portrait))]
    assert aligned_samples(crops, find)[0] == set(crops)
    assert aligned_samples(whole, find)[0] == set()


# Handles


def test_handles_read_their_files_when_asked_and_hold_no_pixels(
    tmp_path: Path, crop: np.ndarray, healed: np.ndarray, write_picture: Write
) -> None:
    raw, retouched = write_picture(tmp_path / "a.png", crop), write_picture(tmp_path / "b.png", healed)
    handle = AlignedFace(Sample("sub/a.png", "pair", raw, retouched, tmp_path), 160, True, None)
    assert (handle.name, handle.kind, handle.sharp) == ("sub/a.png", "pair", True)
    face = handle.load()
    assert np.array_equal(face.raw, handle.load().raw) and face.raw.shape == (160, 160, 3)
    assert (face.raw != face.target).any()
    assert len(pickle.dumps(handle)) < 1500
    write_picture(raw, healed)
    assert np.array_equal(handle.load().raw, face.target), "nothing is kept"
    retouched.unlink()
    with pytest.raises(BpfreError):
        handle.load()


def test_raw_faces_are_healed_once(tmp_path: Path, crop: np.ndarray, write_picture: Write) -> None:
    raw = write_picture(tmp_path / "a.png", crop)
    handle = AlignedFace(Sample("a.png", "raw", raw, None, tmp_path), 160, True, tmp_path / "cache" / "healed.npz")
    assert not (tmp_path / "cache").exists()
    face = handle.load()
    raw.unlink()
    again = handle.load()
    assert np.array_equal(again.raw, face.raw) and np.array_equal(again.target, face.target)


FACES = Path(__file__).parents[5] / "shared" / "faces"


@pytest.mark.skipif(not FACES.is_dir(), reason="needs the photographs of ../shared/faces")
def test_square_studio_portraits_are_not_aligned_and_crops_of_them_are(tmp_path: Path, write_picture: Write) -> None:
    from bpfre.faces import align
    from bpfre.photos import read_photo, rgb8

    detector = open_detector("mtcnn")

    def find(path: Path) -> Face | None:
        faces = detector.detect([rgb8(read_photo(path))])[0]
        return faces[0] if faces else None

    portraits = [sample(path) for path in sorted((FACES / "london" / "neutral").glob("*.jpg"))[:5]]
    assert aligned_samples(portraits, find) == (set(), 0.0)
    crops = []
    for portrait in portraits:
        face = find(portrait.photo)
        assert face is not None
        pixels = align(read_photo(portrait.photo).rgb, face, size=512).pixels
        crops.append(sample(write_picture(tmp_path / portrait.name, np.rint(pixels * 255).astype(np.uint8))))
    assert aligned_samples(crops, find) == (set(crops), 512)
