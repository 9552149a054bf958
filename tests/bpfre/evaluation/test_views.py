"""Everything wanted of a photo is written, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bpfre.errors import FaceRefusedError, PhotoError, UsageError
from bpfre.evaluation import Made, Viewer, Wanted, check_masks, open_album
from bpfre.evaluation.views import short
from bpfre.network import BPFRe, preset
from bpfre.photos import read_photo
from bpfre.retouching import RetouchSettings
from bpfre.retouching.masks import share_of

View = Callable[..., list[Made | FaceRefusedError]]


@pytest.fixture
def view(network: BPFRe, detector, folder: Path, tmp_path: Path) -> View:
    """View the photo with two faces, or another one, into `tmp_path / "out"`."""

    def do(wanted: Wanted, source: str = "day one/two.png", **settings: object) -> list[Made | FaceRefusedError]:
        torch.manual_seed(5)
        networks = {"starter": network, "other": BPFRe(preset("tiny")).eval()}
        out = tmp_path / "out"
        chosen = RetouchSettings(**settings)  # type: ignore[arg-type]
        with open_album("png", out) as album:
            viewer = Viewer(wanted=wanted, networks=networks, detector=detector, settings=chosen, album=album, out=out)
            return list(viewer.view(folder / source, Path(source)))

    return do


def paths(made: list[Made | FaceRefusedError], tmp_path: Path) -> list[str]:
    return [m.path.relative_to(tmp_path / "out").as_posix() for m in made if isinstance(m, Made)]


def test_each_face_gets_a_sheet_below_its_photos_folder(view: View, tmp_path: Path) -> None:
    made = view(Wanted(attention=True))
    assert paths(made, tmp_path) == [f"day one/two.png.face{n}.attention.png" for n in (1, 2)]
    for number, one in enumerate(made, 1):
        assert isinstance(one, Made) and one.face == number
        assert np.array_equal(np.asarray(Image.open(one.path)), one.sheet)
    assert sorted(p for p in (tmp_path / "out").rglob("*") if p.is_file()) == [m.path for m in made]  # type: ignore[union-attr]


def test_everything_that_can_be_wanted_is_made(view: View, tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg", reason="the extra mp4 is not installed")
    wanted = Wanted(
        attention=True, stages=True, features=True, compare=("starter", "other"), gif=True, mp4=True, masks=True
    )
    made = view(wanted, faces="largest")
    kinds = ("attention.png", "stages.png", "features.png", "compare.png", "gif", "mp4")
    expected = [f"day one/two.png.face1.{kind}" for kind in kinds]
    assert paths(made, tmp_path) == [*expected, "masks/e2d/day one/two.png", "masks/d2g/day one/two.png"]
    assert all(m.path.stat().st_size > 1000 for m in made if isinstance(m, Made))


def test_a_comparison_alone_does_not_run_the_network_of_the_run() -> None:
    assert Wanted(compare=("a", "b")).names("starter") == ["a", "b"]
    assert Wanted(compare=("a", "starter"), gif=True).names("starter") == ["starter", "a"]
    assert Wanted(masks=True).names("starter") == ["starter"]


def test_faces_that_retouch_leaves_are_left_with_the_reason(view: View) -> None:
    first, second = view(Wanted(attention=True), faces="largest")
    assert isinstance(first, Made) and isinstance(second, FaceRefusedError)
    assert str(second) == "face 2 is left out. It is not the largest face."
    assert all("less than 500 px" in str(reason) for reason in view(Wanted(attention=True), min_face=500))


def test_a_face_that_fails_does_not_take_the_others_with_it(view: View, network, monkeypatch) -> None:
    from bpfre.evaluation import views

    calls: list[int] = []
    whole = views.face_pass

    def failing(*args: object, **kwargs: object):
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("out of memory on the card")
        return whole(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(views, "face_pass", failing)
    first, second = view(Wanted(attention=True))
    assert "face 1 is left out. It could not be looked at: RuntimeError: out of memory" in str(first)
    assert isinstance(second, Made)


def test_a_photo_without_a_face_gives_nothing(view: View, tmp_path: Path) -> None:
    assert view(Wanted(attention=True, masks=True), "view.jpg") == [] and not (tmp_path / "out").exists()


def test_masks_are_16_bit_and_retouch_takes_them(view: View, folder: Path, tmp_path: Path) -> None:
    view(Wanted(masks=True))
    photo = read_photo(folder / "day one" / "two.png")
    mask = read_photo(tmp_path / "out/masks/d2g/day one/two.png").rgb
    assert mask.dtype == np.uint16 and mask.shape[:2] == photo.rgb.shape[:2]
    share = share_of(Path("day one/two.png"), photo.rgb.shape, protect=None, only=tmp_path / "out/masks/d2g")
    assert share is not None and np.abs(share.astype(float) - mask[..., 0] / 257).max() <= 1.0


def test_a_broken_photo_is_a_sentence(view: View, folder: Path) -> None:
    (folder / "broken.jpg").write_text("no photo")
    with pytest.raises(PhotoError, match=r"broken\.jpg"):
        view(Wanted(attention=True), "broken.jpg")


def test_two_photos_that_differ_in_their_suffix_have_one_mask() -> None:
    check_masks([Path("a.jpg"), Path("b.jpg"), Path("day/a.png")])
    with pytest.raises(UsageError, match=r"a\.jpg and a\.png would have the same mask"):
        check_masks([Path("a.jpg"), Path("a.png")])


def test_weights_are_named_by_file_and_folder() -> None:
    assert short("starter") == "starter" and short("/data/runs/seven/best.safetensors") == "seven/best.safetensors"
