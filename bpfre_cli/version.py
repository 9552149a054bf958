"""Which bpfre this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version


def version() -> str:
    """Return the installed distribution's version; a source tree that is not installed has none."""
    try:
        return installed_version("bpfre")
    except PackageNotFoundError:
        return "not installed"
