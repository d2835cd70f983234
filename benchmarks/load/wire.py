"""What is said in the two dialects, in frames made beforehand, and what is heard, each frame read once."""

from typing import NamedTuple, Protocol

from benchmarks.load.updates import NUMBER
from benchmarks.load.websocket import masked
from syncchat.core.dialect import Dialect, YDialect
from syncchat.core.messages import Auth, Message, Step1, Step2, Update
from syncchat.core.packing import UnpackingDialect
from syncchat.errors import ProtocolError

EMPTY_STATE = b"\x00"
EMPTY_UPDATE = b"\x00\x00"
REMEMBERED = 1 << 12
"""The largest frame, in bytes, whose meaning is kept: readers hear the same ones a thousand times."""

MANY = 1 << 17
"""How many of them; then all are forgotten and read anew."""


class Heard(NamedTuple):
    """What a server's frame says, and of which doc ("" where that is the link's only one).

    With how many messages or tokens are in it, and their first and last number.
    """

    doc: str
    message: Message | None
    many: int
    first: int
    last: int


class Wire(Protocol):
    """One dialect, spoken by clients."""

    def url(self, base: str, doc: str, user: str) -> str:
        """Where a client of this doc connects."""

    def hello(self, doc: str, user: str, state: bytes) -> bytes:
        """The frames that open the conversation."""

    def frame(self, doc: str, message: Message) -> bytes:
        """A masked frame."""

    def hear(self, payload: bytes) -> Heard:
        """What a frame means."""

    acknowledges: bool
    clients: list["Closing"]
    """Everybody who speaks by this wire."""


class Closing(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Close it at once."""


class _Wire:
    acknowledges = False

    def __init__(self) -> None:
        self.clients: list[Closing] = []
        self._known: dict[bytes, Heard] = {}

    def hear(self, payload: bytes) -> Heard:
        """What a frame means; the meaning of small ones is remembered."""
        heard = self._known.get(payload)
        if heard is None:
            heard = self._read(payload)
            if len(payload) <= REMEMBERED:
                if len(self._known) >= MANY:
                    self._known.clear()
                self._known[payload] = heard
        return heard

    def frame(self, doc: str, message: Message) -> bytes:
        """A masked frame."""
        payload = self._dialect(doc).encode(doc, message)
        assert payload is not None, "generators say only what both dialects have words for"
        return masked(payload)

    def _dialect(self, doc: str) -> Dialect:
        raise NotImplementedError

    def _read(self, payload: bytes) -> Heard:
        try:
            frame = self._dialect("").decode(payload)
        except ProtocolError:
            frame = None  # a server's word that our own never says, and that no workload waits for
        message = frame.message if frame is not None else None
        doc = (frame.key if frame is not None else None) or ""
        numbers = NUMBER.findall(message.update) if isinstance(message, Step2 | Update) else []
        if not numbers:
            return Heard(doc, message, 0, 0, 0)
        return Heard(doc, message, len(numbers), int(min(numbers)), int(max(numbers)))


class SyncWire(_Wire):
    """Hocuspocus' dialect, ours at /sync: the doc's name in each frame, a token, an answer to each update."""

    acknowledges = True

    def url(self, base: str, doc: str, user: str) -> str:
        """All docs are behind one address."""
        return base

    def hello(self, doc: str, user: str, state: bytes) -> bytes:
        """The token and the state, without waiting, as the stock provider does."""
        return self.frame(doc, Auth(user)) + self.frame(doc, Step1(state))

    def _dialect(self, doc: str) -> Dialect:
        return UnpackingDialect()


class YWire(_Wire):
    """y-websocket's dialect: the doc's name in the address."""

    def url(self, base: str, doc: str, user: str) -> str:
        """The doc's own address; servers other than ours do not read who it is."""
        return f"{base}/{doc}?user={user}"

    def hello(self, doc: str, user: str, state: bytes) -> bytes:
        """The state."""
        return self.frame(doc, Step1(state))

    def _dialect(self, doc: str) -> Dialect:
        return YDialect(doc)


def wire(dialect: str) -> Wire:
    """The wire of this name: `sync` or `y`. Raises KeyError."""
    kinds: dict[str, type[SyncWire | YWire]] = {"sync": SyncWire, "y": YWire}
    return kinds[dialect]()
