"""`bpfre visualize` as users type it, on the tiny weights."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bpfre.evaluation import example_photos


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and the command typed in it."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def sheets(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_in_an_empty_folder_the_examples_are_shown_with_the_shipped_weights(cli, here: Path) -> None:
    ended = cli("visualize", "--attention")
    assert ended.code == 0, ended.err
    assert "No photo was named, and no retouch in this folder is known: showing the 4 example photos." in ended.out
    assert sheets(here) == [f"attention/{path.name}.face1.attention.png" for path in example_photos()]
    assert all(str(path) in ended.out for path in example_photos())
    sheet = cv2.imread(str(here / "attention" / "astronaut.jpg.face1.attention.png"))
    assert sheet.shape[0] > 1000 and sheet.shape[1] > 1000


def test_after_a_retouch_its_photos_are_shown_with_its_settings(cli, here: Path, folder: Path, options) -> None:
    assert cli("retouch", folder, "--out", "clean", *options, "--min-face", 50).code == 0
    (folder / "later.png").write_bytes((folder / "b.png").read_bytes())  # has no result
    ended = cli("visualize", "--attention", "--device", "cpu")
    assert ended.code == 0, ended.err
    assert f"showing the 3 photos of the last retouch in this folder, into {here / 'clean'}." in ended.out
    assert f"{folder / 'view.jpg'}: no face was found." in ended.out
    assert sheets(here / "attention") == ["b.png.face1.attention.png", "day one/a.png.face1.attention.png"]


def test_a_dry_run_is_no_retouch(cli, here: Path, folder: Path, options) -> None:
    assert cli("retouch", folder, "--out", "clean", *options, "--dry-run").code == 0
    ended = cli("visualize", "--attention", *options)
    assert "no retouch in this folder is known" in ended.out


def test_where_the_photos_are_gone_the_examples_are_shown(cli, here: Path, folder: Path, options) -> None:
    assert cli("retouch", folder, "--out", "clean", *options).code == 0
    folder.rename(folder.with_name("elsewhere"))
    ended = cli("visualize", "--attention", *options)
    assert ended.code == 0
    assert f"the photos of the last retouch, into {here / 'clean'}, are gone: showing the 4 example" in ended.out


def test_named_photos_are_shown_whatever_was_retouched(cli, here: Path, folder: Path, options) -> None:
    assert cli("retouch", folder, "--out", "clean", *options).code == 0
    ended = cli("visualize", "--attention", folder / "b.png", "--out", "other", *options)
    assert "No photo was named" not in ended.out
    assert sheets(here / "other") == ["b.png.face1.attention.png"]


def test_the_faces_of_the_run_are_shown(cli, here: Path, portrait: np.ndarray, options) -> None:
    cv2.imwrite("two.png", np.hstack([portrait, portrait[:, ::-1]])[..., ::-1])
    assert cli("retouch", "two.png", "--out", "clean", *options, "--faces", "largest").code == 0
    ended = cli("visualize", "--attention")
    assert "face 2 is left out. It is not the largest face." in ended.err
    assert sheets(here / "attention") == ["two.png.face1.attention.png"]


def test_everything_at_once(cli, here: Path, folder: Path, options, weights: Path) -> None:
    pytest.importorskip("imageio_ffmpeg", reason="the extra mp4 is not installed")
    wanted = ("--attention", "--stages", "--features", "--compare", weights, "starter", "--gif", "--mp4", "--masks")
    ended = cli("visualize", folder / "b.png", *wanted, *options)
    assert ended.code == 0, ended.err
    kinds = ("attention.png", "compare.png", "features.png", "gif", "mp4", "stages.png")
    pictures = [f"b.png.face1.{kind}" for kind in kinds]
    assert sheets(here / "attention") == [*pictures, "masks/d2g/b.png", "masks/e2d/b.png"]
    mask = cv2.imread("attention/masks/e2d/b.png", cv2.IMREAD_UNCHANGED)
    assert mask.dtype == np.uint16 and mask.shape == (256, 256) and mask.max() > 0


def test_masks_go_back_into_retouch(cli, here: Path, folder: Path, options) -> None:
    assert cli("visualize", folder, "--masks", *options).code == 0
    assert cli("retouch", folder, "--out", "clean", "--only", "attention/masks/d2g", *options).code == 0


@pytest.mark.parametrize(("kind", "start"), [("pdf", b"%PDF"), ("html", b"<!doctype html>")])
def test_one_file_for_all(cli, here: Path, folder: Path, options, kind: str, start: bytes) -> None:
    ended = cli("visualize", folder, "--attention", "--format", kind, *options)
    assert ended.code == 0, ended.err
    assert sheets(here / "attention") == [f"attention.{kind}"]
    assert (here / "attention" / f"attention.{kind}").read_bytes().startswith(start)


def test_a_broken_photo_fails_alone(cli, here: Path, folder: Path, options) -> None:
    (folder / "broken.jpg").write_text("no photo")
    ended = cli("visualize", folder, "--attention", *options)
    assert ended.code == 1 and "broken.jpg failed." in ended.err and "Traceback" not in ended.err
    assert len(sheets(here / "attention")) == 2


def test_quiet_says_nothing(cli, here: Path, folder: Path, options) -> None:
    ended = cli("visualize", folder / "b.png", "--attention", "--quiet", *options)
    assert (ended.code, ended.out, ended.err) == (0, "", "")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ((), "There is nothing to show."),
        (("--gif", "--show"), "--show shows sheets, and none is asked for."),
        (("--attention", "--show"), "--show needs a terminal."),
        (("--attention", "nowhere"), "nowhere does not exist."),
        (("--attention", "--weights", "none.safetensors"), "none.safetensors"),
    ],
)
def test_mistakes_are_sentences(cli, here: Path, given: tuple[str, ...], sentence: str) -> None:
    ended = cli("visualize", *given)
    assert ended.code in (1, 2) and sentence in ended.err and "Traceback" not in ended.err
    assert sheets(here) == []


def test_two_photos_of_one_mask_are_refused(cli, here: Path, folder: Path, options) -> None:
    (folder / "b.jpg").write_bytes((folder / "view.jpg").read_bytes())
    ended = cli("visualize", folder, "--masks", *options)
    assert ended.code == 2 and "would have the same mask" in ended.err and sheets(here) == []
