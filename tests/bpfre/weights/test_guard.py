"""Weights files made to do harm: each is refused with a sentence, before it costs memory."""

from __future__ import annotations

import json
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from torch import Tensor

from bpfre.errors import UsageError, WeightsError
from bpfre.network import BPFRe, preset
from bpfre.network.config import MAX_SIZE
from bpfre.weights import load_network, read_record
from bpfre.weights.files import CONFIG_KEY, RECORD_KEY
from bpfre.weights.guard import MAX_HEADER

Make = Callable[..., Path]
LAYER = "decoder.to_rgb.weight"


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return dict(BPFRe(preset("tiny")).state_dict())


@pytest.fixture
def make(state: dict[str, Tensor], tmp_path: Path) -> Make:
    """Write a weights file with changed tensors (None leaves one out) or changed configuration."""

    def write(tensors: dict[str, Tensor | None] | None = None, /, **changes: Any) -> Path:
        config = json.loads(preset("tiny").to_json()) | changes
        kept = {name: tensor for name, tensor in (state | (tensors or {})).items() if tensor is not None}
        path = tmp_path / "net.safetensors"
        path.write_bytes(save(kept, metadata={CONFIG_KEY: json.dumps(config)}))
        return path

    return write


def refused(path: Path, *said: str) -> None:
    """Assert a plain refusal that names the file, says this, and takes hardly any memory."""
    tracemalloc.start()
    try:
        with pytest.raises(WeightsError) as caught:
            load_network(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(path) in caught.value.message and caught.value.next_step
    for words in said:
        assert words in caught.value.message
    assert len(caught.value.message) < len(str(path)) + 400
    assert peak < 64 << 20


def with_header(path: Path, header: bytes, data: bytes = b"", *, length: int | None = None) -> Path:
    path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + data)
    return path


def test_the_untouched_file_loads(make: Make) -> None:
    assert load_network(make()).config == preset("tiny")


@pytest.mark.parametrize("length", [9, 1 << 20, 1 << 40, (1 << 63) - 1, (1 << 64) - 1])
def test_a_header_that_reaches_past_the_end(tmp_path: Path, length: int) -> None:
    refused(with_header(tmp_path / "x.safetensors", b"{}", b"12345", length=length), "cut off")
    with pytest.raises(WeightsError, match="cut off"):
        read_record(tmp_path / "x.safetensors")


def test_a_huge_header_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 90 << 20))  # safetensors itself takes up to 100 MB
        file.truncate(91 << 20)
    refused(path, "a header of 94371840 bytes")
    assert (90 << 20) > MAX_HEADER > 100 * 1024


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff" * 16,
        b'{"a":' * 5000,
        b"[" * 100_000,
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,16]}}',
        b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,16]}}',
        b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}',
        b'{"a":{"dtype":"F99","shape":[4],"data_offsets":[0,16]}}',
        b'{"__metadata__":{"bpfre.config":5}}',
        b'{"__metadata__":[]}',
    ],
)
def test_headers_that_make_no_sense(tmp_path: Path, header: bytes) -> None:
    refused(with_header(tmp_path / "x.safetensors", header, bytes(16)))


def test_tensors_that_overlap(state: dict[str, Tensor], make: Make) -> None:
    content = make().read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    names = [name for name, entry in header.items() if entry.get("shape") == list(state["mean"].shape)]
    assert len(names) >= 2
    header[names[0]]["data_offsets"] = header[names[1]]["data_offsets"]
    refused(with_header(make(), json.dumps(header).encode(), content[8 + length :]), "not a sound safetensors file")


@pytest.mark.parametrize("kind", [torch.int8, torch.int64, torch.float64, torch.bool, torch.float8_e4m3fn])
def test_numbers_of_another_type(make: Make, state: dict[str, Tensor], kind: torch.dtype) -> None:
    refused(make({LAYER: state[LAYER].to(kind)}), LAYER, "type")


def test_bfloat16_is_taken(make: Make, state: dict[str, Tensor]) -> None:
    loaded = load_network(make({name: tensor.bfloat16() for name, tensor in state.items()}))
    assert all(tensor.dtype == torch.float32 for tensor in loaded.state_dict().values())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_no_numbers(make: Make, state: dict[str, Tensor], value: float) -> None:
    broken = state[LAYER].clone()
    broken.view(-1)[-1] = value
    refused(make({LAYER: broken}), "no numbers", LAYER)


