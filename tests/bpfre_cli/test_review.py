"""`bpfre retouch --review`: the page lists the whole folder, run after run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


def photos_of(out: Path) -> dict[str, dict[str, Any]]:
    page = (out / "review.html").read_text("ascii")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return {photo["name"]: photo for photo in json.loads(found[1])["photos"]}


def test_the_page_lists_every_photo_of_the_folder(
    cli: Cli, folder: Path, options: tuple[object, ...], tmp_path: Path
) -> None:
    (folder / "<script>alert(1)<").mkdir()
    (folder / "<script>alert(1)<" / "script>.jpg").write_text("no photo")
    (folder / "notes.txt").write_text("Remember the milk.")
    out = tmp_path / "clean"
    ended = cli("retouch", folder, "--out", out, "--review", "--min-score", 0.1, *options)
    assert ended.code == 1  # one photo failed
    assert f"The review page is {out / 'review.html'}." in ended.out
    photos = photos_of(out)
    assert set(photos) == {"day one/a.png", "b.png", "view.jpg", "<script>alert(1)</script>.jpg"}
    assert "notes.txt" in (out / "review.html").read_text("ascii")
    assert b"<script>alert" not in (out / "review.html").read_bytes()
    assert photos["view.jpg"]["state"] == "unchanged"
    assert photos["day one/a.png"]["state"] == "changed"
    assert [face["status"] for face in photos["b.png"]["faces"]] == ["retouched"]
    failed = photos["<script>alert(1)</script>.jpg"]
    assert (failed["state"], "is not a photo" in failed["reason"]) == ("failed", True)
    assert sorted(path.name for path in out.iterdir()) == [".bpfre", "b.png", "day one", "review.html", "view.jpg"]


def test_a_rerun_lists_what_it_does_not_redo(
    cli: Cli, folder: Path, options: tuple[object, ...], tmp_path: Path
) -> None:
    out = tmp_path / "clean"
    assert cli("retouch", folder, "--out", out, *options).code == 0  # the first run makes no page
    assert not (out / "review.html").exists()
    (out / "b.png").unlink()
    assert cli("retouch", folder, "--out", out, "--review", *options).code == 0
    photos = photos_of(out)
    assert set(photos) == {"day one/a.png", "b.png", "view.jpg"}
    assert [photos[name]["kept"] for name in ("day one/a.png", "b.png", "view.jpg")] == [True, False, True]
    for name in ("day one/a.png", "b.png"):
        assert photos[name]["state"] == "changed"
        assert len(photos[name]["faces"]) == 1
        assert photos[name]["notes"] == []
    assert photos["view.jpg"]["state"] == "unchanged"


def test_pictures_are_no_photos_of_a_later_run(
    cli: Cli, folder: Path, options: tuple[object, ...], tmp_path: Path
) -> None:
    out = tmp_path / "clean"
    assert cli("retouch", folder, "--out", out, "--review", *options).code == 0
    planned = json.loads(cli("retouch", out, "--out", tmp_path / "again", "--dry-run", "--json", *options).out)
    assert len(planned["photos"]) == 3


@pytest.mark.parametrize("how", ["--quiet", "--json"])
def test_it_says_nothing_where_nothing_is_wanted(
    cli: Cli, folder: Path, options: tuple[object, ...], tmp_path: Path, how: str
) -> None:
    ended = cli("retouch", folder, "--out", tmp_path / "clean", "--review", "--strength", 0, how, *options)
    assert "review page" not in ended.out + ended.err
    if how == "--json":
        assert json.loads(ended.out)["totals"]["photos"] == 3
    assert {photo["state"] for photo in photos_of(tmp_path / "clean").values()} == {"unchanged"}


def test_a_page_of_the_users_own_is_not_replaced(
    cli: Cli, folder: Path, options: tuple[object, ...], tmp_path: Path
) -> None:
    out = tmp_path / "clean"
    out.mkdir()
    (out / "review.html").write_text("mine")
    ended = cli("retouch", folder, "--out", out, "--review", *options)
    assert ended.code == 2
    assert "review.html is there already and no review page." in ended.err
    assert [(path.name, path.read_text()) for path in out.iterdir()] == [("review.html", "mine")]


def test_a_dry_run_writes_no_page(cli: Cli, folder: Path, options: tuple[object, ...], tmp_path: Path) -> None:
    assert cli("retouch", folder, "--out", tmp_path / "clean", "--review", "--dry-run", *options).code == 0
    assert not (tmp_path / "clean").exists()


def test_ctrl_c_leaves_a_page_of_what_was_done(
    cli: Cli, folder: Path, options: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bpfre_cli import console

    done = console.PhotoProgress.advance

    def stop(self: console.PhotoProgress, faces: int) -> None:
        done(self, faces)
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(console.PhotoProgress, "advance", stop)
    ended = cli("retouch", folder, "--out", tmp_path / "clean", "--review", *options)
    assert ended.code == 130
    states = sorted(photo["state"] for photo in photos_of(tmp_path / "clean").values())
    assert len(states) == 3
    assert "pending" in states


def test_a_report_that_cannot_be_written_costs_neither_the_page_nor_the_list_of_failures(
    cli: Cli, folder: Path, options: tuple[object, ...], tmp_path: Path
) -> None:
    (folder / "bad.png").write_bytes(b"no photo")
    (tmp_path / "file").write_bytes(b"")
    report = tmp_path / "file" / "report.json"
    ended = cli("retouch", folder, "--out", tmp_path / "clean", "--review", "--report", report, *options)
    assert ended.code == 1 and "bad.png failed. bad.png is not a photo." in ended.err
    assert f"{report} cannot be written: a part of its path is a file, not a folder." in ended.err
    assert photos_of(tmp_path / "clean")["bad.png"]["state"] == "failed"
