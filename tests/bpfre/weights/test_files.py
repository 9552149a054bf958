from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save

from bpfre.errors import PhotoError, WeightsError
from bpfre.network import BPFRe, preset
from bpfre.weights import load_network, read_record, save_network, weights_path
from bpfre.weights.files import CONFIG_KEY, RECORD_KEY


@pytest.fixture
def network() -> BPFRe:
    torch.manual_seed(0)
    return BPFRe(preset("tiny"))


@pytest.fixture
def saved(network: BPFRe, tmp_path: Path) -> Path:
    path = tmp_path / "net.safetensors"
    save_network(network, path, {"steps": "5"})
    return path


def assert_refused(path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        load_network(path)
    assert path.name in caught.value.message
    assert caught.value.next_step


class Trap:
    """Unpickling this leaves a folder behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_every_value_survives(network: BPFRe, saved: Path) -> None:
    loaded = load_network(saved)
    assert loaded.config == network.config
    state = network.state_dict()
    assert loaded.state_dict().keys() == state.keys()
    assert all(torch.equal(value, state[name]) for name, value in loaded.state_dict().items())


def test_loads_ready_for_use(saved: Path) -> None:
    loaded = load_network(saved)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    assert {t.device.type for t in loaded.state_dict().values()} == {"cpu"}


def test_saving_leaves_the_network_as_it_is(network: BPFRe, tmp_path: Path) -> None:
    network = network.train().to(memory_format=torch.channels_last)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    save_network(network, tmp_path / "net.safetensors", {}, half=True)
    assert network.training and all(p.requires_grad for p in network.parameters())
    for name, value in network.state_dict().items():
        assert value.dtype == torch.float32 and torch.equal(value, before[name])


def test_half_precision_is_half_as_large_and_loads_as_float32(network: BPFRe, saved: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.safetensors"
    save_network(network, half, {}, half=True)
    with safe_open(half, framework="pt") as file:
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16}  # noqa: SIM118
    tensors = network.state_dict()
    assert saved.stat().st_size - half.stat().st_size == pytest.approx(
        2 * sum(t.numel() for t in tensors.values()), rel=0.02
    )
    for name, value in load_network(half).state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, tensors[name].half().float())


def test_record_round_trip(network: BPFRe, tmp_path: Path) -> None:
    record = {"faces": "12", "source": "Émile's «photos» \n", "empty": ""}
    save_network(network, tmp_path / "a" / "b" / "net.safetensors", record)  # folders are made
    assert read_record(tmp_path / "a" / "b" / "net.safetensors") == record


def test_no_record_is_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(save({"a": torch.zeros(1)}))
    assert read_record(path) == {}


@pytest.mark.parametrize("record", ["5", "null", "[1]", "{", '"text"'])
def test_a_record_that_is_none_is_refused(tmp_path: Path, record: str) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(save({"a": torch.zeros(1)}, metadata={RECORD_KEY: record}))
    with pytest.raises(WeightsError):
        read_record(path)


@pytest.mark.parametrize("read", [load_network, read_record, weights_path])
def test_an_unknown_name_lists_the_known_ones(read: object) -> None:
    with pytest.raises(WeightsError) as caught:
        read("no-such-weights")
    assert "no-such-weights" in caught.value.message
    assert "starter" in caught.value.next_step


def test_a_folder_is_no_weights_file(tmp_path: Path) -> None:
    assert_refused(tmp_path)


@pytest.mark.parametrize("content", [b"", b"weights", b"These are no weights.\n" * 200, bytes(64), b"\xff" * 64])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    assert_refused(path)
    with pytest.raises(WeightsError):
        read_record(path)


@pytest.mark.parametrize("share", [0.0001, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_refused(saved: Path, share: float) -> None:
    data = saved.read_bytes()
    saved.write_bytes(data[: int(len(data) * share)])
    assert_refused(saved)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("unshuffle", 0),
        ("unshuffle", "two"),
        ("map_prior", 1.0),
        ("output", "sketch"),
        ("channels", None),
        ("channels", [8, 12, -16]),
        ("channels", [8, 12, 32]),
        ("size", 63),
        ("style_dim", 17),
        ("blocks", [1, 1, 2]),
    ],
)
def test_a_header_that_does_not_fit_the_weights_is_refused(
    network: BPFRe, tmp_path: Path, field: str, value: object
) -> None:
    values = json.loads(network.config.to_json()) | {field: value}
    path = tmp_path / "net.safetensors"
    path.write_bytes(save(network.state_dict(), metadata={CONFIG_KEY: json.dumps(values)}))
    assert_refused(path)


@pytest.mark.parametrize("metadata", [None, {}, {"other": "x"}, {CONFIG_KEY: "{"}, {CONFIG_KEY: "[]"}])
def test_a_safetensors_file_of_something_else_is_refused(
    network: BPFRe, tmp_path: Path, metadata: dict[str, str] | None
) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(save(network.state_dict(), metadata=metadata))
    assert_refused(path)


@pytest.mark.parametrize("fault", ["shape", "missing", "extra"])
def test_tensors_that_do_not_fit_are_refused(network: BPFRe, tmp_path: Path, fault: str) -> None:
    tensors = dict(network.state_dict())
    name = "decoder.to_rgb.weight"
    if fault == "shape":
        tensors[name] = tensors[name][:-1].contiguous()
    elif fault == "missing":
        del tensors[name]
    else:
        tensors["stowaway"] = torch.zeros(3)
    path = tmp_path / "net.safetensors"
    path.write_bytes(save(tensors, metadata={CONFIG_KEY: network.config.to_json()}))
    assert_refused(path)


@pytest.mark.parametrize("writer", ["pickle", "torch"])
def test_loading_executes_no_code(tmp_path: Path, writer: str) -> None:
    mark = tmp_path / "executed"
    path = tmp_path / "net.safetensors"
    with path.open("wb") as file:
        if writer == "pickle":
            pickle.dump(Trap(mark), file)
        else:
            torch.save({"weight": Trap(mark)}, file)
    assert_refused(path)
    assert not mark.exists()
    with path.open("rb") as file:  # the trap is a real one
        if writer == "pickle":
            pickle.load(file)
        else:
            torch.load(file, weights_only=False)
    assert mark.exists()


def test_a_save_that_fails_leaves_the_old_file(network: BPFRe, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(PhotoError):
        save_network(network, saved, {"steps": "6"})
    monkeypatch.undo()
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]
    assert read_record(saved) == {"steps": "5"}
