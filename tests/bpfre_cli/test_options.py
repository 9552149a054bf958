"""Every option of `bpfre retouch` does what it says: those that decide pixels, seen on pixels."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from bpfre.blemishes import Mark, draw_marks
from bpfre.network import BPFRe, preset
from bpfre.retouching import pipeline
from bpfre.retouching.effects import EFFECTS
from bpfre.weights import save_network
from bpfre_cli.retouch import retouch

SIDES = (256, 192, 160)  # px of three portraits side by side; the second is nearest to the middle
FULL = 65535
Rgb = np.ndarray  # [H, W, 3] int, the change of 16-bit samples
Run = Callable[..., Rgb]


@pytest.fixture
def group(tmp_path: Path, portrait: np.ndarray) -> Path:
    """A 16-bit photo of three faces, so that small changes show, in a folder of its own."""
    pixels = np.full((SIDES[0], sum(SIDES), 3), 128, np.uint8)
    for number, side in enumerate(SIDES):
        left = sum(SIDES[:number])
        scaled = Image.fromarray(portrait).resize((side, side), Image.Resampling.LANCZOS)
        pixels[:side, left : left + side] = np.asarray(scaled)
    path = tmp_path / "photos" / "group.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, pixels.astype(np.uint16) * 257, photometric="rgb")
    return path


@pytest.fixture
def change(cli, group: Path, options, tmp_path: Path) -> Run:
    """Retouch the group with further arguments; return what changed."""

    def run(*arguments: object) -> Rgb:
        out = tmp_path / f"out-{len(list(tmp_path.iterdir()))}"
        ended = cli("retouch", group.parent, "--out", out, *options, *arguments)
        assert ended.code == 0, ended.err
        return tifffile.imread(out / group.name).astype(int) - tifffile.imread(group)

    return run


def changed_faces(changed: Rgb) -> list[int]:
    """Which of the three portraits changed."""
    parts = np.split(changed, np.cumsum(SIDES)[:-1], axis=1)
    return [number for number, part in enumerate(parts) if part.any()]


def mask(folder: Path, group: Path, white: slice) -> Path:
    """Paint some columns of a mask white."""
    pixels = np.zeros((SIDES[0], sum(SIDES)), np.uint8)
    pixels[:, white] = 255
    folder.mkdir()
    Image.fromarray(pixels).save(folder / f"{group.stem}.png")
    return folder


def strength(change: Run, group: Path, tmp_path: Path) -> None:
    whole = change()
    for part in (0.25, 0.5):
        assert np.abs(change("--strength", part) - part * whole).mean() < 0.01 * np.abs(whole).mean()
    assert np.abs(whole).max() > 0.02 * FULL and not change("--strength", 0).any()


def effects(change: Run, group: Path, tmp_path: Path) -> None:
    whole, luma = change(), np.array((0.299, 0.587, 0.114))
    parts = {name: change("--effects", name) for name in EFFECTS}
    assert all(part.any() for part in parts.values())
    assert np.abs(sum(parts.values()) - whole).mean() < 0.01 * np.abs(whole).mean()
    assert (parts["shine"] @ luma).sum() < 0 < (parts["redness"] @ luma).sum()
    eyes = np.flatnonzero(parts["under-eye"][:, : SIDES[0]].any(axis=(1, 2)))
    face = np.flatnonzero(whole[:, : SIDES[0]].any(axis=(1, 2)))
    assert eyes[-1] - eyes[0] < 0.4 * (face[-1] - face[0])
    two = change("--effects", "spots,shine")
    assert np.abs(two - parts["spots"] - parts["shine"]).mean() < 0.01 * np.abs(whole).mean()


def faces(change: Run, group: Path, tmp_path: Path) -> None:
    assert changed_faces(change()) == [0, 1, 2]
    assert changed_faces(change("--faces", "largest")) == [0]
    assert changed_faces(change("--faces", "center")) == [1]


def max_faces(change: Run, group: Path, tmp_path: Path) -> None:
    assert changed_faces(change("--max-faces", 2)) == [0, 1]
    assert changed_faces(change("--max-faces", 1)) == [0]


def min_face(change: Run, group: Path, tmp_path: Path) -> None:
    assert changed_faces(change("--min-face", 80)) == [0, 1]
    assert changed_faces(change("--min-face", 100)) == [0]


def min_score(change: Run, group: Path, tmp_path: Path) -> None:
    assert changed_faces(change("--min-score", 1)) == []


def protect(change: Run, group: Path, tmp_path: Path) -> None:
    middle = sum(SIDES[:1]) + SIDES[1] // 2
    whole, kept = change(), change("--protect", mask(tmp_path / "kept", group, np.s_[:middle]))
    assert not kept[:, :middle].any() and np.array_equal(kept[:, middle:], whole[:, middle:])


def only(change: Run, group: Path, tmp_path: Path) -> None:
    middle = sum(SIDES[:1]) + SIDES[1] // 2
    whole, part = change(), change("--only", mask(tmp_path / "part", group, np.s_[:middle]))
    assert not part[:, middle:].any() and np.array_equal(part[:, :middle], whole[:, :middle])


def weights(change: Run, group: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_network(BPFRe(preset("tiny")), path, {})
    assert (change("--weights", path) != change()).any()


ON_PIXELS = {check.__name__: check for check in (strength, effects, faces, max_faces, min_face, min_score)}
ON_PIXELS |= {check.__name__: check for check in (protect, only, weights)}
ELSEWHERE = {  # options with a test of their own
    "marks": "test_options.py::test_marks_go_where_it_is_asked_for",
    "coarse_only": "test_retouch.py::test_the_first_stage_alone_gives_another_result",
    "batch_size": "test_options.py::test_the_size_of_batches_is_kept_and_changes_no_result",
    "detector": "test_options.py::test_a_detector_that_is_not_here_is_named_with_the_next_step",
    "raw_as": "test_options.py::test_raw_becomes_what_is_asked_for",
    "device": "test_retouch.py::test_wrong_usage_is_a_sentence_and_exit_2",
    "layers": "test_retouch.py::test_layers_are_written_kept_when_painted_on_and_made_again_when_gone",
    "max_megapixels": "test_retouch.py::test_the_size_limit_can_be_raised",
    "overwrite": "test_retouch.py::test_second_run_skips_and_overwrite_redoes",
    "recursive": "test_retouch.py::test_strength_zero_and_no_recursive",
    "dry_run": "test_retouch.py::test_dry_run_writes_nothing",
    "report": "test_retouch.py::test_json_is_one_document_on_stdout",
    "as_json": "test_retouch.py::test_json_is_one_document_on_stdout",
    "quiet": "test_retouch.py::test_quiet_shows_failures_only",
    "review": "test_review.py::test_the_page_lists_every_photo_of_the_folder",
}


@pytest.mark.parametrize("option", ON_PIXELS)
def test_an_option_does_what_it_says(option: str, change: Run, group: Path, tmp_path: Path) -> None:
    ON_PIXELS[option](change, group, tmp_path)


def test_no_option_is_without_a_test() -> None:
    assert {*ON_PIXELS, *ELSEWHERE, "photos", "out"} == set(inspect.signature(retouch).parameters)
    for place in ELSEWHERE.values():
        file, _, name = place.partition("::")
        assert f"\ndef {name}(" in Path(__file__).with_name(file).read_text(encoding="utf-8"), place


def test_marks_go_where_it_is_asked_for(cli, portrait: np.ndarray, tmp_path: Path) -> None:
    """With the shipped weights, as `keep` is what they were trained for."""
    large = np.asarray(Image.fromarray(portrait).resize((512, 512), Image.Resampling.LANCZOS))
    flat = {"waves": ((0.0, 0.0),) * 3, "aspect": 1.0, "angle": 0.0, "edge": 0.5}
    x, y = 315, 250  # cheek
    mole = Mark(kind="mole", x=float(x), y=float(y), radius=3.0, haemoglobin=0.1, melanin=2.0, **flat)
    photo = tmp_path / "mole.png"
    Image.fromarray(np.rint(255 * draw_marks(large / np.float32(255), [mole])).astype(np.uint8)).save(photo)

    def contrast(path: Path) -> float:
        with Image.open(path) as image:
            pixels = np.asarray(image).astype(float)
        around = pixels[y - 12 : y + 13, x - 12 : x + 13]
        return float(np.median(around, axis=(0, 1)).mean() - pixels[y - 1 : y + 2, x - 1 : x + 2].mean())

    before = contrast(photo)
    assert before > 40
    for marks, share in (("keep", (0.8, 1.1)), ("remove", (-0.3, 0.3))):
        ended = cli("retouch", photo, "--out", tmp_path / marks, "--marks", marks, "--detector", "mtcnn")
        assert ended.code == 0, ended.err
        assert share[0] < contrast(tmp_path / marks / "mole.png") / before < share[1], marks


def test_the_size_of_batches_is_kept_and_changes_no_result(change: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    corrections = pipeline.corrections

    def counted(network, crops, **how):
        seen.append(len(crops))
        return corrections(network, crops, **how)

    monkeypatch.setattr(pipeline, "corrections", counted)
    alone = change("--batch-size", 1)
    assert seen == [1, 1, 1]
    together = change("--batch-size", 3)
    assert sum(seen[3:]) == 3 and max(seen[3:]) > 1
    assert np.abs(alone - together).max() <= FULL // 255


def test_a_detector_that_is_not_here_is_named_with_the_next_step(cli, group: Path, tmp_path: Path) -> None:
    ended = cli("retouch", group, "--out", tmp_path / "out", "--detector", "retinaface")
    assert ended.code == 1 and not (tmp_path / "out").exists()
    assert "RetinaFace" in ended.err and "bpfre weights fetch retinaface" in ended.err and "mtcnn" in ended.err


def test_raw_becomes_what_is_asked_for(cli, portrait: np.ndarray, tmp_path: Path, options, dng) -> None:
    pytest.importorskip("rawpy", reason="rawpy comes with the extra raw")
    photo = tmp_path / "a.dng"
    photo.write_bytes(dng((portrait / 255.0) ** 2.2))
    for choice, name, start in (((), "a.dng.tif", b"II*\0"), (("--raw-as", "jpeg"), "a.dng.jpg", b"\xff\xd8\xff")):
        ended = cli("retouch", photo, "--out", tmp_path / name, "--json", *choice, *options)
        assert ended.code == 0, ended.err
        assert json.loads(ended.out)["totals"]["retouched"] == 1
        assert (tmp_path / name / name).read_bytes().startswith(start)
    assert tifffile.imread(tmp_path / "a.dng.tif" / "a.dng.tif").dtype == np.uint16
