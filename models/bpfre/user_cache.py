"""The folder of this user's machine for what can be had again: downloaded weights, and where photos were retouched."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "BPFRE_CACHE"


def cache_folder() -> Path:
    """Return `$BPFRE_CACHE`, or else the user's cache folder; it need not exist."""
    from platformdirs import user_cache_dir

    return Path(os.environ.get(CACHE_VARIABLE) or user_cache_dir("bpfre")).expanduser().absolute()
