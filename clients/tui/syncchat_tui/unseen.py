"""Which messages came below the screen since its user left the end; pure, kept from the timeline's deltas."""

from collections.abc import Iterable

from syncchat.core.deltas import Added, Delta, Removed


class Unseen:
    """Counts messages; those of a page that is turned to are no news, unless they are behind all that was."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._end = ""

    @property
    def count(self) -> int:
        """How many there are among those that are loaded."""
        return len(self._ids)

    def hear(self, deltas: Iterable[Delta], *, below: str, turning: bool) -> None:
        """Take in what changed; `below` is the id at the top of the screen, `turning`: a page is turned."""
        for delta in deltas:
            match delta:
                case Added(_, id) if id > (max(below, self._end) if turning else below):
                    self._ids.add(id)
                case Removed(_, id):
                    self._ids.discard(id)

    def all_seen(self, end: str) -> None:
        """The end is in view, and the last message has the id `end`."""
        self._ids.clear()
        self._end = max(self._end, end)
