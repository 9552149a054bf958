"""Packages that only some formats need."""

from __future__ import annotations

import importlib
from types import ModuleType

from bpfre.photos.faults import NotHandledError


def need(package: str, extra: str, what: str) -> ModuleType:
    """Import a package of an extra.

    Args:
        package: name to import.
        extra: name of the extra that brings it.
        what: continues "The file is ...", such as "a HEIC picture".

    Raises:
        NotHandledError: it is not installed; names the extra.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise NotHandledError(
            f"is {what}, and {package} is not installed", f'Install it with: pip install "bpfre[{extra}]".'
        ) from error
