from __future__ import annotations

from pathlib import Path

import pytest

from bpfre.errors import DetectorError
from bpfre.faces import retinaface_weights
from bpfre.faces.cache import FILE_VARIABLE, RETINAFACE, how_to_get, read_verified
from bpfre.user_cache import CACHE_VARIABLE
from bpfre.weights import weights_path
from bpfre.weights.catalog import CATALOG


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv(FILE_VARIABLE, raising=False)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


def test_an_empty_cache_has_no_weights_and_stays_empty(empty_cache: Path) -> None:
    assert retinaface_weights() is None
    assert not empty_cache.exists()


@pytest.mark.parametrize("below", ["", "weights", "gfpgan/weights"])
def test_the_working_folder_is_never_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, below: str) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    found = {known.name: known.find() for known in CATALOG.values()}
    here = tmp_path / "here" / below
    here.mkdir(parents=True)
    for known in CATALOG.values():
        (here / known.file).write_bytes(b"")
    monkeypatch.chdir(tmp_path / "here")
    assert {known.name: known.find() for known in CATALOG.values()} == found
    assert retinaface_weights() is None and weights_path("starter") == found["starter"]


def test_verified_weights_are_found_in_the_cache(empty_cache: Path, weights_file: Path) -> None:
    empty_cache.mkdir(parents=True)
    (empty_cache / RETINAFACE.file).write_bytes(weights_file.read_bytes())
    assert retinaface_weights() == empty_cache / RETINAFACE.file


def test_the_variable_names_a_file(monkeypatch: pytest.MonkeyPatch, weights_file: Path) -> None:
    monkeypatch.setenv(FILE_VARIABLE, str(weights_file))
    assert retinaface_weights() == weights_file.absolute()


@pytest.mark.parametrize("content", [b"", b"not a network", None])
def test_damaged_weights_are_named_with_the_next_step(
    empty_cache: Path, request: pytest.FixtureRequest, content: bytes | None
) -> None:
    if content is None:  # one bit of the real file
        real = bytearray(request.getfixturevalue("weights_file").read_bytes())
        real[1000] ^= 1
        content = bytes(real)
    empty_cache.mkdir(parents=True)
    path = empty_cache / RETINAFACE.file
    path.write_bytes(content)
    with pytest.raises(DetectorError) as caught:
        retinaface_weights()
    assert str(path) in caught.value.message and "sha256" in caught.value.message
    assert "download" in caught.value.next_step and "mtcnn" in caught.value.next_step
    assert path.read_bytes() == content  # nothing is fetched or deleted behind the user's back


def test_a_named_file_that_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "nowhere.pth"))
    with pytest.raises(DetectorError, match=r"nowhere\.pth cannot be read"):
        retinaface_weights()


def test_a_folder_in_its_place_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="cannot be read"):
        read_verified(tmp_path)


def test_the_way_to_get_them_names_source_and_place(empty_cache: Path) -> None:
    assert "https://" in how_to_get() and str(empty_cache / RETINAFACE.file) in how_to_get()
