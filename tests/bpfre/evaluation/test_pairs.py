"""Which pairs are measured, and what is cut out of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from bpfre.errors import DataError, UsageError
from bpfre.evaluation.methods import ResultsFolder
from bpfre.evaluation.pairs import PairReader, find_pairs
from bpfre.faces import Face, align
from bpfre.faces.template import template
from bpfre.photos import to_bytes
from bpfre.training.data.samples import Sample


class Finds:
    """Finds the portrait's face, at the place and size that it has there, in pictures that are no plain grey."""

    name = "finds"
    landmarks = np.array([[108.1, 100.1], [150.8, 102.7], [128.5, 128.8], [105.5, 139.0], [148.8, 141.5]], np.float32)

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        return [self._faces(image) for image in images]

    def _faces(self, image: np.ndarray) -> list[Face]:
        scale = image.shape[1] / 256
        landmarks = (self.landmarks + 0.5) * scale - 0.5
        box = np.array([82, 58, 172, 172], np.float32) * scale
        return [Face(box, landmarks.astype(np.float32), 1.0)] if image.std() > 5 else []


class Aligned:
    """Finds every face where aligned crops have it."""

    name = "aligned"

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        return [[Face(np.zeros(4, np.float32), template(len(image)).astype(np.float32), 1.0)] for image in images]


def write(path: Path, rgb: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), rgb[..., ::-1])


@pytest.fixture
def root(tmp_path: Path, portrait: np.ndarray) -> Path:
    """Two pairs of photos that are no aligned crops: one side brighter; one pair without a face."""
    brighter = np.clip(portrait.astype(int) + 20, 0, 255).astype(np.uint8)
    write(tmp_path / "raw" / "a.png", portrait)
    write(tmp_path / "retouched" / "a.png", brighter)
    grey = np.full((80, 100, 3), 120, np.uint8)
    write(tmp_path / "raw" / "b.png", grey)
    write(tmp_path / "retouched" / "b.png", grey)
    return tmp_path


def ffhqr(root: Path, numbers: Sequence[int]) -> Path:
    dot = np.full((8, 8, 3), 90, np.uint8)
    for number in numbers:
        for side in ("images1024x1024", "ffhqr"):
            write(root / side / f"{number // 1000 * 1000:05d}" / f"{number:05d}.png", dot)
    return root


def names(samples: Sequence[Sample]) -> list[str]:
    return [sample.name for sample in samples]


def test_ffhqrs_test_part_is_taken_by_itself(tmp_path: Path) -> None:
    found = find_pairs([ffhqr(tmp_path, (3, 55999, 56000, 62999, 63000, 69999))])
    assert names(found.samples) == ["63000/63000.png", "69000/69999.png"]
    assert "The test part is measured: 2 of 6 pairs." in found.about


@pytest.mark.parametrize(
    ("split", "expected"),
    [("train", ["00000/00003.png", "55000/55999.png"]), ("validation", ["56000/56000.png"])],
)
def test_other_parts_can_be_named(tmp_path: Path, split, expected: list[str]) -> None:
    found = find_pairs([ffhqr(tmp_path, (3, 55999, 56000, 63000))], split=split)
    assert names(found.samples) == expected
    assert len(find_pairs([tmp_path], split="all").samples) == 4


def test_a_folder_without_a_split_is_measured_whole(root: Path) -> None:
    found = find_pairs([root])
    assert names(found.samples) == ["a.png", "b.png"]
    assert found.about[-1] == "No split is known: all 2 pairs are measured."
    with pytest.raises(DataError, match="None of the 2 pairs is in the test part"):
        find_pairs([root], split="test")


def test_a_table_says_its_split(root: Path) -> None:
    table = root / "pairs.csv"
    table.write_text("raw,retouched,split\nraw/a.png,retouched/a.png,train\nraw/b.png,retouched/b.png,val\n")
    assert names(find_pairs([table]).samples) == ["raw/b.png"]


