from __future__ import annotations

from pathlib import Path

import pytest

from bpfre.errors import UsageError
from bpfre.training import DataConfig, RunConfig, recipe
from bpfre.training.resolve import parse_settings, read_config, resolve


def test_settings_are_read_by_their_type() -> None:
    texts = ["steps=7", "lr=1e-4", "balance=false", "map_loss=l1", "zoom=0.5, 2"]
    assert parse_settings(texts) == {"steps": 7, "lr": 1e-4, "balance": False, "map_loss": "l1", "zoom": (0.5, 2.0)}
    assert parse_settings(["kinds=flat mark, mole"]) == {"kinds": ("flat mark", "mole")}
    assert parse_settings(["restarts=200, 400"]) == {"restarts": (200, 400)}


@pytest.mark.parametrize(
    "text",
    ["steps", "step=3", "steps=3.5", "lr=fast", "balance=1", "zoom=1", "zoom=1,2,3", "restarts=1,2.5", "=3"],
)
def test_other_settings_are_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_settings([text])
    assert caught.value.next_step


def test_the_user_goes_before_the_file_and_the_file_before_the_recipe() -> None:
    base = RunConfig(data=DataConfig(unpaired=("/wild",)), train=recipe("starter", steps=7, lr=0.5))
    run = resolve(base, settings={"lr": 0.25}, data={"paired": ("/pairs",)})
    assert run.train == recipe("starter", steps=7, lr=0.25)
    assert run.data == DataConfig(paired=("/pairs",), unpaired=("/wild",))


def test_without_a_file_the_recipe_of_the_preset_counts() -> None:
    assert resolve(None, settings={}, data={}).train == recipe("starter")
    assert resolve(None, settings={"preset": "paper", "steps": 3}, data={}).train == recipe("paper", steps=3)


def test_another_preset_than_the_files_starts_from_its_own_recipe() -> None:
    base = RunConfig(data=DataConfig(), train=recipe("paper", steps=7))
    assert resolve(base, settings={"preset": "tiny"}, data={}).train == recipe("tiny")


def test_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = resolve(None, settings={}, data={"paired": ("a", "b"), "unpaired": ("c",), "hold_out": "d"}).data
    assert data.paired == (str(tmp_path / "a"), str(tmp_path / "b"))
    assert (data.unpaired, data.hold_out) == ((str(tmp_path / "c"),), str(tmp_path / "d"))


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"nothing"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_config(path)
    assert "config" in caught.value.message and caught.value.next_step
