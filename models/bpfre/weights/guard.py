"""What a weights file must be before any of its tensors is loaded: safetensors, small enough, of a known network."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpfre.errors import WeightsError
from bpfre.photos.disk import reason

if TYPE_CHECKING:
    from torch import Tensor

MAX_HEADER = 8 << 20  # bytes; the header of the largest preset has 40 KB
DTYPES = ("F16", "BF16", "F32")
_LENGTH = struct.Struct("<Q")  # the header's length stands before it
_PICKLES = (b"\x80", b"PK\x03\x04", b"PK\x05\x06")  # a bare pickle; torch.save's archive
_FETCH_AGAIN = "Fetch or copy it again, or choose other weights."
_NOT_OURS = "Choose a file that bpfre train wrote."


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a safetensors file whose header is of a sane length.

    Yields:
        The `safe_open` of safetensors.

    Raises:
        WeightsError: it cannot be read, or is a pickle, damaged, cut off or something else.
    """
    from safetensors import SafetensorError, safe_open

    try:
        _check_header_length(path)
        with safe_open(path, framework="pt") as file:
            yield file
    except OSError as error:
        raise WeightsError(f"The weights {path} cannot be read: {reason(error)}.", _FETCH_AGAIN) from error
    except SafetensorError as error:
        raise WeightsError(f"{path} is not a sound safetensors file.", _FETCH_AGAIN) from error


def check_tensors(path: Path, file: Any, expected: Mapping[str, Tensor]) -> None:
    """Compare what the header promises with the state of the network that it names; no value is read.

    Args:
        path: for the sentence.
        file: what `opened` yields.
        expected: the network's state, on any device.

    Raises:
        WeightsError: names, shapes or types of numbers differ.
    """
    names = set(file.keys())
    if odd := names ^ expected.keys():
        missing = "has no" if min(odd) in expected else "has a foreign"
        raise _foreign(path, f"it {missing} tensor {_shown(min(odd))}")
    for name, tensor in expected.items():
        part = file.get_slice(name)
        if part.get_shape() != list(tensor.shape):
            raise _foreign(path, f"{name} has the shape {part.get_shape()} instead of {list(tensor.shape)}")
        if part.get_dtype() not in DTYPES:
            raise _foreign(path, f"{name} has numbers of the type {part.get_dtype()}, not {', '.join(DTYPES)}")


def check_values(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Refuse values that no network works with.

    Raises:
        WeightsError: NaN or infinity somewhere.
    """
    import torch

    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise WeightsError(f"The weights {path} are damaged: {name} holds values that are no numbers.", _NOT_OURS)


def foreign_config(path: Path, error: Exception) -> WeightsError:
    """Return the error for a file whose header names no network that is known here."""
    why = str(error) if type(error) is ValueError else "its header does not say which network they are for"
    return _foreign(path, why[:200].rstrip("."))


def _foreign(path: Path, why: str) -> WeightsError:
    return WeightsError(f"{path} does not hold the weights of a BPFRe network: {why}.", _NOT_OURS)


def _check_header_length(path: Path) -> None:
    """Check the file's first bytes, so that no library asks for memory on the word of a header."""
    with path.open("rb") as file:
        start = file.read(_LENGTH.size)
        size = os.fstat(file.fileno()).st_size
    length = _LENGTH.unpack(start)[0] if len(start) == _LENGTH.size else size
    if _LENGTH.size + length <= size and length <= MAX_HEADER:
        return
    if start.startswith(_PICKLES):
        raise WeightsError(f"{path} is a pickle (PyTorch) file, which could run code when it is loaded.", _NOT_OURS)
    if _LENGTH.size + length > size:
        raise WeightsError(f"{path} is cut off, or not a safetensors file.", _FETCH_AGAIN)
    raise WeightsError(f"{path} has a header of {length} bytes, far more than any network needs.", _NOT_OURS)


def _shown(name: str) -> str:
    """Quote a name from a file, shortened."""
    return repr(name if len(name) <= 80 else f"{name[:77]}...")
