"""Sessions: the conversation about one doc on one link, both sides of it, without IO.

A session is given what was heard and returns what happened; what is to be said it puts into
its `outbox`. Neither side ever waits: the shells (peer.py, hub/) carry the frames.
"""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from syncchat.core.dialect import MAX_FRAME
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
from syncchat.core.presence import Presence
from syncchat.errors import CloseCode, ProtocolError

WINDOW = 128
"""Updates that a replica sends without an acknowledgement; past it, it waits and sends the difference."""

MAX_OFFER = MAX_FRAME - 1024
"""Bytes of changes that a replica offers at once; with more it stays offline in that doc, and says so."""

MAX_QUEUED = 64
"""Messages that a hub keeps for a doc whose token it has not judged yet."""

MAX_QUEUED_BYTES = 1 << 20
"""Bytes of such messages after which it keeps no further one."""

MAX_OWED = 2 * WINDOW
"""Offers whose Status a hub may owe while it waits for a gap to be filled."""


# What a replica's session reports.


@dataclass(frozen=True, slots=True)
class Received:
    """The other side has sent an update."""

    update: bytes


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """All edits up to and including number `edit` are durable on the server; none of them was refused."""

    edit: int


@dataclass(frozen=True, slots=True)
class Met:
    """The other side has told its `state` vector: the connection is established."""

    state: bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """The other side refused an update or the whole session; `code` and `reason` say why."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """The other side has sent what it had when the conversation began."""


ReplicaEvent = Received | CaughtUp | Acknowledged | Met | Rejected


def closing_text(code: int, reason: str, **more: object) -> str:
    """The JSON that travels in a Stateless message to say why something was refused or closed."""
    return json.dumps({"syncchat": "closed", "code": int(code), "reason": reason, **more}, ensure_ascii=False)


def _read_closing(payload: str) -> tuple[int, str] | None:
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("syncchat") != "closed":
        return None
    code, reason = told.get("code"), told.get("reason")
    return (code, reason) if isinstance(code, int) and isinstance(reason, str) else None


class ReplicaSession:
    """A replica's side: offers its edits, takes in what others did.

    `state` and `diff` read the replica: its state vector, and the update that holds what
    somebody with a given state vector lacks. `acknowledges` tells whether the dialect does.
    """

    def __init__(
        self,
        *,
        state: Callable[[], bytes],
        diff: Callable[[bytes], bytes],
        presence: Presence,
        token: str,
        acknowledges: bool,
        authenticates: bool,
    ) -> None:
        self.outbox: list[Message] = []
        self._state = state
        self._diff = diff
        self._presence = presence
        self._token = token
        self.acknowledges = acknowledges
        self._authenticates = authenticates
        self._newest = 0
        self._in_flight: deque[tuple[int, bool]] = deque()
        self._refused = False
        self._met = False
        self._behind = False
        self._told: tuple[int, str] | None = None
        self.caught_up = False
        """Whether the other side has sent what it had when the conversation began."""

    # What the replica tells its session.

    def start(self, newest_edit: int) -> None:
        """Open the conversation; `newest_edit` is the number of the replica's last edit."""
        self._newest = newest_edit
        if self._authenticates:
            self.outbox.append(Auth(self._token))
        self.outbox.append(Step1(self._state()))
        if self._presence.local is not None:
            self.present()

    def edited(self, update: bytes, number: int) -> None:
        """The replica has made edit `number`; before the other side was met it goes with the answer to it."""
        self._newest = number
        if not self._met or self._behind:
            return
        if len(self._in_flight) >= WINDOW:
            self._behind = True
        else:
            self._offer(Update(update))

    def stop(self) -> None:
        """The replica is closed; the link lives on."""
        self.outbox.append(Close(""))

    def present(self) -> None:
        """The replica's own presence has changed."""
        self.outbox.append(Awareness(self._presence.announce()))

    # What the other side says.

    def receive(self, message: Message) -> list[ReplicaEvent]:
        """Take in one message; return what it means to the replica. Raises MalformedUpdate."""
        match message:
            case Step1(state):
                return self._answer(state)
            case Step2(update):
                self.caught_up = True
                return [Received(update), CaughtUp()]
            case Update(update):
                return [Received(update)]
            case Status(ok):
                return self._settle(ok)
            case Awareness(entries):
                self._presence.apply(entries)
            case QueryAwareness():
                if self._presence.local is not None:
                    self.present()
            case Stateless(payload):
                self._told = _read_closing(payload) or self._told
            case Denied(reason):
                return [Rejected(*(_read_closing(reason) or (CloseCode.FORBIDDEN, reason)))]
            case Close(reason):
                return [Rejected(*(self._told or (CloseCode.GOING_AWAY, reason)))]
            case _:
                pass
        return []

    def _answer(self, state: bytes) -> list[ReplicaEvent]:
        diff = self._diff(state)
        if len(diff) > MAX_OFFER:
            return [
                Rejected(CloseCode.TOO_BIG, f"more than {MAX_OFFER >> 20} MB of one doc wait to be synced")
            ]
        self._met = True
        self._behind = False
        self._offer(Step2(diff))
        return [Met(state)]

    def _offer(self, message: Step2 | Update) -> None:
        self.outbox.append(message)
        if self.acknowledges:
            self._in_flight.append((self._newest, isinstance(message, Step2)))

    def _settle(self, ok: bool) -> list[ReplicaEvent]:
        if not self._in_flight:
            raise ProtocolError("an acknowledgement for which nothing was sent")
        edit, whole = self._in_flight.popleft()
        if not self._in_flight and self._behind:
            self._met = False
            self.outbox.append(Step1(self._state()))
        # What was refused is not durable, until a difference that holds it is accepted after all.
        self._refused = not ok or (self._refused and not whole)
        if ok:
            return [] if self._refused else [Acknowledged(edit)]
        return [Rejected(*(self._told or (CloseCode.REFUSED, "the server refused a change")))]


