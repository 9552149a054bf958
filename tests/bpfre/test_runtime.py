from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch

from bpfre.errors import UsageError
from bpfre.runtime import pick_device, release_memory, tune_allocator


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Pretend a number of GPUs."""

    def pretend(cuda: int = 0, mps: bool = False) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"), [(0, False, "cpu"), (1, False, "cuda"), (0, True, "mps"), (2, True, "cuda")]
)
def test_auto_takes_the_fastest_there_is(machine: Callable[..., None], cuda: int, mps: bool, chosen: str) -> None:
    machine(cuda, mps)
    assert pick_device() == chosen


@pytest.mark.parametrize("name", ["cpu", "cpu:0", "cuda", "cuda:0", "cuda:1"])
def test_a_device_that_is_there_is_taken(machine: Callable[..., None], name: str) -> None:
    machine(cuda=2)
    assert pick_device(name) == name


@pytest.mark.parametrize("name", ["mps", "cuda:2", "cuda:x", "cuda:", "cuda:-1", "cpu:fast", "tpu", "", "CUDA 0"])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(machine: Callable[..., None], name: str) -> None:
    machine(cuda=2)
    with pytest.raises(UsageError) as caught:
        pick_device(name)
    assert repr(name) in caught.value.message
    assert "cuda, cpu" in caught.value.next_step


def test_the_allocator_is_left_alone_on_request_and_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BPFRE_MALLOC", "system")
    assert tune_allocator() is False
    monkeypatch.delenv("BPFRE_MALLOC")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert tune_allocator() is False


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator tuned is that of glibc")
def test_glibc_takes_the_settings_without_torch() -> None:
    code = "import sys; from bpfre.runtime import tune_allocator; print(tune_allocator(), 'torch' in sys.modules)"
    environment = {k: v for k, v in os.environ.items() if k != "BPFRE_MALLOC"} | {
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)
    }
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert run.stdout.split() == ["True", "False"]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator tuned is that of glibc")
def test_memory_that_the_settings_keep_can_be_handed_back() -> None:
    code = """
from bpfre.runtime import release_memory, tune_allocator

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

tune_allocator()
blocks = [bytearray(b"x") * 20_000_000 for _ in range(10)]
del blocks
kept = resident()
release_memory()
print(kept - resident())
"""
    environment = {k: v for k, v in os.environ.items() if k != "BPFRE_MALLOC"} | {
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)
    }
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert int(run.stdout) > 150_000_000


def test_nothing_is_handed_back_where_there_is_no_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    release_memory()
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())  # musl: no malloc_trim
    release_memory()
