"""The changes of a doc that its log does not hold yet."""

from collections.abc import Callable

MAX_UNLOGGED = 8 << 20
"""Bytes of changes kept for a log that cannot be written; past it the doc's whole state stands for them."""


class Unlogged:
    """Collects updates until they are taken; true while there is anything to take."""

    def __init__(self) -> None:
        self._updates: list[bytes] = []
        self._bytes = 0
        self._whole = False

    def __bool__(self) -> bool:
        return self._whole or bool(self._updates)

    def add(self, update: bytes) -> None:
        """The doc was changed by this."""
        if self._whole:
            return
        self._updates.append(update)
        self._bytes += len(update)
        if self._bytes > MAX_UNLOGGED:
            self.lose()

    def take(self, state: Callable[[], bytes]) -> list[bytes]:
        """All there is, in order; `state` gives the doc's, which stands for what was lost."""
        taken = [state()] if self._whole else self._updates
        self.clear()
        return taken

    def lose(self) -> None:
        """What was taken could not be written: the doc's whole state stands for it at the next try."""
        self.clear()
        self._whole = True

    def clear(self) -> None:
        """Forget all: the doc's state is written elsewhere, or is another one now."""
        self._updates, self._bytes, self._whole = [], 0, False
