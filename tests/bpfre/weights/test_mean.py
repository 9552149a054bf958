"""The mean of several networks' weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bpfre.errors import UsageError
from bpfre.network import BPFRe, preset
from bpfre.weights import load_network, read_record, save_network
from bpfre.weights.mean import main, mean_of


def network(seed: int, **switches: bool) -> BPFRe:
    torch.manual_seed(seed)
    return BPFRe(preset("tiny", **switches))


def test_every_weight_is_the_mean_and_the_networks_stay() -> None:
    a, b = network(0), network(1)
    before = {name: value.clone() for name, value in a.state_dict().items()}
    mean = mean_of([a, b]).state_dict()
    for name, value in a.state_dict().items():
        assert torch.equal(value, before[name])
        assert mean[name] == pytest.approx((value + b.state_dict()[name]) / 2, abs=1e-6)
    assert any(not torch.equal(mean[name], before[name]) for name in mean)


def test_one_network_is_its_own_mean() -> None:
    only = network(0)
    assert all(torch.equal(value, only.state_dict()[name]) for name, value in mean_of([only]).state_dict().items())


def test_networks_of_several_shapes_have_none() -> None:
    with pytest.raises(UsageError, match="different networks"):
        mean_of([network(0), network(0, relative=True)])


def test_files_become_one_file_that_loads(tmp_path: Path) -> None:
    for seed in (0, 1):
        save_network(network(seed), tmp_path / f"{seed}.safetensors", {"steps": str(seed)})
    main([*(str(tmp_path / f"{seed}.safetensors") for seed in (0, 1)), "--out", str(tmp_path / "mean.safetensors")])
    loaded, wanted = load_network(tmp_path / "mean.safetensors"), mean_of([network(0), network(1)])
    for name, value in loaded.state_dict().items():
        assert value == pytest.approx(wanted.state_dict()[name], rel=1e-3, abs=1e-6)
    assert read_record(tmp_path / "mean.safetensors") == {"steps": "1", "mean": "2"}


def test_a_mistake_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([str(tmp_path / "none.safetensors"), "--out", str(tmp_path / "mean.safetensors")])
    assert caught.value.code == 1
    assert "none.safetensors" in capsys.readouterr().err and not list(tmp_path.iterdir())
