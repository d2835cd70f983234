"""Which rows of a replica hold edits that the server has not acknowledged yet."""

from collections.abc import Iterable

Row = tuple[str, str]
"""A root's name and a key in it."""


class Waiting:
    """Numbers the edits of a replica and remembers, for each row, the last one that touched it.

    `newest` is the number that it counts on from; those up to it wait for nothing.
    """

    def __init__(self, newest: int = 0) -> None:
        self.newest = newest
        self._acknowledged = newest
        self._edits: dict[Row, int] = {}

    def __len__(self) -> int:
        return len(self._edits)

    def __contains__(self, row: object) -> bool:
        return row in self._edits

    @property
    def rows(self) -> list[Row]:
        """The rows that wait, in the order of their last edits."""
        return list(self._edits)

    def of(self, edit: int) -> list[Row]:
        """The rows whose last edit was this one."""
        return [row for row, number in self._edits.items() if number == edit]

    @property
    def settled(self) -> bool:
        """Whether every edit was acknowledged, whatever rows it touched."""
        return self._acknowledged == self.newest

    def edit(self) -> int:
        """Count a new edit; returns its number."""
        self.newest += 1
        return self.newest

    def touched(self, rows: Iterable[Row], edit: int) -> None:
        """Edit number `edit`, the newest so far, touched these rows."""
        for row in rows:
            self._edits.pop(row, None)  # the order of the dict is the order of the edits
            self._edits[row] = edit

    def acknowledged(self, edit: int) -> list[Row]:
        """All edits up to `edit` are durable; returns the rows that wait no more."""
        self._acknowledged = max(self._acknowledged, edit)
        settled = []
        for row, number in self._edits.items():
            if number > edit:
                break
            settled.append(row)
        for row in settled:
            del self._edits[row]
        return settled
