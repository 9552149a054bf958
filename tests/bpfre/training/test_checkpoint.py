from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from bpfre.errors import PhotoError, WeightsError
from bpfre.network import BPFRe, preset
from bpfre.training.checkpoint import load_state, save_state

Parts = tuple[nn.Module, nn.Module, torch.optim.Optimizer]


def parts(seed: int, steps: int = 0, module: nn.Module | None = None) -> Parts:
    torch.manual_seed(seed)
    network = (module or BPFRe(preset("tiny"))).to(memory_format=torch.channels_last)
    average = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, betas=(0.9, 0.99))
    for _ in range(steps):
        for parameter in network.parameters():
            parameter.grad = torch.randn_like(parameter)
        optimizer.step()
    return network, average, optimizer


def save(path: Path, step: int, made: Parts) -> None:
    modules = {"network": made[0], "average": made[1]}
    save_state(path, step=step, modules=modules, optimizers={"optimizer": made[2]})


def load(path: Path, made: Parts) -> int:
    return load_state(path, modules={"network": made[0], "average": made[1]}, optimizers={"optimizer": made[2]})


def test_round_trip_is_exact(tmp_path: Path) -> None:
    trained, fresh = parts(0, steps=3), parts(1)
    save(tmp_path / "state.safetensors", 3, trained)
    assert load(tmp_path / "state.safetensors", fresh) == 3
    for a, b in zip(trained[:2], fresh[:2], strict=True):
        assert all(torch.equal(value, b.state_dict()[name]) for name, value in a.state_dict().items())
    before, after = trained[2].state_dict()["state"], fresh[2].state_dict()["state"]
    assert before.keys() == after.keys() and len(before) > 50
    for index, entry in before.items():
        assert entry.keys() == after[index].keys() == {"step", "exp_avg", "exp_avg_sq"}
        assert all(torch.equal(value, after[index][name]) for name, value in entry.items())
    assert not torch.equal(
        trained[0].state_dict()["encoder.enter.0.weight"], trained[1].state_dict()["encoder.enter.0.weight"]
    )


def test_a_state_before_the_first_step_is_one_too(tmp_path: Path) -> None:
    save(tmp_path / "state.safetensors", 0, parts(0))
    assert load(tmp_path / "state.safetensors", parts(1)) == 0


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "no step"])
def test_a_damaged_state_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "state.safetensors"
    save(path, 1, parts(0, steps=1))
    data = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"",
            "text": b"not a checkpoint",
            "cut": data[:-100],
            "no step": data.replace(b"bpfre.step", b"bpfre.stop"),
        }[damage]
    )
    with pytest.raises(WeightsError) as caught:
        load(path, parts(1))
    assert "state.safetensors" in caught.value.message and "--out" in caught.value.next_step


def test_another_networks_state_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save(path, 1, parts(0, steps=1, module=nn.Conv2d(3, 4, 3)))
    with pytest.raises(WeightsError):
        load(path, parts(1, module=nn.Conv2d(3, 5, 3)))


def test_a_save_that_fails_leaves_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.safetensors"
    save(path, 1, parts(0, steps=1))
    before = path.read_bytes()

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(PhotoError):
        save(path, 2, parts(0, steps=2))
    monkeypatch.undo()
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == [path.name]
