from __future__ import annotations

from pathlib import Path

import pytest

from bpfre.errors import UsageError, WeightsError
from bpfre.network import BPFRe, preset
from bpfre.network.presets import SWITCHES
from bpfre.training import DataConfig, RunConfig, recipe
from bpfre.training.resolve import parse_settings, read_config, resolve
from bpfre.weights import read_shape, save_network


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


def test_a_run_from_weights_is_of_their_shape_unless_the_user_says_otherwise() -> None:
    shape = read_shape("starter")
    switches = {name: getattr(shape, name) for name in ("zoom", *SWITCHES)}
    assert shape.apart and shape.relative and shape.zoom != (1.0, 1.0)
    run = resolve(None, settings={"steps": 3}, data={"init": "starter"})
    assert run.train == recipe(shape.preset, size=shape.size, steps=3, **switches)
    run = resolve(None, settings={"size": 256, "completion": False}, data={"init": "starter"})
    assert run.train == recipe(shape.preset, **(switches | {"size": 256, "completion": False}))


def test_weights_of_one_size_leave_the_zoom_to_the_recipe(tmp_path: Path) -> None:
    save_network(BPFRe(preset("tiny")), path := tmp_path / "tiny.safetensors", {})
    assert resolve(None, settings={}, data={"init": str(path)}).train == recipe("tiny")


def test_a_file_says_what_a_run_from_weights_is() -> None:
    base = RunConfig(data=DataConfig(), train=recipe("starter", steps=7))
    assert resolve(base, settings={}, data={"init": "starter"}).train == base.train


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weights at"):
        resolve(None, settings={}, data={"init": str(tmp_path / "none.safetensors")})


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