# What a hub's session reports.


@dataclass(frozen=True, slots=True)
class AskedToOpen:
    """The client asks to open the doc with a `token`."""

    token: str


@dataclass(frozen=True, slots=True)
class AskedForState:
    """The client has `state` and asks for what it lacks."""

    state: bytes


@dataclass(frozen=True, slots=True)
class Offered:
    """The client offers an update and, if the dialect acknowledges, waits for a Status.

    `whole` tells that it is the answer to the hub's Step1, thus fills every gap there was.
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


HubEvent = AskedToOpen | AskedForState | Offered | Presented | AskedForPresence | Left


def _size(message: Message) -> int:
    match message:
        case Step1(data) | Step2(data) | Update(data) | Awareness(data):
            return len(data)
        case Stateless(text):
            return len(text)
    return 0


class HubSession:
    """A hub's side: keeps what comes until the client is admitted, and settles each offer once (S10)."""

    def __init__(self, *, acknowledges: bool) -> None:
        self.outbox: list[Message] = []
        self._acknowledges = acknowledges
        self._queued: list[Message] = []
        self._queued_bytes = 0
        self._admitted = False
        self._asked = False
        self._owed: list[bool] = []

    def receive(self, message: Message) -> list[HubEvent]:
        """Take in one message; return what it means to the hub.

        Raises ProtocolError when more is sent before admission than is kept, or what only a
        hub may say.
        """
        if isinstance(message, Auth):
            if self._asked:
                return []  # a renewed token on an open doc: nothing to judge without authentication
            self._asked = True
            return [AskedToOpen(message.token)]
        if isinstance(message, Close):
            return [Left()]
        if self._admitted:
            return self._event(message)
        if len(self._queued) >= MAX_QUEUED or self._queued_bytes >= MAX_QUEUED_BYTES:
            raise ProtocolError("too many messages before the doc was opened", CloseCode.TOO_MANY)
        self._queued.append(message)
        self._queued_bytes += _size(message)
        return []

    def admit(self, scope: str) -> list[HubEvent]:
        """The client may enter; returns what its waiting messages mean."""
        self._admitted = True
        self.outbox.append(Authenticated(scope))
        queued, self._queued, self._queued_bytes = self._queued, [], 0
        return [event for message in queued for event in self._event(message)]

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
        text = closing_text(CloseCode.REFUSED, reason, rule=rule, rows=rows[:100])
        self.outbox.append(Stateless(text))
        if whole:
            self._settle_owed(filled=False)
        self._settle_next(False)

    def close(self, code: int, reason: str) -> None:
        """End the session with a code, while the link lives on."""
        self.outbox.append(Stateless(closing_text(code, reason)))
        self.outbox.append(Close(reason))

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
            raise ProtocolError("too many updates behind a gap that is not filled", CloseCode.TOO_MANY)

    def _say_status(self, ok: bool) -> None:
        if self._acknowledges:
            self.outbox.append(Status(ok))

    def _event(self, message: Message) -> list[HubEvent]:
        match message:
            case Step1(state):
                return [AskedForState(state)]
            case Step2(update):
                return [Offered(update, whole=True)]
            case Update(update):
                return [Offered(update, whole=False)]
            case Awareness(entries):
                return [Presented(entries)]
            case QueryAwareness():
                return [AskedForPresence()]
            case Stateless():
                return []
            case _:
                raise ProtocolError(f"{type(message).__name__} is for the server to say")
