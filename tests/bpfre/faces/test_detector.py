from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import bpfre.faces
from bpfre.errors import DetectorError
from bpfre.faces import open_detector
from bpfre.faces.cache import FILE_VARIABLE, RETINAFACE
from bpfre.user_cache import CACHE_VARIABLE

SOURCES = Path(bpfre.faces.__file__).parents[2]


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv(FILE_VARIABLE, raising=False)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    return tmp_path / "weights"


def run(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCES), **variables}
    command = [sys.executable, "-W", "always", "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_auto_is_mtcnn_without_weights() -> None:
    assert open_detector().name == "mtcnn"


def test_auto_is_retinaface_with_verified_weights(empty_cache: Path, weights_file: Path) -> None:
    empty_cache.mkdir()
    (empty_cache / RETINAFACE.file).write_bytes(weights_file.read_bytes())
    assert open_detector("auto").name == "retinaface"
    assert open_detector("mtcnn").name == "mtcnn"


def test_damaged_weights_are_not_passed_over_in_silence(empty_cache: Path) -> None:
    empty_cache.mkdir()
    (empty_cache / RETINAFACE.file).write_bytes(b"cut off")
    for name in ("auto", "retinaface"):
        with pytest.raises(DetectorError, match="sha256"):
            open_detector(name)
    assert open_detector("mtcnn").name == "mtcnn"


def test_retinaface_without_weights_says_how_to_get_them() -> None:
    with pytest.raises(DetectorError) as caught:
        open_detector("retinaface")
    assert RETINAFACE.file in caught.value.next_step and FILE_VARIABLE in caught.value.next_step


def test_an_unknown_detector_lists_the_known() -> None:
    with pytest.raises(DetectorError, match="Choose one of: auto, retinaface, mtcnn"):
        open_detector("haar")


def test_importing_the_package_and_mtcnn_never_import_torch() -> None:
    result = run(
        "import sys, bpfre.faces as f; assert 'torch' not in sys.modules;"
        "f.open_detector('mtcnn'); assert 'torch' not in sys.modules"
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["mtcnn", "retinaface"])
def test_detectors_write_nothing_to_the_terminal(name: str, request: pytest.FixtureRequest) -> None:
    variables = {}
    if name == "retinaface":
        variables[FILE_VARIABLE] = str(request.getfixturevalue("weights_file"))
    result = run(
        "import warnings; warnings.simplefilter('ignore'); import numpy as np; import bpfre.faces as f;"
        "warnings.simplefilter('always'); rng = np.random.default_rng(0);"
        f"d = f.open_detector('{name}'); d.detect([rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)])",
        **variables,
    )
    assert result.returncode == 0, result.stderr
    assert (result.stdout, result.stderr) == ("", "")
