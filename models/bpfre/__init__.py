"""bpfre: batch face retouching. Public names are loaded when first used, so that importing this costs nothing."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bpfre.errors import BpfreError
    from bpfre.faces import open_detector
    from bpfre.network import BPFRe, BPFReConfig, BPFReOutput, preset
    from bpfre.photos import find_photos, read_photo, write_photo
    from bpfre.retouching import Job, RetouchSettings, retouch_photos
    from bpfre.weights import load_network, save_network

_HOMES = {
    "BPFRe": "bpfre.network",
    "BPFReConfig": "bpfre.network",
    "BPFReOutput": "bpfre.network",
    "BpfreError": "bpfre.errors",
    "Job": "bpfre.retouching",
    "RetouchSettings": "bpfre.retouching",
    "find_photos": "bpfre.photos",
    "load_network": "bpfre.weights",
    "open_detector": "bpfre.faces",
    "preset": "bpfre.network",
    "read_photo": "bpfre.photos",
    "retouch_photos": "bpfre.retouching",
    "save_network": "bpfre.weights",
    "write_photo": "bpfre.photos",
}

__all__ = [
    "BPFRe",
    "BPFReConfig",
    "BPFReOutput",
    "BpfreError",
    "Job",
    "RetouchSettings",
    "find_photos",
    "load_network",
    "open_detector",
    "preset",
    "read_photo",
    "retouch_photos",
    "save_network",
    "write_photo",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
