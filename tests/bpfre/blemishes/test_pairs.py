from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from bpfre.blemishes.pairs import PairJob, plan_pairs, write_pairs
from bpfre.blemishes.synthesis import MAP_STEP, SynthesisSettings
from bpfre.errors import UsageError
from bpfre.faces import Face
from bpfre.faces.template import template


class Finder:
    """A detector that finds faces where it is told to."""

    name = "told"

    def __init__(self, *offsets: tuple[float, float], scale: float = 1.0) -> None:
        self.faces = [
            Face(
                box=np.array([130, 130, 380, 470], np.float32) * scale + np.tile(offset, 2).astype(np.float32),
                landmarks=(template(512) * scale + offset).astype(np.float32),
                score=1.0,
            )
            for offset in offsets
        ]

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        return [self.faces for _ in images]


@pytest.fixture
def photo(tmp_path: Path, make_skin: Callable) -> Path:
    path = tmp_path / "in" / "day" / "me.png"
    path.parent.mkdir(parents=True)
    Image.fromarray((make_skin("medium", 512, texture=0.015) * 255).astype(np.uint8)).save(path)
    return path


def read(path: Path) -> np.ndarray:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert pixels is not None, path
    return pixels


def names(out: Path) -> list[str]:
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())


def jobs_of(*paths: Path, root: Path, out: Path) -> list[PairJob]:
    return plan_pairs([(path, path.relative_to(root)) for path in paths], out)


def test_one_face_one_pair(photo: Path, tmp_path: Path) -> None:
    out, before = tmp_path / "pairs", photo.read_bytes()
    jobs = jobs_of(photo, root=tmp_path / "in", out=out)
    (result,) = write_pairs(jobs, out, SynthesisSettings(), Finder((0, 0)))
    assert (result.faces, result.refused, result.reason) == (1, [], "")
    assert names(out) == [f"{folder}/day/me.png" for folder in ("map", "raw", "retouched")]
    raw, target, size = (read(out / folder / "day" / "me.png") for folder in ("raw", "retouched", "map"))
    assert raw.shape == target.shape == (512, 512, 3) and raw.dtype == np.uint8
    assert size.dtype == np.uint16 and np.array_equal(size, MAP_STEP * np.abs(raw.astype(int) - target).sum(axis=2))
    assert photo.read_bytes() == before


def test_faces_and_drawings_are_numbered(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "pairs"
    finder, jobs = Finder((0, 0), (8, 4), (5000, 0)), jobs_of(photo, root=tmp_path / "in", out=out)
    (result,) = write_pairs(jobs, out, SynthesisSettings(), finder, size=128, variants=2)
    assert result.faces == 2 and len(result.refused) == 1 and "outside" in result.refused[0]
    assert [str(name) for name in result.pairs] == [f"day/me_{face}-{v}.png" for face in (1, 2) for v in (1, 2)]
    first, second = (read(out / "raw" / name) for name in result.pairs[:2])
    assert first.shape == (128, 128, 3) and not np.array_equal(first, second)
    assert np.array_equal(*(read(out / "raw" / name)[:10] for name in result.pairs[:2]))


def test_seed_and_name_alone_decide(photo: Path, tmp_path: Path) -> None:
    other = photo.with_name("another.png")
    other.write_bytes(photo.read_bytes())
    root, settings = tmp_path / "in", SynthesisSettings(source="drawn")

    def run(*photos: Path, seed: int, out: str) -> dict[str, bytes]:
        jobs = jobs_of(*photos, root=root, out=tmp_path / out)
        list(write_pairs(jobs, tmp_path / out, settings, Finder((0, 0)), size=128, seed=seed))
        return {name: (tmp_path / out / name).read_bytes() for name in names(tmp_path / out)}

    both, alone, third = (
        run(other, photo, seed=3, out="a"),
        run(photo, seed=3, out="b"),
        run(photo, seed=4, out="c"),
    )
    assert alone == {name: data for name, data in both.items() if name.endswith("me.png")}
    assert both["raw/day/another.png"] != both["raw/day/me.png"]
    assert third["raw/day/me.png"] != alone["raw/day/me.png"]


def test_a_broken_photo_is_told_and_the_rest_goes_on(photo: Path, tmp_path: Path) -> None:
    broken, out = photo.with_name("broken.jpg"), tmp_path / "pairs"
    broken.write_text("milk")
    jobs = jobs_of(broken, photo, root=tmp_path / "in", out=out)
    bad, good = write_pairs(jobs, out, SynthesisSettings(), Finder((0, 0)), size=128)
    assert "broken.jpg is not a photo" in bad.reason and not bad.pairs
    assert not good.reason and len(good.pairs) == 1


def test_small_faces_are_refused(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "pairs"
    jobs = jobs_of(photo, root=tmp_path / "in", out=out)
    (result,) = write_pairs(jobs, out, SynthesisSettings(), Finder((100, 100), scale=0.2), min_face=80)
    assert result.refused == ["The face is 68 px large, less than 80 px."] and names(out) == []


def test_a_full_disk_leaves_no_half_pair(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "pairs"
    (out / "retouched").mkdir(parents=True)
    (out / "retouched" / "day").write_text("a file where a folder has to be")
    (result,) = write_pairs(
        [PairJob(photo, jobs_of(photo, root=tmp_path / "in", out=tmp_path / "x")[0].name)],
        out,
        SynthesisSettings(),
        Finder((0, 0)),
        size=128,
    )
    assert "cannot be written" in result.reason and not (out / "raw").exists()


def test_photos_that_differ_by_suffix_keep_it_in_the_name(tmp_path: Path) -> None:
    photos = [(tmp_path / name, Path(name)) for name in ("a.jpg", "a.png", "b.jpg", "sub/a.jpg")]
    jobs = plan_pairs(photos, tmp_path / "out")
    assert [str(job.name) for job in jobs] == ["a_jpg", "a_png", "b", "sub/a"]


def test_existing_pairs_are_not_replaced_unasked(photo: Path, tmp_path: Path) -> None:
    out, found = tmp_path / "pairs", [(photo, Path("me.png"))]
    (out / "raw").mkdir(parents=True)
    plan_pairs(found, out)
    (out / "raw" / "other.png").write_bytes(b"mine")
    with pytest.raises(UsageError, match="There are pairs in"):
        plan_pairs(found, out)
    assert len(plan_pairs(found, out, overwrite=True)) == 1


def test_photos_among_the_pairs_are_refused(photo: Path) -> None:
    pairs = photo.parent
    raw = pairs / "raw" / "x.png"
    with pytest.raises(UsageError, match="lies among the pairs"):
        plan_pairs([(raw, Path("x.png"))], pairs, overwrite=True)
