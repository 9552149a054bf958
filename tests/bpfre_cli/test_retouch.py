"""`bpfre retouch` from the command line to the files."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bpfre.photos import read_photo


def files(folder: Path) -> dict[str, bytes]:
    """What a user sees in a folder; the journal is hidden."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(".bpfre/")}


def tags(exif: bytes | None) -> dict[int, object]:
    """Return EXIF values by tag; an upright orientation is the same as none."""
    block = Image.Exif()
    block.load(exif or b"")
    return {tag: value for tag, value in block.items() if (tag, value) != (0x0112, 1)}


def test_folder_in_folder_out(cli, folder: Path, tmp_path: Path, options, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    originals = files(folder)
    ended = cli("retouch", "./photos", "--out", "./clean", *options)
    assert ended.code == 0
    results = files(tmp_path / "clean")
    assert results.keys() == originals.keys() == {"day one/a.png", "b.png", "view.jpg"}
    assert results["view.jpg"] == originals["view.jpg"]
    assert results["b.png"] != originals["b.png"]
    assert files(folder) == originals
    assert "3 of 3 photos" in ended.out and "2 found: 2 retouched" in ended.out and "mtcnn on cpu" in ended.out
    assert ended.err == ""


def test_mixed_folder_names_the_bad_and_does_the_good(cli, mixed: Path, tmp_path: Path, options) -> None:
    out, report = tmp_path / "out", tmp_path / "report.json"
    ended = cli("retouch", mixed, "--out", out, "--report", report, *options)
    assert ended.code == 1
    assert f"{mixed / 'truncated.jpg'} failed. " in ended.err
    assert f"{mixed / 'text.jpg'} failed. text.jpg is not a photo." in ended.err
    assert ended.err.count(" failed. ") == 2 and "Traceback" not in ended.err
    good = {path.name for path in mixed.iterdir()} - {"truncated.jpg", "text.jpg"}
    assert set(files(out)) == good
    for name in good:
        before, after = read_photo(mixed / name), read_photo(out / name)
        for value in ("mode", "format", "icc", "xmp"):
            assert getattr(after, value) == getattr(before, value), (name, value)
        assert (after.rgb.shape, after.rgb.dtype) == (before.rgb.shape, before.rgb.dtype)
        assert tags(after.exif) == tags(before.exif)
    photos = {Path(photo["source"]).name: photo for photo in json.loads(report.read_text())["photos"]}
    assert {name for name, photo in photos.items() if photo["status"] == "retouched"} == good - {"view.webp"}
    assert photos["view.webp"]["status"] == "copied"
    assert len(photos["montage.png"]["faces"]) == 6
    assert (photos["sideways.jpg"]["width"], photos["sideways.jpg"]["height"]) == (512, 600)
    with Image.open(out / "sideways.jpg") as stored, Image.open(mixed / "sideways.jpg") as source:
        assert (stored.size, dict(stored.getexif())) == (source.size, dict(source.getexif()))
    alpha = np.asarray(Image.open(out / "alpha.png"))[..., 3]
    assert np.array_equal(alpha, np.asarray(Image.open(mixed / "alpha.png"))[..., 3])


def test_jpegs_that_were_encoded_anew_are_counted_once(
    cli, portrait: np.ndarray, tmp_path: Path, options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jpeglib", None)  # as where it is not installed
    (tmp_path / "in").mkdir()
    for name in "ab":
        Image.fromarray(portrait).save(tmp_path / "in" / f"{name}.jpg")
    ended = cli("retouch", tmp_path / "in", "--out", tmp_path / "out", *options)
    assert ended.code == 0
    assert ended.err == "2 photos: Every pixel was encoded anew, because jpeglib is not installed.\n"


def test_json_is_one_document_on_stdout(cli, folder: Path, tmp_path: Path, options) -> None:
    (folder / "bad.png").write_bytes(b"no")
    report = tmp_path / "report.json"
    ended = cli("retouch", folder, "--out", tmp_path / "out", "--json", "--report", report, *options)
    document = json.loads(ended.out)
    assert ended.code == 1 and ended.err == ""
    assert document == json.loads(report.read_text())
    assert document["totals"]["photos"] == document["photos_planned"] == 4
    assert document["totals"]["failed"] == document["totals"]["copied"] == 1
    assert (document["detector"], document["device"], document["interrupted"]) == ("mtcnn", "cpu", False)
    assert document["settings"]["strength"] == 1.0
    faces = [face for photo in document["photos"] for face in photo["faces"]]
    assert {face["status"] for face in faces} == {"retouched"}
    assert all(face["max_change"] >= face["mean_change"] > 0 for face in faces)


def test_quiet_shows_failures_only(cli, folder: Path, tmp_path: Path, options) -> None:
    ended = cli("retouch", folder, "--out", tmp_path / "out", "--quiet", *options)
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    (folder / "bad.png").write_bytes(b"no")
    ended = cli("retouch", folder, "--out", tmp_path / "out", "--quiet", *options)
    assert (ended.code, ended.out) == (1, "")
    assert "bad.png failed." in ended.err


def test_refused_faces_are_listed(cli, folder: Path, tmp_path: Path, options) -> None:
    ended = cli("retouch", folder / "b.png", "--out", tmp_path / "out", "--min-face", "120", *options)
    assert ended.code == 0
    refusals = [line for line in ended.err.splitlines() if "left as it was" in line]
    assert "1 found: 0 retouched, 0 unchanged, 1 refused" in ended.out
    assert len(refusals) == 1 and "less than 120 px" in refusals[0]


def test_second_run_skips_and_overwrite_redoes(cli, folder: Path, tmp_path: Path, options) -> None:
    out = tmp_path / "out"
    cli("retouch", folder, "--out", out, *options)
    first = files(out)
    (out / "b.png").write_bytes(b"mine")
    ended = cli("retouch", folder, "--out", out, "--json", *options)
    assert json.loads(ended.out)["totals"]["skipped"] == 3
    notes = {Path(photo["source"]).name: photo["note"] for photo in json.loads(ended.out)["photos"]}
    assert "someone else" in notes.pop("b.png") and not any(notes.values())
    assert (out / "b.png").read_bytes() == b"mine"
    ended = cli("retouch", folder, "--out", out, "--overwrite", *options)
    assert ended.code == 0 and files(out) == first


def test_changed_settings_and_photos_are_done_again_the_rest_is_not(cli, folder: Path, tmp_path: Path, options) -> None:
    out = tmp_path / "out"

    def run(*arguments: object) -> dict[str, int]:
        return json.loads(cli("retouch", folder, "--out", out, "--json", *arguments, *options).out)["totals"]

    assert run()["retouched"] == 2
    assert run()["skipped"] == 3
    first = files(out)
    weaker = run("--strength", "0.5")
    assert (weaker["retouched"], weaker["skipped"]) == (2, 0)
    assert files(out)["b.png"] != first["b.png"]
    assert run()["skipped"] == 0 and files(out) == first
    with Image.open(folder / "b.png") as picture:
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "b.png")
    planned = json.loads(cli("retouch", folder, "--out", out, "--json", "--dry-run", *options).out)["photos"]
    assert [Path(p["source"]).name for p in planned if p["action"] == "retouch"] == ["b.png"]
    assert run()["retouched"] == 1
    (out / "day one" / "a.png").write_bytes(b"touched up by hand")
    assert run("--strength", "0.5")["skipped"] == 1
    assert (out / "day one" / "a.png").read_bytes() == b"touched up by hand"


def test_strength_zero_and_no_recursive(cli, folder: Path, tmp_path: Path, options) -> None:
    out = tmp_path / "out"
    assert cli("retouch", folder, "--out", out, "--strength", "0", "--no-recursive", *options).code == 0
    assert files(out) == {name: data for name, data in files(folder).items() if "/" not in name}


def test_the_first_stage_alone_gives_another_result(cli, folder: Path, tmp_path: Path, options) -> None:
    whole, coarse = tmp_path / "whole", tmp_path / "coarse"
    assert cli("retouch", folder, "--out", whole, *options).code == 0
    ended = cli("retouch", folder, "--out", coarse, "--coarse-only", "--json", *options)
    assert ended.code == 0 and json.loads(ended.out)["settings"]["coarse_only"] is True
    assert (whole / "b.png").read_bytes() != (coarse / "b.png").read_bytes() != (folder / "b.png").read_bytes()


def test_effects_and_marks_can_be_chosen(cli, folder: Path, tmp_path: Path, options) -> None:
    results = {}
    for name, choice in {
        "all": (),
        "named": ("--effects", "shine, redness,under-eye,spots"),
        "spots": ("--effects", "spots"),
        "marks": ("--marks", "remove"),
    }.items():
        assert cli("retouch", folder / "b.png", "--out", tmp_path / name, *choice, *options).code == 0
        results[name] = (tmp_path / name / "b.png").read_bytes()
    assert results["all"] == results["named"]
    assert len({*results.values(), (folder / "b.png").read_bytes()}) == 4


def test_faces_can_be_chosen_and_places_masked(cli, folder: Path, tmp_path: Path, options) -> None:
    masks = tmp_path / "masks" / "day one"
    masks.mkdir(parents=True)
    Image.fromarray(np.full((256, 256), 255, np.uint8)).save(masks / "a.png")
    out = tmp_path / "out"
    ended = cli("retouch", folder, "--out", out, "--protect", tmp_path / "masks", "--faces", "largest", *options)
    assert ended.code == 0
    assert (out / "day one" / "a.png").read_bytes() == (folder / "day one" / "a.png").read_bytes()
    assert (out / "b.png").read_bytes() != (folder / "b.png").read_bytes()
    ended = cli("retouch", folder, "--out", tmp_path / "none", "--min-score", "1", *options)
    assert ended.code == 0 and files(tmp_path / "none") == files(folder) and "2 skipped" in ended.out
    missing = cli("retouch", folder, "--out", tmp_path / "other", "--only", tmp_path / "nowhere", *options)
    assert missing.code == 2 and "no folder of masks" in missing.err


def test_dry_run_writes_nothing(cli, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = cli("retouch", folder, "--out", out, "--dry-run", "--report", tmp_path / "r.json")
    assert ended.code == 0
    assert f"retouch {folder / 'b.png'} -> {out / 'b.png'}" in ended.out
    assert "3 to retouch, 0 there already. Nothing was written." in ended.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos"]
    ended = cli("retouch", folder, "--out", out, "--dry-run", "--json")
    plan = json.loads(ended.out)
    assert plan["dry_run"] is True and {photo["action"] for photo in plan["photos"]} == {"retouch"}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("photos", "--out", "photos"), "is an input folder as well"),
        (("nowhere", "--out", "out"), "nowhere does not exist"),
        (("photos/b.png", "--out", "photos"), "would replace"),
        (("photos", "photos/day one/../b.png", "elsewhere", "--out", "out"), "would both be written to"),
        (("photos", "--out", "out", "--report", "photos/b.png"), "does not end in .json"),
        (("photos", "--out", "out", "--report", "folder.json"), "folder.json is a folder"),
        (("photos", "--out", "out", "--protect", "elsewhere/masks"), "No photo has a mask in elsewhere/masks"),
        (("photos", "--out", "out", "--only", "elsewhere/masks"), "No photo has a mask in elsewhere/masks"),
        (("photos", "--out", "out", "--strength", "2"), "--strength"),
        (("photos", "--out", "out", "--detector", "haar"), "haar"),
        (("photos", "--out", "out", "--marks", "paint"), "paint"),
        (("photos", "--out", "out", "--effects", "spots,wrinkles"), "no effect 'wrinkles'"),
        (("photos", "--out", "out", "--effects", " , "), "No effect is chosen"),
        (("photos", "--out", "out", "--device", "abacus"), "'abacus' is not available"),
        (("photos",), "--out"),
        ((), "PHOTOS"),
    ],
)
def test_wrong_usage_is_a_sentence_and_exit_2(
    cli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], message: str
) -> None:
    (tmp_path / "elsewhere" / "masks").mkdir(parents=True)
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "elsewhere" / "b.png").write_bytes(b"another")
    monkeypatch.chdir(tmp_path)
    before = files(tmp_path)
    ended = cli("retouch", *args)
    assert ended.code == 2
    assert message in ended.err and "Traceback" not in ended.err
    assert ended.out == "" and files(tmp_path) == before


