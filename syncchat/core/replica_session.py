"""A replica's side of the conversation about one doc on one link, without IO.

A session is given what was heard and returns what happened; what is to be said it puts into its
`outbox`. It never waits: the shells (replica.py, uplink.py) carry the frames. hub_session.py is the
other side.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from syncchat.core.closing import read_closing
from syncchat.core.dialect import MAX_FRAME
from syncchat.core.messages import (
    Auth,
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


# What the session reports.


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
                self._told = read_closing(payload) or self._told
            case Denied(reason):
                return [Rejected(*(read_closing(reason) or (CloseCode.FORBIDDEN, reason)))]
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
