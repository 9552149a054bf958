"""The command line in this process, tiny weights, and a folder of everything that users keep in folders."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from bpfre.network import BPFRe, preset
from bpfre.weights import save_network
from bpfre_cli.app import main


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


Cli = Callable[..., Ended]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run `bpfre` with arguments."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*args: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["bpfre", *map(str, args)])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return Ended(end.value.code if isinstance(end.value.code, int) else 0, captured.out, captured.err)

    return run


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    logger = logging.getLogger("bpfre")
    before = logger.handlers[:], logger.propagate
    yield
    logger.handlers[:], logger.propagate = before


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes of runs go into a folder of the test, not of the user."""
    monkeypatch.setenv("BPFRE_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    torch.manual_seed(3)
    save_network(BPFRe(preset("tiny")), path, {})
    return path


@pytest.fixture
def options(weights: Path) -> tuple[object, ...]:
    """What every run here is given."""
    return "--weights", weights, "--detector", "mtcnn", "--device", "cpu"


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """[256, 256, 3] uint8 with one face of about 110 px."""
    data = pytest.importorskip("skimage.data", reason="scikit-image brings the test portrait")
    return np.ascontiguousarray(data.astronaut()[:256, 96:352, :3])


@pytest.fixture
def folder(tmp_path: Path, portrait: np.ndarray) -> Path:
    """Two portraits and a view without a face, in sub-folders."""
    root = tmp_path / "photos"
    (root / "day one").mkdir(parents=True)
    Image.fromarray(portrait).save(root / "day one" / "a.png")
    Image.fromarray(portrait[:, ::-1]).save(root / "b.png")
    Image.fromarray(portrait[-64:, :96]).save(root / "view.jpg", quality=88)
    return root


@pytest.fixture
def mixed(tmp_path: Path, portrait: np.ndarray) -> Path:
    """Sound photos of many kinds, and two files that only have a photo's name."""
    cbook = pytest.importorskip("matplotlib.cbook", reason="matplotlib brings the second portrait")
    tifffile = pytest.importorskip("tifffile")
    root = tmp_path / "mixed"
    root.mkdir()
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with Image.open(cbook.get_sample_data("grace_hopper.jpg")) as hopper:
        hopper.load()
    hopper.save(root / "grace.jpg", quality=93, subsampling=0, icc_profile=icc)
    whole = (root / "grace.jpg").read_bytes()
    (root / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "text.jpg").write_text("Remember the milk.")
    hopper.convert("CMYK").save(root / "press.jpg", quality=95)
    hopper.rotate(90, expand=True).save(root / "sideways.jpg", quality=95, exif=exif)
    tifffile.imwrite(root / "deep.tif", portrait.astype(np.uint16) * 257, photometric="rgb")
    alpha = np.dstack([portrait, np.tile(np.arange(256, dtype=np.uint8), (256, 1))])
    Image.fromarray(alpha).save(root / "alpha.png")
    Image.fromarray(portrait[-64:, :96]).save(root / "view.webp", lossless=True)
    Image.fromarray(np.tile(portrait[:200, 40:240], (2, 3, 1))).save(root / "montage.png")
    return root
