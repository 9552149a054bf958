"""`bpfre evaluate` as users type it, on the tiny weights."""

from __future__ import annotations

import csv
import json
import math
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torchmetrics", reason="the extra evaluate is not installed")
pytest.importorskip("piq", reason="the extra evaluate is not installed")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BPFRE_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.fixture
def pairs(tmp_path: Path, portrait: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two pairs with spots on the raw side; the command is typed beside them."""
    root = tmp_path / "here"
    for name, picture in (("a", portrait), ("b", np.ascontiguousarray(portrait[:, ::-1]))):
        spotted = picture.copy()
        for centre in ((112, 118), (145, 118)):
            cv2.circle(spotted, centre, 3, (150, 80, 70), -1)
        for side, pixels in (("raw", spotted), ("retouched", picture)):
            (root / "pairs" / side).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / "pairs" / side / f"{name}.png")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def given(weights: Path) -> tuple[object, ...]:
    return "evaluate", "--paired", "pairs", "--weights", weights, "--detector", "mtcnn", "--device", "cpu"


def rows(folder: str = "evaluation") -> list[dict[str, str]]:
    with (Path(folder) / "per_image.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def summary(folder: str = "evaluation") -> dict:
    return json.loads((Path(folder) / "summary.json").read_text())


def blur(folder: Path) -> None:
    for path in folder.iterdir():
        Image.fromarray(cv2.GaussianBlur(np.array(Image.open(path)), (0, 0), 1.5)).save(path)


def test_the_unedited_photo_comes_first_and_the_target_is_perfect(cli, pairs: Path, given, weights: Path) -> None:
    shutil.copytree("pairs/retouched", "blurred")
    blur(pairs / "blurred")
    ended = cli(*given, "--against", "pairs/retouched", "--against", "blurred")
    assert ended.code == 0, ended.err
    assert "No split is known: all 2 pairs are measured." in ended.out
    methods = [method["method"] for method in summary()["methods"]]
    assert methods == ["unedited", str(weights), "pairs/retouched", "blurred"]
    assert [row["method"] for row in rows()] == methods * 2 and [row["pair"] for row in rows()[::4]] == [
        "a.png",
        "b.png",
    ]
    for unedited, _, target, blurred in zip(*[iter(rows())] * 4, strict=True):
        assert float(unedited["reproduced"]) == 0 and float(unedited["elsewhere"]) < 0.01
        assert math.isinf(float(target["psnr"])) and float(target["ssim"]) == 1 and float(target["reproduced"]) == 1
        assert float(blurred["psnr"]) < float(unedited["psnr"]) and float(blurred["reproduced"]) > 0.5
        assert float(blurred["elsewhere"]) > 1 and 0 < float(unedited["edited_area"]) < 0.01
    assert summary()["methods"][2]["columns"]["psnr"] == {
        "pairs": 0,
        "infinite": 2,
        "mean": None,
        "sd": None,
        "median": None,
    }
    positions = [ended.out.index(f"\n  {name} ") for name in ("unedited", "pairs/retouched", "blurred")]
    assert positions == sorted(positions)


def test_figures_of_the_unedited_and_of_a_blurred_photo_are_what_the_formulas_say(cli, pairs: Path, given) -> None:
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is the second opinion")
    shutil.copytree("pairs/retouched", "blurred")
    blur(pairs / "blurred")
    assert cli(*given, "--against", "blurred").code == 0

    def picture(folder: str, name: str) -> np.ndarray:
        return np.array(Image.open(Path(folder) / name)).astype(float)

    checked = 0
    for row in rows():
        folder = {"unedited": "pairs/raw", "blurred": "blurred"}.get(row["method"])
        if folder is None:
            continue
        raw, target, result = (picture(side, row["pair"]) for side in ("pairs/raw", "pairs/retouched", folder))
        error, edit = np.abs(result - target), np.abs(raw - target)
        edited = edit.max(axis=2) > 3
        expected = {
            "psnr": 10 * math.log10(255**2 / np.square(error).mean()),
            "ssim": metrics.structural_similarity(
                target, result, data_range=255, channel_axis=2, gaussian_weights=True, use_sample_covariance=False
            ),
            "edited": error[edited].mean(),
            "elsewhere": error[~edited].mean(),
            "reproduced": 1 - error[edited].mean() / edit[edited].mean(),
            "edited_area": edited.mean(),
        }
        assert {key: float(row[key]) for key in expected} == pytest.approx(expected, rel=1e-4, abs=1e-6)
        checked += 1
    assert checked == 4


def test_whole_photos_go_through_the_runner_as_retouch_does(cli, pairs: Path, given, weights: Path) -> None:
    """What retouch writes for the raw side is what is measured."""
    run = ("--weights", weights, "--detector", "mtcnn", "--device", "cpu")
    assert cli("retouch", "pairs/raw", "--out", "done", *run).code == 0
    assert cli(*given, "--against", "done", "--out", "figures").code == 0
    figures = [{key: row[key] for key in ("psnr", "ssim", "elsewhere")} for row in rows("figures")]
    assert figures[1::3] == figures[2::3] and figures[0::3] != figures[1::3]
    assert {(row["width"], row["height"]) for row in rows("figures")} == {("256", "256")}


def test_crops_are_measured_at_the_size_asked_for(cli, pairs: Path, given) -> None:
    ended = cli(*given, "--size", 96, "--classical", "--coarse", "--json")
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    weights = str(given[4])
    assert [m["method"] for m in document["methods"]] == ["unedited", "classical", f"{weights}, coarse", weights]
    assert document == summary() and document["size"] == 96 and document["pairs"] == 2
    assert {(row["width"], row["height"]) for row in rows()} == {("96", "96")}
    assert len({row["psnr"] for row in rows()[:4]}) == 4


def test_metrics_without_their_weights_are_named(cli, pairs: Path, given) -> None:
    ended = cli(*given, "--size", 64)
    assert "ownloading" not in ended.err, "where nothing may be downloaded, nothing is said to be"
    for title, name in (("LPIPS", "alexnet"), ("DISTS", "vgg16"), ("identity", "arcface")):
        assert f"{title} is not measured." in ended.err and f"bpfre weights fetch {name}" in ended.err
        assert title not in [column["title"] for column in summary()["columns"]]
    assert [missing["title"] for missing in summary()["not_measured"]] == ["LPIPS", "DISTS", "identity"]


def test_ffhqrs_test_part_is_recognised(cli, pairs: Path, given) -> None:
    for number, split in ((1, "pairs"), (63001, "pairs")):
        for side in ("raw", "retouched"):
            folder = pairs / "ffhq" / {"raw": "images1024x1024", "retouched": "ffhqr"}[side] / f"{number // 1000}000"
            folder = folder.with_name(f"{number // 1000 * 1000:05d}")
            folder.mkdir(parents=True)
            shutil.copy(pairs / split / side / "a.png", folder / f"{number:05d}.png")
    ended = cli("evaluate", "--paired", "ffhq", *given[3:], "--size", 64)
    assert ended.code == 0, ended.err
    assert "The test part is measured: 1 of 2 pairs." in ended.out
    assert {row["pair"] for row in rows()} == {"63000/63001.png"}


def test_a_broken_pair_is_left_out_of_every_row(cli, pairs: Path, given) -> None:
    Path("pairs/raw/b.png").write_bytes(b"no photo")
    ended = cli(*given)
    assert ended.code == 1 and "b.png is left out." in ended.err and "Traceback" not in ended.err
    assert {row["pair"] for row in rows()} == {"a.png"} and summary()["left_out"][0]["pair"] == "b.png"


def test_where_a_result_is_missing_no_row_counts_the_pair(cli, pairs: Path, given) -> None:
    Path("other").mkdir()
    shutil.copy("pairs/raw/a.png", "other")
    ended = cli(*given, "--against", "other")
    assert ended.code == 1 and "other holds no result for b.png" in ended.err
    assert [row["pair"] for row in rows()] == ["a.png"] * 3


def test_an_interrupted_run_keeps_what_it_measured(cli, pairs: Path, given, monkeypatch: pytest.MonkeyPatch) -> None:
    from bpfre.evaluation.pairs import PairReader

    read = PairReader.read

    def interrupted(self, sample):
        if sample.name == "b.png":
            raise KeyboardInterrupt
        return read(self, sample)

    monkeypatch.setattr(PairReader, "read", interrupted)
    ended = cli(*given, "--size", 64)
    assert ended.code == 130 and {row["pair"] for row in rows()} == {"a.png"} and summary()["interrupted"] is True


def test_quiet_says_nothing_and_inputs_stay(cli, pairs: Path, given) -> None:
    before = {path: path.read_bytes() for path in pairs.rglob("*.png")}
    ended = cli(*given, "--size", 64, "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert {path: path.read_bytes() for path in pairs.rglob("*.png")} == before
    assert sorted(path.name for path in Path("evaluation").iterdir()) == ["per_image.csv", "summary.json"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "There is nothing to evaluate on."),
        (("--paired", "nowhere"), "nowhere does not exist."),
        (("--paired", "pairs/raw"), "does not hold pairs"),
        (("--paired", "pairs", "--split", "test"), "is in the test part"),
        (("--paired", "pairs", "--weights", "pairs"), "pairs is a folder, not weights."),
        (("--paired", "pairs", "--against", "none.safetensors"), "There are no weights at none.safetensors."),
        (("--paired", "evaluation/per_image.csv"), "The results would replace evaluation/per_image.csv."),
    ],
)
def test_mistakes_are_sentences(cli, pairs: Path, arguments: tuple[str, ...], sentence: str) -> None:
    ended = cli("evaluate", *arguments, "--detector", "mtcnn", "--device", "cpu")
    assert ended.code in (1, 2) and sentence in ended.err and "Traceback" not in ended.err
    assert not Path("evaluation").exists()


def test_without_the_libraries_the_extra_is_named(cli, pairs: Path, given, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchmetrics", None)
    ended = cli(*given)
    assert ended.code == 2 and 'pip install "bpfre[evaluate]"' in ended.err
