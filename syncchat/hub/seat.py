"""A seat: one client's place at one doc, and the line (the link) that it speaks over."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import anyio

from syncchat.core.bucket import TokenBucket
from syncchat.core.closing import OverLimit, text_of
from syncchat.core.dialect import Dialect
from syncchat.core.grant import Claims, Grant, Role
from syncchat.core.hub_session import HubSession
from syncchat.core.messages import Message, Stateless
from syncchat.core.presence import Entry
from syncchat.errors import ProtocolError
from syncchat.hub.accounts import Account
from syncchat.hub.stats import Stats
from syncchat.link.protocol import Link
from syncchat.wakeup import Wakeup

if TYPE_CHECKING:
    from syncchat.hub.doc import ServedDoc

NOBODY = Grant("", Role.READER)
"""The grant of a seat that was not admitted yet."""


class Stranger:
    """What a link has sent before one of its tokens was good."""

    __slots__ = ("bytes", "frames")

    def __init__(self) -> None:
        self.frames = 0
        self.bytes = 0


@runtime_checkable
class Passing(Protocol):
    """A link that can give its frames away as they come."""

    async def pass_on(
        self, take: Callable[[bytes], bool], gather: Callable[[Callable[[], None]], bool]
    ) -> None:
        """Give frames to `take` until it says to stop; raises what that raises, and as `Link.receive`.

        `gather` may have them wait a moment: if it says so, it will call what it is given.
        """


class Line:
    """One link being served: its dialect, its seats by routing key, and the way to end it.

    With `claims` they decide what it may open, and not its tokens. `account` is that of the first
    user it was opened for; until then it is a `stranger`. It is not read before `hold`, a time of
    the event loop, nor before its seat `owing` owes less.
    """

    __slots__ = (
        "_draining",
        "account",
        "claims",
        "dialect",
        "ending",
        "hold",
        "link",
        "owing",
        "scope",
        "seats",
        "stats",
        "stranger",
    )

    def __init__(self, link: Link, dialect: Dialect, stats: Stats, claims: Claims | None = None) -> None:
        self.link = link
        self.dialect = dialect
        self.stats = stats
        self.claims = claims
        self.seats: dict[str, Seat] = {}
        self.scope = anyio.CancelScope()
        self.ending: tuple[int, str] = (1000, "")
        self.account: Account | None = None
        self.stranger: Stranger | None = None
        self.hold = 0.0
        self.owing: Seat | None = None
        self._draining: anyio.Lock | None = None

    def send(self, frame: bytes) -> None:
        """Send a frame, and count it."""
        self.stats.bytes_out += len(frame)
        self.link.send(frame)

    def end(self, code: int, reason: str) -> None:
        """Close the link with a code; whoever serves it does so as soon as it can."""
        self.ending = (code, reason)
        self.scope.cancel()

    def fail(self, error: ProtocolError) -> None:
        """Close the link for what was done on it; who is over a limit is told in full (L2)."""
        if isinstance(error, OverLimit):
            self.stats.over_limit[error.limit] += 1
            frame = self.dialect.encode("", Stateless(text_of(error)))
            if frame is not None:
                self.send(frame)
        self.end(error.code, error.reason)

    async def drained(self) -> None:
        """Return when the network has taken nearly everything; raises LinkClosed."""
        if self._draining is None:
            self._draining = anyio.Lock()
        async with self._draining:  # a link wakes one sleeper, and several docs may wait for it
            await self.link.drained()


class Seat:
    """One session of one doc, as the doc sees it; `doc` is None until it is admitted.

    `reads` tells that it has asked for the state, so that it is told what follows. `behind` is the
    state vector from which a slow reader needs a difference (None: it is up to date), `missed` the
    presence it has not been told meanwhile, `waiting` whether its doc waits until the link has taken
    what is under way. `held` is presence of its own that came faster than it is shown.
    """

    __slots__ = (
        "_eased",
        "_pending",
        "_pending_bytes",
        "account",
        "behind",
        "doc",
        "grant",
        "held",
        "key",
        "line",
        "missed",
        "pace",
        "reads",
        "session",
        "waiting",
    )

    def __init__(self, line: Line, key: str) -> None:
        self.line = line
        self.key = key
        self.session = HubSession(acknowledges=line.dialect.acknowledges)
        self.grant = NOBODY
        self.account: Account | None = None
        self.doc: ServedDoc | None = None
        self.reads = False
        self.behind: bytes | None = None
        self.missed: dict[int, Entry] | None = None
        self.waiting = False
        self.pace: TokenBucket | None = None
        self.held: dict[int, Entry] | None = None
        self._pending = 0
        self._pending_bytes = 0
        self._eased: Wakeup | None = None

    @property
    def user(self) -> str:
        """Who sits here; empty until its token was good."""
        return self.grant.user

    def say(self, message: Message) -> None:
        """Send a message about the doc."""
        frame = self.line.dialect.encode(self.key, message)
        if frame is not None:
            self.line.send(frame)

    def flush(self) -> None:
        """Send what the session has to say."""
        session, encode = self.session, self.line.dialect.encode
        outbox, session.outbox = session.outbox, []
        for message in outbox:
            frame = encode(self.key, message)
            if frame is not None:
                self.line.send(frame)

    def backlog(self) -> int:
        """Bytes under way to this client."""
        return self.line.link.backlog()

    # The end.

    def end(self, error: ProtocolError) -> None:
        """End this session; the link and its other docs live on, if the dialect has several (S3)."""
        if not self.line.dialect.authenticates:
            self.line.fail(error)
            return
        if isinstance(error, OverLimit):
            self.line.stats.over_limit[error.limit] += 1
        self.session.close(error)
        self.flush()
        self.depart()

    def depart(self) -> None:
        """The client is gone from this doc."""
        self.line.seats.pop(self.key, None)
        if self.account is not None:
            self.account.close_doc()
            self.account = None
        if self.doc is not None:
            self.doc.leave(self)

    # Backpressure: how much of this seat's work is not durable yet.

    def took(self, size: int) -> None:
        """An update of `size` bytes waits for its commit."""
        self._pending += 1
        self._pending_bytes += size

    def finished(self, size: int) -> None:
        """It waits no more."""
        self._pending -= 1
        self._pending_bytes -= size
        if self._eased is not None:
            self._eased.call()

    def owes(self, updates: int, size: int) -> bool:
        """Whether so many updates wait, or so many bytes."""
        return self._pending >= updates or self._pending_bytes >= size

    async def eased(self, updates: int, size: int) -> None:
        """Return when fewer than `updates` updates and `size` bytes wait."""
        while self.owes(updates, size):
            if self._eased is None:
                self._eased = Wakeup()
            await self._eased.sleep()
