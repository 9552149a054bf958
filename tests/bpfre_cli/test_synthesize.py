"""`bpfre synthesize` from the command line to the files."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "photos"
FAST = ("--detector", "mtcnn", "--device", "cpu")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Both example portraits, one of them in a sub-folder, and a file that only has a photo's name."""
    root = tmp_path / "clean"
    (root / "day one").mkdir(parents=True)
    shutil.copy(EXAMPLES / "astronaut.jpg", root / "day one" / "a.jpg")
    shutil.copy(EXAMPLES / "grace_hopper_blemishes.jpg", root / "b.jpg")
    (root / "broken.jpg").write_text("Remember the milk.")
    return root


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read(path: Path) -> np.ndarray:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert pixels is not None, path
    return pixels


def test_folder_in_pairs_out(cli, photos: Path, tmp_path: Path) -> None:
    originals, out = files(photos), tmp_path / "pairs"
    ended = cli("synthesize", photos, "--out", out, *FAST)
    assert ended.code == 1, "a photo failed"
    assert f"{photos / 'broken.jpg'} failed. broken.jpg is not a photo." in ended.err and "Traceback" not in ended.err
    assert "3 photos" in ended.out and "mtcnn" in ended.out
    expected = {f"{side}/{name}" for side in ("raw", "retouched", "map") for name in ("day one/a.png", "b.png")}
    assert set(files(out)) == expected
    assert files(photos) == originals
    for name in ("day one/a.png", "b.png"):
        raw, target, size = (read(out / side / name) for side in ("raw", "retouched", "map"))
        assert raw.shape == target.shape == (512, 512, 3) and size.dtype == np.uint16
        assert np.array_equal(size, 85 * np.abs(raw.astype(int) - target).sum(axis=2))
        assert 0.002 < (size > 0).mean() < 0.2
        corners = np.r_[raw[:40].ravel(), raw[-20:].ravel()]
        assert np.array_equal(corners, np.r_[target[:40].ravel(), target[-20:].ravel()])


def test_the_pairs_are_what_training_looks_for(cli, photos: Path, tmp_path: Path) -> None:
    from bpfre.training.data.places import folder_of_pairs

    (photos / "broken.jpg").unlink()
    assert cli("synthesize", photos, "--out", tmp_path / "pairs", "--size", "128", *FAST).code == 0
    place = folder_of_pairs(tmp_path / "pairs", [])
    assert sorted(sample.name for sample in place.samples) == ["b.png", "day one/a.png"]
    assert {sample.kind for sample in place.samples} == {"pair"} and not place.skipped


def test_options_reach_the_pairs(cli, photos: Path, tmp_path: Path) -> None:
    (photos / "broken.jpg").unlink()
    common = (photos, "--size", "128", *FAST)

    def run(name: str, *options: object) -> dict[str, bytes]:
        ended = cli("synthesize", *common, "--out", tmp_path / name, *options)
        assert ended.code == 0, ended.err
        return files(tmp_path / name)

    plain = run("plain", "--source", "drawn", "--seed", "5")
    assert run("again", "--source", "drawn", "--seed", "5") == plain
    assert run("other", "--source", "drawn", "--seed", "6") != plain
    assert read(tmp_path / "plain" / "raw" / "b.png").shape == (128, 128, 3)
    none = run("none", "--source", "drawn", "--density", "0")
    assert none["raw/b.png"] == none["retouched/b.png"]
    kept = run("kept", "--source", "drawn", "--kinds", "mole,Birthmark", "--keep-density", "200")
    assert kept["raw/b.png"] == kept["retouched/b.png"] != none["raw/b.png"]
    drawn = run(
        "under", "--source", "drawn", "--kinds", "pigment-spot, flat_mark", "--density", "200", "--variants", "2"
    )
    assert {"raw/b-1.png", "raw/b-2.png"} <= set(drawn) and drawn["raw/b-1.png"] != drawn["raw/b-2.png"]
    healed = run("healed", "--source", "healed", "--no-recursive")
    assert set(healed) == {f"{side}/b.png" for side in ("raw", "retouched", "map")}


def test_small_faces_are_named(cli, photos: Path, tmp_path: Path) -> None:
    (photos / "broken.jpg").unlink()
    ended = cli("synthesize", photos, "--out", tmp_path / "pairs", "--min-face", "400", "--no-recursive", *FAST)
    assert ended.code == 0
    left_out = [line for line in ended.err.splitlines() if "a face was left out" in line]
    assert len(left_out) == 1 and "less than 400 px" in left_out[0]


def test_existing_pairs_and_quiet(cli, photos: Path, tmp_path: Path) -> None:
    (photos / "broken.jpg").unlink()
    out, options = tmp_path / "pairs", ("--size", "128", "--no-recursive", *FAST)
    ended = cli("synthesize", photos, "--out", out, "--quiet", *options)
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    first = files(out)
    ended = cli("synthesize", photos, "--out", out, *options)
    assert ended.code == 2 and "There are pairs in" in ended.err and "--overwrite" in ended.err
    assert files(out) == first
    assert cli("synthesize", photos, "--out", out, "--overwrite", *options).code == 0
    assert files(out) == first


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("clean", "--out", "clean"), "is an input folder as well"),
        (("nowhere", "--out", "pairs"), "nowhere does not exist"),
        (("clean", "--out", "pairs", "--kinds", "wart"), "There is no kind of mark 'wart'."),
        (("clean", "--out", "pairs", "--kinds", "mole", "--source", "healed"), "nothing is drawn"),
        (("clean", "--out", "pairs", "--source", "painted"), "painted"),
        (("clean", "--out", "pairs", "--density", "-1"), "--density"),
        (("clean", "--out", "pairs", "--variants", "0"), "--variants"),
        (("clean", "--out", "pairs", "--device", "abacus"), "'abacus' is not available"),
        (("clean",), "--out"),
    ],
)
def test_wrong_usage_is_a_sentence_and_exit_2(
    cli, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = cli("synthesize", *args)
    assert ended.code == 2
    assert message in ended.err and "Traceback" not in ended.err and ended.out == ""
    assert not (tmp_path / "pairs").exists()


def test_help_lists_the_options(cli) -> None:
    ended = cli("synthesize", "--help")
    assert ended.code == 0
    assert all(name in ended.out for name in ("--source", "--kinds", "--variants", "--overwrite", "65025"))
