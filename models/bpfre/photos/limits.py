"""How large a photo may be: checked on the header, before any pixel is decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from bpfre.photos.faults import DamagedError, NotHandledError

MAX_MEGAPIXELS = 300.0  # larger files are decompression bombs more often than photographs
MAX_RATIO = 2000  # unpacked bytes a stored byte: photographs need one for 4 to 200
_SMALL = 64 * 1024 * 1024  # unpacked bytes that do no harm, however tightly they were packed
MAX_TEXT = 64 * 1024 * 1024  # bytes of one compressed metadata block once unpacked


@dataclass(frozen=True)
class _Gate:
    megapixels: float
    admit: Callable[[int], None] | None


_DEFAULT = _Gate(MAX_MEGAPIXELS, None)
_gate: ContextVar[_Gate] = ContextVar("_gate", default=_DEFAULT)


@contextmanager
def size_gate(megapixels: float, admit: Callable[[int], None] | None = None) -> Iterator[None]:
    """Set what `check_size` allows in this thread while the block runs.

    Args:
        megapixels: the most that a photo may have.
        admit: called with a photo's pixels once they are known and allowed, before any is decoded.
    """
    token = _gate.set(_Gate(megapixels, admit))
    try:
        yield
    finally:
        _gate.reset(token)


def check_size(width: int, height: int) -> None:
    """Refuse a size in px that no photo has. Every decoder calls this once, before it asks for memory.

    Raises:
        DamagedError: no pixels at all.
        NotHandledError: more than the gate allows.
    """
    gate = _gate.get()
    if width < 1 or height < 1:
        raise DamagedError("has no pixels")
    if width * height > gate.megapixels * 1e6:
        raise NotHandledError(
            f"has {width} x {height} pixels, which is {width * height / 1e6:.4g} megapixels and more than the limit"
            f" of {gate.megapixels:g}",
            "If the file can be trusted, raise the limit with --max-megapixels.",
        )
    if gate.admit is not None:
        gate.admit(width * height)


def check_packing(unpacked: int, stored: int) -> None:
    """Refuse a file that unpacks to far more than any photo of its size: a bomb, or a header that is wrong.

    Args:
        unpacked: bytes of all samples.
        stored: bytes of the file.
    Raises:
        NotHandledError: many times what is plausible.
    """
    if unpacked > _SMALL and unpacked > MAX_RATIO * stored:
        raise NotHandledError(
            f"unpacks to {unpacked // 1_000_000} MB from {-(-stored // 1000)} KB, which no photo does",
            "Save it anew if it is a photo.",
        )
