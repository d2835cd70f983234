"""A seat: one client's place at one doc, and the line (the link) that it speaks over."""

from collections.abc import Callable

import anyio

from syncchat.core.dialect import Dialect
from syncchat.core.hub_session import HubSession
from syncchat.core.messages import Message
from syncchat.core.presence import Entry
from syncchat.link.protocol import Link
from syncchat.wakeup import Wakeup


class Line:
    """One link being served: its dialect, its seats by routing key, and the way to end it."""

    __slots__ = ("dialect", "ending", "link", "scope", "seats")

    def __init__(self, link: Link, dialect: Dialect) -> None:
        self.link = link
        self.dialect = dialect
        self.seats: dict[str, Seat] = {}
        self.scope = anyio.CancelScope()
        self.ending: tuple[int, str] = (1000, "")

    def end(self, code: int, reason: str) -> None:
        """Close the link with a code; whoever serves it does so as soon as it can."""
        self.ending = (code, reason)
        self.scope.cancel()


class Seat:
    """One session of one doc, as the doc sees it.

    `behind` is the state vector from which a slow reader needs a difference (None: it is up to
    date), `missed` the presence it has not been told meanwhile, `waiting` whether its doc waits
    until the link has taken what is under way.
    """

    __slots__ = (
        "_eased",
        "_pending",
        "_pending_bytes",
        "behind",
        "key",
        "leave",
        "line",
        "missed",
        "session",
        "user",
        "waiting",
    )

    def __init__(self, line: Line, key: str) -> None:
        self.line = line
        self.key = key
        self.session = HubSession(acknowledges=line.dialect.acknowledges)
        self.user = ""
        self.leave: Callable[[], None] | None = None
        self.behind: bytes | None = None
        self.missed: dict[int, Entry] = {}
        self.waiting = False
        self._pending = 0
        self._pending_bytes = 0
        self._eased = Wakeup()

    def say(self, message: Message) -> None:
        """Send a message about the doc."""
        frame = self.line.dialect.encode(self.key, message)
        if frame is not None:
            self.line.link.send(frame)

    def flush(self) -> None:
        """Send what the session has to say."""
        outbox, self.session.outbox = self.session.outbox, []
        for message in outbox:
            self.say(message)

    def backlog(self) -> int:
        """Bytes under way to this client."""
        return self.line.link.backlog()

    # Backpressure: how much of this seat's work is not durable yet.

    def took(self, size: int) -> None:
        """An update of `size` bytes waits for its commit."""
        self._pending += 1
        self._pending_bytes += size

    def finished(self, size: int) -> None:
        """It waits no more."""
        self._pending -= 1
        self._pending_bytes -= size
        self._eased.call()

    async def eased(self, updates: int, size: int) -> None:
        """Return when fewer than `updates` updates and `size` bytes wait."""
        while self._pending >= updates or self._pending_bytes >= size:
            await self._eased.sleep()
