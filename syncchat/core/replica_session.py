"""A replica's side of the conversation about one doc on one link, without IO.

A session is given what was heard and returns what happened; what is to be said it puts into its
`outbox`. It never waits: the shells (replica.py, uplink.py) carry the frames. hub_session.py is the
other side.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from syncchat.core.closing import Closing, read_closing
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
from syncchat.core.places import Row
from syncchat.core.presence import Presence
from syncchat.core.welcome import Welcome, read_welcome
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
    """The other side refused an update or the whole session; `code` and `reason` say why.

    Of a refused update, `rule` and `rows` are what the other side named, if it did, and `edit` is
    the number of the one edit that was in it, None if it was a difference that may hold several.
    After `retry` seconds it makes sense to try again, if that was told.
    """

    code: int
    reason: str
    rule: str = ""
    rows: tuple[Row, ...] = ()
    edit: int | None = None
    retry: float | None = None


@dataclass(frozen=True, slots=True)
class Welcomed:
    """The other side has told who we are there, what we may do, and its time."""

    welcome: Welcome


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """The other side has sent what it had when the conversation began."""


ReplicaEvent = Received | CaughtUp | Acknowledged | Met | Rejected | Welcomed


def _rejected(told: Closing, edit: int | None = None) -> Rejected:
    return Rejected(told.code, told.reason, told.rule, told.rows, edit, told.retry)


class ReplicaSession:
    """A replica's side: offers its edits, takes in what others did.

    `state` and `diff` read the replica: its state vector, and the update that holds what
    somebody with a given state vector lacks. `acknowledges` tells whether the dialect does. One that
    `follows` another about the same doc on the same link passes over what was still said to that one.
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
        follows: bool = False,
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
        self._told: Closing | None = None
        self._deaf = follows
        self._tokens = 0
        self.caught_up = False
        """Whether the other side has sent what it had when the conversation began."""

    @property
    def met(self) -> bool:
        """Whether edits are sent as they are made: the other side has told where it stands."""
        return self._met

    @property
    def renewing(self) -> bool:
        """Whether a token is under way that the other side has not judged yet."""
        return self._tokens > 0

    # What the replica tells its session.

    def start(self, newest_edit: int) -> None:
        """Open the conversation; `newest_edit` is the number of the replica's last edit."""
        self._newest = newest_edit
        if self._authenticates:
            self.renew(self._token)
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

    def renew(self, token: str) -> None:
        """Another token stands for this client from now on, on the open session, too."""
        self._token = token
        self._tokens += 1
        self.outbox.append(Auth(token))

    def present(self) -> None:
        """The replica's own presence has changed."""
        self.outbox.append(Awareness(self._presence.announce()))

    # What the other side says.

    def receive(self, message: Message) -> list[ReplicaEvent]:
        """Take in one message; return what it means to the replica. Raises MalformedUpdate."""
        if self._deaf and not isinstance(message, Authenticated | Denied):
            return []
        self._deaf = False
        if isinstance(message, Authenticated | Denied):
            self._tokens -= 1
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
                return self._beside(payload)
            case Denied(reason):
                return [_rejected(read_closing(reason) or self._told or Closing(CloseCode.FORBIDDEN, reason))]
            case Close(reason):
                return [_rejected(self._told or Closing(CloseCode.GOING_AWAY, reason))]
            case _:
                pass
        return []

    def _beside(self, payload: str) -> list[ReplicaEvent]:
        self._told = read_closing(payload) or self._told
        welcome = read_welcome(payload)
        return [] if welcome is None else [Welcomed(welcome)]

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
        told, self._told = self._told, None
        told = told or Closing(CloseCode.REFUSED, "the server refused a change")
        return [_rejected(told, None if whole else edit)]
