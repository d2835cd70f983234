"""A hub's side of the conversation about one doc on one link, without IO.

A session is given what was heard and returns what it asks of the hub; what is to be said it puts
into its `outbox`. It never waits: the hub carries the frames. replica_session.py is the other side.
"""

from dataclasses import dataclass

from syncchat.core.closing import OverLimit, closing_text, text_of
from syncchat.core.messages import (
    Auth,
    Authenticated,
    Awareness,
    Close,
    Denied,
    Message,
    QueryAwareness,
    Stateless,
    Status,
    Step1,
    Step2,
    Update,
)
from syncchat.core.replica_session import WINDOW
from syncchat.errors import CloseCode, ProtocolError

MAX_QUEUED = 64
"""Messages that a hub keeps for a doc whose token it has not judged yet."""

MAX_QUEUED_BYTES = 1 << 20
"""Bytes of such messages after which it keeps no further one."""

MAX_OWED = 2 * WINDOW
"""Offers whose Status a hub may owe while it waits for a gap to be filled."""

MAX_ROWS = 100
"""Rows that a refusal names."""

MAX_KEY = 1000
"""Characters of a row's key that a refusal repeats."""

SOON = 1.0
"""Seconds after which a session that ended for too much waiting may be tried again."""


# What the session reports.


@dataclass(frozen=True, slots=True)
class AskedToOpen:
    """The client asks to open the doc with a `token`."""

    token: str


@dataclass(frozen=True, slots=True)
class Renewed:
    """The client, which has the doc open, sends another `token` (U3)."""

    token: str


@dataclass(frozen=True, slots=True)
class AskedForState:
    """The client has `state` and asks for what it lacks."""

    state: bytes


@dataclass(slots=True)
class Offered:
    """The client offers an update and, if the dialect acknowledges, waits for a Status.

    `whole` tells that it is the answer to the hub's Step1, thus fills every gap there was.
    Not frozen, as in messages.py.
    """

    update: bytes
    whole: bool


@dataclass(frozen=True, slots=True)
class Presented:
    """The client tells its presence."""

    entries: bytes


@dataclass(frozen=True, slots=True)
class AskedForPresence:
    """The client asks for everybody's presence."""


@dataclass(frozen=True, slots=True)
class Left:
    """The client ends the session."""


HubEvent = AskedToOpen | Renewed | AskedForState | Offered | Presented | AskedForPresence | Left


def _size(message: Message) -> int:
    match message:
        case Step1(data) | Step2(data) | Update(data) | Awareness(data):
            return len(data)
        case Stateless(text):
            return len(text)
    return 0


class HubSession:
    """A hub's side: keeps what comes until the client is admitted, and settles each offer once (S10)."""

    __slots__ = ("_acknowledges", "_admitted", "_asked", "_owed", "_queued", "_queued_bytes", "outbox")

    def __init__(self, *, acknowledges: bool) -> None:
        self.outbox: list[Message] = []
        self._acknowledges = acknowledges
        self._queued: list[Message] = []
        self._queued_bytes = 0
        self._admitted = False
        self._asked = False
        self._owed: list[bool] = []

    @property
    def waiting_bytes(self) -> int:
        """How much was sent to a doc that is not open yet."""
        return self._queued_bytes

    def receive(self, message: Message) -> list[HubEvent]:
        """Take in one message; return what it means to the hub.

        Raises ProtocolError when more is sent before admission than is kept, or what only a
        hub may say.
        """
        if self._admitted:
            return self._event(message)
        if isinstance(message, Auth):
            if self._asked:
                return []
            self._asked = True
            return [AskedToOpen(message.token)]
        if isinstance(message, Close):
            return [Left()]
        if len(self._queued) >= MAX_QUEUED or self._queued_bytes >= MAX_QUEUED_BYTES:
            raise OverLimit("MAX_QUEUED", "too many messages before the doc was opened", SOON)
        self._queued.append(message)
        self._queued_bytes += _size(message)
        return []

    def admit(self, scope: str, welcome: str | None = None) -> list[HubEvent]:
        """The client may enter, and is told `welcome`; returns what its waiting messages mean."""
        self._admitted = True
        self.renew(scope, welcome)
        queued, self._queued, self._queued_bytes = self._queued, [], 0
        return [event for message in queued for event in self._event(message)]

    def renew(self, scope: str, welcome: str | None = None) -> None:
        """The client's new token is good too."""
        self.outbox.append(Authenticated(scope))
        if welcome is not None:
            self.outbox.append(Stateless(welcome))

    def deny(self, reason: str) -> None:
        """The client may not enter; what waited is forgotten, and it may ask again."""
        self._asked = False
        self._queued.clear()
        self._queued_bytes = 0
        self.outbox.append(Denied(reason))

    def settle(self, *, whole: bool) -> None:
        """One offer is durable; a whole one fills every gap, so that what waited for it is durable too.

        Raises ProtocolError when more offers wait for a gap than are kept in mind.
        """
        if whole:
            self._settle_owed(filled=True)
        self._settle_next(True)

    def ask_for_gap(self, state: bytes) -> None:
        """An offer has missing predecessors: ask for them, and settle it when they have come (S5).

        Raises ProtocolError when more offers wait for a gap than are kept in mind.
        """
        if not self._owed:
            self.outbox.append(Step1(state))
        self._owe(True)

    def refuse(self, rule: str, reason: str, rows: tuple[tuple[str, str], ...], *, whole: bool) -> None:
        """One offer is refused: say which rows and why, then settle it (G8).

        A whole one leaves every gap open for good, so that what waited for it is refused too.
        Raises ProtocolError when more offers wait for a gap than are kept in mind.
        """
        named = [(root[:MAX_KEY], key[:MAX_KEY]) for root, key in rows[:MAX_ROWS]]
        text = closing_text(CloseCode.REFUSED, reason, rule=rule, rows=named)
        self.outbox.append(Stateless(text))
        if whole:
            self._settle_owed(filled=False)
        self._settle_next(False)

    def close(self, error: ProtocolError) -> None:
        """End the session with a code, while the link lives on."""
        self.outbox.append(Stateless(text_of(error)))
        self.outbox.append(Close(error.reason))

    def _settle_owed(self, *, filled: bool) -> None:
        owed, self._owed = self._owed, []
        for ok in owed:
            self._say_status(ok and filled)

    def _settle_next(self, ok: bool) -> None:
        if self._owed:
            self._owe(ok)  # its turn comes when the gap before it is filled
        else:
            self._say_status(ok)

    def _owe(self, ok: bool) -> None:
        self._owed.append(ok)
        if len(self._owed) > MAX_OWED:
            raise OverLimit("MAX_OWED", "too many updates behind a gap that is not filled", SOON)

    def _say_status(self, ok: bool) -> None:
        if self._acknowledges:
            self.outbox.append(Status(ok))

    def _event(self, message: Message) -> list[HubEvent]:
        if isinstance(message, Update):  # nearly all there is
            return [Offered(message.update, False)]
        match message:
            case Step1(state):
                return [AskedForState(state)]
            case Step2(update):
                return [Offered(update, whole=True)]
            case Awareness(entries):
                return [Presented(entries)]
            case QueryAwareness():
                return [AskedForPresence()]
            case Auth(token):
                return [Renewed(token)]
            case Close():
                return [Left()]
            case Stateless():
                return []
            case _:
                raise ProtocolError(f"{type(message).__name__} is for the server to say")