@pytest.mark.parametrize("shape", [(0,), (1,), (3, 8), (10_000, 100)])
def test_tensors_of_another_shape(make: Make, shape: tuple[int, ...]) -> None:
    refused(make({LAYER: torch.zeros(shape)}), LAYER, str(list(shape)))


def test_tensors_that_are_missing_or_foreign(make: Make) -> None:
    refused(make({LAYER: None}), f"has no tensor '{LAYER}'")
    refused(make({"stowaway": torch.zeros(3)}), "has a foreign tensor 'stowaway'")
    refused(make({"\x1b[31m" + "long" * 5000: torch.zeros(3)}), "has a foreign tensor")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("preset", "other"),
        ("preset", "starter"),
        ("preset", None),
        ("preset", ["tiny"]),
        ("preset", {"tiny": 1}),
        ("preset", "x" * 100_000),
        ("size", 1 << 40),
        ("size", MAX_SIZE + 64),
        ("size", -64),
        ("size", 0),
        ("size", 64.0),
        ("size", True),
        ("size", "64"),
        ("size", 10**4000),
        ("blocks", [10**9, 1, 1]),
        ("blocks", [1] * 10_000),
        ("channels", [1 << 30, 12, 16]),
        ("channels", [8] * 100_000),
        ("generator_channels", [8, 8, 1 << 40]),
        ("attention_channels", 1 << 40),
        ("style_dim", 1 << 40),
        ("discriminator_channels", [1 << 40]),
        ("unshuffle", 1 << 20),
        ("unshuffle", 10**400),
        ("side_gain", float("nan")),
        ("side_gain", 5.0),
        ("zoom", []),
        ("zoom", [1]),
        ("zoom", [0.5, 1, 2]),
        ("zoom", [0.5, float("inf")]),
        ("zoom", [float("nan"), 1.0]),
        ("zoom", ["a", "b"]),
        ("zoom", 1.0),
        ("zoom", [0.5, 10**400]),
        ("completion", 1),
        ("completion", None),
        ("completion", [[1] * 1000]),
        ("stowaway", 1),
    ],
)
def test_configurations_that_are_not_of_a_known_preset(make: Make, field: str, value: object) -> None:
    refused(make(**{field: value}), "does not hold the weights of a BPFRe network")


@pytest.mark.parametrize("size", [32, 96, MAX_SIZE])
def test_what_users_choose_of_a_preset_is_taken(make: Make, size: int) -> None:
    loaded = load_network(make(size=size, zoom=[0.5, 2], completion=True))
    assert loaded.config == preset("tiny", size=size, zoom=(0.5, 2.0), completion=True)


def test_no_network_can_be_trained_that_could_not_be_loaded() -> None:
    with pytest.raises(UsageError, match="too large"):
        preset("tiny", size=MAX_SIZE + 64)


@pytest.mark.parametrize("config", ["[" * 100_000, '{"a":' * 50_000, "1" * 5000, "NaN", '"tiny"', ""])
def test_configurations_that_are_no_object(state: dict[str, Tensor], tmp_path: Path, config: str) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(save(state, metadata={CONFIG_KEY: config}))
    refused(path, "does not hold the weights of a BPFRe network")


@pytest.mark.parametrize("record", ["[" * 100_000, "NaN", "1" * 5000])
def test_records_that_are_no_object(state: dict[str, Tensor], tmp_path: Path, record: str) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(save(state, metadata={RECORD_KEY: record}))
    with pytest.raises(WeightsError, match="record"):
        read_record(path)


@pytest.mark.parametrize("start", [b"\x80\x02}q\0.", b"\x80\x04\x95" + bytes(20), b"PK\x03\x04" + bytes(40)])
def test_pickles_are_called_by_their_name(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(start)
    refused(path, "pickle")


def test_a_header_as_long_as_a_pickles_first_byte_is_no_pickle(state: dict[str, Tensor], tmp_path: Path) -> None:
    for padding in range(0, 256, 8):
        content = save(state, metadata={CONFIG_KEY: preset("tiny").to_json(), "padding": " " * padding})
        if content[0] == 0x80:
            break
    assert content[0] == 0x80
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    assert load_network(path).config == preset("tiny")
