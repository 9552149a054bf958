"""Any exception as a sentence for the user."""

from __future__ import annotations

import logging

from bpfre.errors import BpfreError

_log = logging.getLogger(__name__)


def sentence(error: Exception, step: str) -> str:
    """Say why a step failed; what was not foreseen goes to the log at debug level with its traceback.

    Args:
        error: what was raised.
        step: what was being done, as in "could not be {step}".
    """
    if isinstance(error, BpfreError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"It could not be {step}: there is not enough memory."
    _log.debug("could not be %s", step, exc_info=error)
    detail = (str(error).strip().splitlines() or [""])[0]
    return f"It could not be {step}: {type(error).__name__}{': ' if detail else ''}{detail}."
