"""Every error a user can meet: one sentence that says what happened, one that says what to do next."""

from __future__ import annotations


class BpfreError(Exception):
    """Base of all errors that are shown to the user as a sentence instead of a traceback.

    Args:
        message: what happened, one sentence without a trailing full stop being required.
        next_step: what the user can do about it; empty where nothing can be done.
    """

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}".strip()


class UsageError(BpfreError):
    """The command was given something it cannot work with (exit code 2)."""


class PhotoError(BpfreError):
    """One photo cannot be read or written; the batch goes on."""


class UnreadablePhotoError(PhotoError):
    """The file is broken, truncated, or not an image at all."""


class UnsupportedPhotoError(PhotoError):
    """The file is a sound image of a kind that is not handled (animated, several pages, odd depth)."""


class FaceRefusedError(BpfreError):
    """One face is left as it is, with the reason; its photo goes on."""


class DetectorError(BpfreError):
    """A face detector is not available on this machine."""


class WeightsError(BpfreError):
    """A weights file is missing, damaged, or not one of ours."""


class DataError(UsageError):
    """No usable training data where the user pointed."""


class TrainingError(BpfreError):
    """A training run cannot go on."""
