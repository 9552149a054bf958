"""What a format module reports about a file; `read_photo` adds the name and raises the public error."""

from __future__ import annotations


class DamagedError(Exception):
    """The file is broken. The text continues the sentence "The file ..."."""

    def __init__(self, what: str = "is cut off or damaged") -> None:
        super().__init__(what)


class NotHandledError(Exception):
    """The file is sound but of a kind that is not handled. `what` continues "The file ..."."""

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what)
        self.next_step = next_step


class NotExactError(Exception):
    """An edit cannot be made in the file's own code. The text continues "..., because "."""
