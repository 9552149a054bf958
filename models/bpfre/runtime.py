"""What the process needs before the first tensor: a kinder allocator, a sensible number of threads."""

from __future__ import annotations

import ctypes
import os
import platform
from contextlib import suppress

# glibc's mallopt parameters (malloc.h) and values: keep freed tensors in the process instead of handing their
# pages back to the kernel, which otherwise costs as much time as the arithmetic.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_KEEP = 1 << 30


def tune_allocator() -> bool:
    """Tell glibc's malloc to reuse large blocks. Returns whether it took; other systems are left alone."""
    if platform.system() != "Linux" or os.environ.get("BPFRE_MALLOC") == "system":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl and friends
        return False
    mallopt.argtypes, mallopt.restype = [ctypes.c_int, ctypes.c_int], ctypes.c_int
    settings = ((_M_MMAP_THRESHOLD, _KEEP), (_M_TRIM_THRESHOLD, 2 * _KEEP - 1), (_M_TOP_PAD, 1 << 28))
    return all(mallopt(name, value) == 1 for name, value in settings)


def release_memory() -> None:
    """Hand back what `tune_allocator` made malloc keep: worth it after something much larger than tensors."""
    if platform.system() != "Linux":
        return
    with suppress(OSError, AttributeError):  # musl and friends
        ctypes.CDLL(None).malloc_trim(0)


def pick_device(name: str = "auto") -> str:
    """Resolve `auto` to cuda, mps or cpu, and check a device named by the user.

    Raises:
        UsageError: the device is unknown or not there.
    """
    import torch

    from bpfre.errors import UsageError

    counts = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    if name == "auto":
        return next(kind for kind, count in counts.items() if count)
    kind, _, index = name.partition(":")
    valid = name == kind or index.isdecimal()
    if not valid or int(index or 0) >= counts.get(kind, 0):
        usable = ", ".join(kind for kind, count in counts.items() if count)
        raise UsageError(f"The device {name!r} is not available here.", f"Choose auto or one of: {usable}.")
    return name