def test_missing_weights_end_before_anything_is_written(cli, folder: Path, tmp_path: Path) -> None:
    ended = cli("retouch", folder, "--out", tmp_path / "out", "--weights", tmp_path / "none.safetensors")
    assert ended.code == 1
    assert "There are no weights at" in ended.err
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_leaves_whole_files_and_the_next_run_goes_on(cli, portrait: np.ndarray, tmp_path: Path, options) -> None:
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    for index in range(60):
        Image.fromarray(np.roll(np.tile(portrait, (2, 2, 1)), index, 1)).save(folder / f"{index:02}.png")
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "bpfre_cli", "retouch", folder, "--out", out, "--report", report, *options]
    roots = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(roots), str(roots / "models")])}
    process = subprocess.Popen(
        [str(part) for part in command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # background jobs inherit it ignored
    )
    deadline = time.monotonic() + 60
    while not list(out.glob("*.png")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped. Every file written is whole." in err and "Traceback" not in err
    written = files(out)
    assert 0 < len(written) < 60
    assert all(read_photo(out / name).rgb.shape == (512, 512, 3) for name in written)
    document = json.loads(report.read_text())
    assert document["interrupted"] is True
    assert {Path(photo["destination"]).name for photo in document["photos"]} <= written.keys()

    for index in range(12, 60):  # enough is proven with fewer
        (folder / f"{index:02}.png").unlink()
    ended = cli("retouch", folder, "--out", out, "--json", *options)
    again = json.loads(ended.out)["totals"]
    assert again["skipped"] == sum(int(name[:2]) < 12 for name in written)
    assert again["skipped"] + again["retouched"] == 12
    assert {f"{index:02}.png" for index in range(12)} <= files(out).keys()
    assert {name: files(out)[name] for name in written} == written


def test_layers_are_written_kept_when_painted_on_and_made_again_when_gone(
    cli, folder: Path, tmp_path: Path, options
) -> None:
    pytest.importorskip("psd_tools", reason="psd-tools comes with the extra layers")
    out = tmp_path / "out"
    assert cli("retouch", folder, "--out", out, *options).code == 0
    assert cli("retouch", folder, "--out", out, "--layers", *options).code == 0
    layered = out / "b.png.psd"
    assert set(files(out)) == {"day one/a.png", "day one/a.png.psd", "b.png", "b.png.psd", "view.jpg"}
    layered.write_bytes(b"painted on")
    ended = cli("retouch", folder, "--out", out, "--layers", "--strength", "0.5", *options)
    assert layered.read_bytes() == b"painted on" and "1" in ended.out
    layered.unlink()
    assert cli("retouch", folder, "--out", out, "--layers", "--strength", "0.5", *options).code == 0
    assert layered.stat().st_size > 1000


def test_layers_without_their_package_are_refused_at_once(
    cli, folder: Path, tmp_path: Path, options, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "psd_tools" else find(name, *rest)
    )
    ended = cli("retouch", folder, "--out", tmp_path / "out", "--layers", *options)
    assert ended.code == 2
    assert ended.err.split("\n")[:2] == [
        "Layered files need psd-tools.",
        'Install it with: pip install "bpfre[layers]".',
    ]
    assert not (tmp_path / "out").exists()


def test_missing_extras_fail_their_photos_and_no_other(
    cli, folder: Path, tmp_path: Path, options, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (folder / "b.cr2").write_bytes(b"II*\0\x10\0\0\0CR\2\0")
    for package in ("pillow_heif", "rawpy"):
        monkeypatch.setitem(sys.modules, package, None)
    ended = cli("retouch", folder, "--out", tmp_path / "out", *options)
    assert ended.code == 1
    assert 'pillow_heif is not installed. Install it with: pip install "bpfre[heic]".' in ended.err
    assert 'rawpy is not installed. Install it with: pip install "bpfre[raw]".' in ended.err
    assert set(files(tmp_path / "out")) == {"day one/a.png", "b.png", "view.jpg"}


def test_files_that_are_no_photos_are_named(cli, folder: Path, tmp_path: Path, options) -> None:
    (folder / "notes.txt").write_text("milk")
    (folder / "dance.gif").write_bytes(b"GIF89a")
    report = tmp_path / "report.json"
    ended = cli("retouch", folder, "--out", tmp_path / "out", "--report", report, *options)
    assert ended.code == 0
    assert "Left out, as they are no photos by their names: 1 .gif, 1 .txt." in ended.err
    assert json.loads(report.read_text())["left_out"] == [
        {"source": str(folder / "dance.gif"), "reason": "It is a GIF."},
        {"source": str(folder / "notes.txt"), "reason": "It is no photo."},
    ]
    plan = cli("retouch", folder, "--out", tmp_path / "new", "--dry-run", *options)
    assert f"leave   {folder / 'dance.gif'}: It is a GIF." in plan.out


def test_what_cannot_be_retouched_is_refused_by_name_in_the_report(
    cli, folder: Path, portrait: np.ndarray, tmp_path: Path, options
) -> None:
    tifffile = pytest.importorskip("tifffile")
    frames = [Image.fromarray(np.roll(portrait, step, 1)) for step in (0, 40, 80)]
    for name in ("anim.webp", "anim.png", "anim.avif"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:], duration=90)
    frames[0].save(folder / "gif.jpg", "GIF", save_all=True, append_images=frames[1:])
    tifffile.imwrite(folder / "pages.tif", np.stack([portrait] * 2), photometric="rgb", metadata=None)
    report = tmp_path / "report.json"
    ended = cli("retouch", folder, "--out", tmp_path / "out", "--report", report, *options)
    assert ended.code == 1
    photos = json.loads(report.read_text())["photos"]
    reasons = {Path(photo["source"]).name: photo["reason"] for photo in photos if photo["status"] == "failed"}
    assert {name: reason.partition(".")[2].partition(".")[0] for name, reason in reasons.items()} == {
        "anim.webp": "webp is animated",
        "anim.png": "png is animated",
        "anim.avif": "avif is animated",
        "gif.jpg": "jpg is a GIF",
        "pages.tif": "tif has several pages",
    }


def test_the_size_limit_can_be_raised(cli, folder: Path, tmp_path: Path, options) -> None:
    Image.new("L", (1100, 1000)).save(folder / "large.png")
    ended = cli("retouch", folder, "--out", tmp_path / "out", "--max-megapixels", "1", *options)
    assert ended.code == 1
    assert "large.png has 1100 x 1000 pixels, which is 1.1 megapixels and more than the limit of 1." in ended.err
    assert "--max-megapixels" in ended.err
    assert cli("retouch", folder, "--out", tmp_path / "out", "--max-megapixels", "2", *options).code == 0


def test_heic_and_avif_go_through(cli, portrait: np.ndarray, tmp_path: Path, options) -> None:
    heif = pytest.importorskip("pillow_heif", reason="pillow-heif comes with the extra heic")
    folder, out, report = tmp_path / "in", tmp_path / "out", tmp_path / "report.json"
    folder.mkdir()
    Image.fromarray(portrait).save(folder / "a.avif", quality=90)
    with (folder / "b.heic").open("wb") as file:
        heif.encode("RGB", (256, 256), portrait.tobytes(), file, quality=90)
    ended = cli("retouch", folder, "--out", out, "--report", report, *options)
    assert ended.code == 0
    assert "1 photo: Every pixel was encoded anew, because a HEIC file cannot be changed in part." in ended.err
    for photo in json.loads(report.read_text())["photos"]:
        assert photo["status"] == "retouched"
        x0, y0, x1, y1 = photo["faces"][0]["region"]
        before, after = (read_photo(Path(photo[name])).rgb.astype(int) for name in ("source", "destination"))
        change = np.abs(after - before)
        inside = change[y0:y1, x0:x1].mean()
        change[y0:y1, x0:x1] = 0
        assert inside > 2 * change.mean() and change.mean() < 0.6
