from __future__ import annotations

import hashlib
import sysconfig
from pathlib import Path

import pytest

import bpfre
from bpfre.errors import WeightsError
from bpfre.user_cache import CACHE_VARIABLE
from bpfre.weights.catalog import CATALOG
from bpfre.weights.published import PublishedFile, read_verified, weights_folder

CONTENT = bytes(range(256)) * 40
PUBLISHED = PublishedFile(
    name="toy",
    title="Toy",
    purpose="tests",
    file="toy.pth",
    url="https://example.org/toy.pth",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    size=len(CONTENT),
    licence="MIT",
    source="the tests",
)


def test_the_variable_names_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert weights_folder() == tmp_path / "weights"
    assert PUBLISHED.place == tmp_path / "weights" / "toy.pth"
    assert str(PUBLISHED.place) in PUBLISHED.how_to_get and PUBLISHED.url in PUBLISHED.how_to_get
    assert not weights_folder().exists()  # looking makes nothing


def test_the_users_cache_is_the_default_place(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (CACHE_VARIABLE, "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    assert weights_folder().is_relative_to(Path.home()) and "bpfre" in weights_folder().parts
    installed = {sysconfig.get_path(name) for name in ("purelib", "platlib", "data")}
    installed.add(str(Path(bpfre.__file__).parent))
    downloads = [known for known in CATALOG.values() if isinstance(known, PublishedFile)]
    assert len(downloads) > 4
    for known in downloads:
        assert known.place.parent == weights_folder()
        assert not any(known.place.is_relative_to(folder) for folder in installed)


def test_the_published_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(CONTENT)
    assert read_verified(tmp_path / "x", PUBLISHED) == CONTENT


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT + b"\0", b"\1" + CONTENT[1:]])
def test_any_other_content_is_refused_and_left_there(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="sha256") as caught:
        read_verified(path, PUBLISHED)
    assert str(path) in caught.value.message and PUBLISHED.url in caught.value.next_step
    assert path.read_bytes() == content


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(WeightsError, match=r"Toy weights .* cannot be read"):
            read_verified(path, PUBLISHED)
