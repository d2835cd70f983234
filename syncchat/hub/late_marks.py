"""Marks of late messages: what came when others had read on, or to a page that is not the newest (H6)."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from pycrdt import Doc, Map

from syncchat.core.arrivals import Arrival, begins_before, mark_of, new_rows, news_of
from syncchat.core.codec import dump
from syncchat.core.ids import cover_name, page_name
from syncchat.core.page import MARKS
from syncchat.core.plan import Plan
from syncchat.errors import Refused
from syncchat.hub.ledger import NOTHING
from syncchat.hub.room_history import RoomHistory, update_of
from syncchat.hub.stats import Stats

if TYPE_CHECKING:
    from syncchat.hub.doc import ServedDoc

AT_ONCE = 4096
"""Late messages marked with one update: with all that they may mention these are not too many for it."""

PAGES_BACK = 4
"""Pages before the newest that are asked whether they mark a message already."""


class Pages(Protocol):
    """Where the docs are."""

    async def load(self, name: str) -> "ServedDoc":
        """A doc. Raises LogError."""


class LateMarks:
    """Marks late messages, before or with the commit that brings them.

    `client` gives client ids to write under, `history` what is known of a room; it may raise LogError.
    """

    def __init__(
        self,
        docs: Pages,
        stats: Stats,
        client: Callable[[], int],
        history: Callable[[str], Awaitable[RoomHistory]],
    ) -> None:
        self._docs = docs
        self._stats = stats
        self._client = client
        self._history = history
        self._markers: dict[tuple[str, bool], _Marker] = {}

    def forget(self, doc: str) -> None:
        """A doc is in memory no more: what was written last may be lost, and nothing may build on it."""
        for beside in (False, True):
            self._markers.pop((doc, beside), None)

    def beside(self, history: RoomHistory, page: str, plans: Collection[Plan]) -> bytes | None:
        """The update that marks what `plans` bring to the newest page before what others have read."""
        furthest = history.cover.furthest
        if not furthest or not begins_before(plans, furthest):
            return None
        late = [arrival for arrival in news_of(new_rows(plans)).finished if arrival.id < furthest]
        self._stats.late_messages += len(late)
        return self._marker(page, beside=True).mark(late, None, history.cover.messages + 1)

    async def mark(self, room: str, page: int, late: list[Arrival]) -> None:
        """Mark what comes to an older page on the newest one; on return that is durable. Raises LogError."""
        for at in range(0, len(late), AT_ONCE):
            await self._mark(room, page, late[at : at + AT_ONCE])

    async def _mark(self, room: str, page: int, late: list[Arrival]) -> None:
        while True:
            history = await self._history(room)
            newest = history.newest
            # A crash may take back a page that was opened a moment ago; marks on it would never be counted.
            # When nothing is written, all that was to be written before it is durable.
            await (await self._docs.load(cover_name(room))).write(NOTHING)
            target = await self._docs.load(page_name(room, newest))
            known = await self._marked_between(room, page, newest)
            if history.arrived is not None:
                known.update(one.id for one in late if one.id in history.arrived)
            unmarked = [one for one in late if one.id not in known]
            if not unmarked:
                return
            try:
                await self._mark_on(target, newest, history, unmarked, page)
            except Refused as refusal:
                if refusal.rule != "H6":
                    raise
                continue  # meanwhile the next page was opened
            self._stats.late_messages += len(unmarked)
            return

    async def _marked_between(self, room: str, page: int, newest: int) -> set[str]:
        """The messages that pages between this one and the newest mark: streams that ended a page later.

        And what was marked by a commit that failed, before the next page was opened. Raises LogError.
        """
        between = range(max(page + 1, newest - PAGES_BACK), newest)
        marks = [(await self._docs.load(page_name(room, number))).rows(MARKS) for number in between]
        return {id for rows in marks for id in rows}

    async def _mark_on(
        self, target: "ServedDoc", number: int, history: RoomHistory, late: list[Arrival], page: int
    ) -> None:
        at = history.cover.messages + 1
        update = self._marker(target.name, beside=False).mark(late, page, at)
        try:
            with _under_way(history, at):
                await target.write(update, only_if=lambda: history.newest == number)
        except BaseException:
            self.forget(target.name)  # what it wrote is lost, and what it would write next builds on that
            raise

    def _marker(self, page: str, *, beside: bool) -> "_Marker":
        """Who writes marks into a page: with what is committed there, or (another one) from elsewhere."""
        return self._markers.get((page, beside)) or self._markers.setdefault(
            (page, beside), _Marker(self._client())
        )


@contextmanager
def _under_way(history: RoomHistory, at: int) -> Iterator[None]:
    """While marks get to the log: who reads on meanwhile has not seen what they lead to."""
    history.marking.append(at)
    try:
        yield
    finally:
        history.marking.remove(at)


class _Marker:
    """Writes marks into a page: what it writes has to get there, in this order."""

    def __init__(self, client: int) -> None:
        self._doc: Doc[Any] = Doc(client_id=client)
        self._marks = self._doc.get(MARKS, type=Map)

    def mark(self, late: Iterable[Arrival], page: int | None, at: int) -> bytes:
        """The update that marks messages of an older page, or of the same one; see `mark_of`."""

        def write() -> None:
            with self._doc.transaction():
                for arrival in late:
                    self._marks[arrival.id] = dump(mark_of(arrival, page, at))

        return update_of(self._doc, write) or self._doc.get_update()
