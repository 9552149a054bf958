"""What ties the stages together: bounded queues, and a bound on the photos in memory, both of which can be stopped."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

_WAKE = 0.2  # seconds; on some systems a wait without end cannot be interrupted by Ctrl-C


class StoppedError(BaseException):
    """The run is over; the stage that meets this ends. Not an error of any step, so none may swallow it."""


class Channel(Generic[T]):
    """A first-in, first-out queue of at most `size` items for any number of threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._stopped = False

    def put(self, item: T) -> None:
        """Append, waiting for room.

        Raises:
            StoppedError: `stop` was called.
        """
        with self._changed:
            while len(self._items) >= self._size and not self._stopped:
                self._changed.wait(_WAKE)
            if self._stopped:
                raise StoppedError
            self._items.append(item)
            self._changed.notify_all()

    def get(self) -> T:
        """Take the oldest, waiting for one.

        Raises:
            StoppedError: `stop` was called.
        """
        with self._changed:
            while not self._items and not self._stopped:
                self._changed.wait(_WAKE)
            if self._stopped:
                raise StoppedError
            return self._take()

    def get_more(self, most: int) -> list[T]:
        """Take up to `most` items that are there right now."""
        with self._changed:
            return [self._take() for _ in range(min(most, len(self._items)))]

    def is_empty(self) -> bool:
        """Whether nothing is there right now."""
        with self._changed:
            return not self._items

    def stop(self) -> None:
        """Drop everything and wake every thread that waits."""
        with self._changed:
            self._stopped = True
            self._items.clear()
            self._changed.notify_all()

    def _take(self) -> T:
        item = self._items.popleft()
        self._changed.notify_all()
        return item


class Budget:
    """Bounds the photos in memory by number and by pixels. A photo larger than the bound has to be alone."""

    def __init__(self, *, photos: int, pixels: float) -> None:
        self._most_photos, self._most_pixels = photos, pixels
        self._photos, self._pixels = 0, 0
        self._changed = threading.Condition()
        self._stopped = False

    def open(self) -> None:
        """Count one photo more, waiting until there is room.

        Raises:
            StoppedError: `stop` was called.
        """
        with self._changed:
            while self._photos >= self._most_photos and not self._stopped:
                self._changed.wait(_WAKE)
            if self._stopped:
                raise StoppedError
            self._photos += 1

    def weigh(self, pixels: int, instead_of: int = 0) -> None:
        """Count the pixels of a photo that is about to be read or decoded, waiting until there is room.

        Args:
            pixels: to count.
            instead_of: what was counted of the same photo so far; only one thread at a time may wait with any.

        Raises:
            StoppedError: `stop` was called.
        """
        with self._changed:
            while (others := self._pixels - instead_of) and others + pixels > self._most_pixels and not self._stopped:
                self._changed.wait(_WAKE)
            if self._stopped:
                raise StoppedError
            self._pixels += pixels - instead_of

    def add(self, pixels: int) -> None:
        """Count more pixels of a photo that has room already; never waits, or two photos could wait for each other."""
        with self._changed:
            self._pixels += pixels

    def close(self, pixels: int) -> None:
        """Give back one photo and its pixels."""
        with self._changed:
            self._photos -= 1
            self._pixels -= pixels
            self._changed.notify_all()

    def stop(self) -> None:
        """Wake every thread that waits."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