def test_a_limit_takes_the_same_pairs_always(tmp_path: Path) -> None:
    folder = ffhqr(tmp_path, range(100, 130))
    few = find_pairs([folder], limit=5)
    assert len(few.samples) == 5 and "The limit leaves 5 of these 30." in few.about[-1]
    assert set(names(few.samples)) < set(names(find_pairs([folder], limit=9).samples))
    assert names(few.samples) == sorted(names(few.samples))


def test_two_folders_are_pairs(root: Path) -> None:
    assert len(find_pairs([root / "raw", root / "retouched"]).samples) == 2


def test_whole_photos_are_as_on_disk(root: Path, portrait: np.ndarray) -> None:
    samples = find_pairs([root]).samples
    pair = PairReader(samples, None, Finds()).read(samples[0])
    assert np.array_equal(pair.raw, portrait) and pair.target.mean() > portrait.mean()
    assert pair.face is not None and np.allclose(pair.face.landmarks, Finds.landmarks, atol=0.01)
    assert PairReader(samples, None, Finds()).read(samples[1]).face is None


def test_photos_are_cut_by_the_face_of_the_raw_side(root: Path, portrait: np.ndarray) -> None:
    samples = find_pairs([root]).samples
    reader = PairReader(samples, 96, Finds())
    pair = reader.read(samples[0])
    face = Finds().detect([portrait])[0][0]
    assert np.array_equal(pair.raw, to_bytes(align(portrait, face, size=96).pixels))
    assert pair.target.shape == (96, 96, 3) and pair.target.mean() > pair.raw.mean() + 5
    assert pair.face is not None and np.allclose(pair.face.landmarks, template(96), atol=1e-3)
    with pytest.raises(DataError, match="No face was found"):
        reader.read(samples[1])


def test_aligned_photos_are_shrunk_as_they_are(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
    for side in ("raw", "retouched"):
        write(tmp_path / side / "a.png", pixels)
    samples = find_pairs([tmp_path]).samples
    pair = PairReader(samples, 64, Aligned()).read(samples[0])
    assert np.array_equal(pair.raw, cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_AREA))
    assert np.array_equal(PairReader(samples, 128, Aligned()).read(samples[0]).raw, pixels)
    with pytest.raises(DataError, match="only 128 px"):
        PairReader(samples, 256, Aligned()).read(samples[0])


def test_crops_too_small_for_the_metrics_are_refused(root: Path) -> None:
    with pytest.raises(UsageError, match="too small"):
        PairReader(find_pairs([root]).samples, 32, Finds())


@pytest.mark.parametrize("size", [None, 96])
def test_results_of_others_are_brought_to_the_same_place(
    root: Path, tmp_path: Path, portrait: np.ndarray, size: int | None
) -> None:
    write(
        tmp_path / "other" / "deep" / "a.png", cv2.resize(portrait, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    )
    write(tmp_path / "small" / "a.png", portrait[::2, ::2])
    samples = find_pairs([root]).samples
    pair = PairReader(samples, size, Finds()).read(samples[0])
    result = ResultsFolder(tmp_path / "other").result(pair)
    assert np.array_equal(result, pair.raw)
    with pytest.raises(DataError, match="128 x 128 px cannot be compared with one of 256 x 256"):
        ResultsFolder(tmp_path / "small").result(pair)


def test_results_are_found_by_path_then_by_name(tmp_path: Path, portrait: np.ndarray) -> None:
    for folder, shade in (("x", 10), ("y", 30)):
        for side in ("raw", "retouched"):
            write(tmp_path / side / folder / "1.png", portrait)
        write(tmp_path / "other" / folder / "1.tif", np.full_like(portrait, shade))
    write(tmp_path / "flat" / "2.png", portrait)
    samples = find_pairs([tmp_path]).samples
    reader = PairReader(samples, None, Finds())
    pairs = [reader.read(sample) for sample in samples]
    other = ResultsFolder(tmp_path / "other")
    assert [int(other.result(pair)[0, 0, 0]) for pair in pairs] == [10, 30]
    with pytest.raises(DataError, match=r"holds no result for x/1\.png"):
        ResultsFolder(tmp_path / "flat").result(pairs[0])
