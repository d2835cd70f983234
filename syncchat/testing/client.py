"""A client of a hub that says exactly what a test tells it to, and a log that waits or fails when told."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import anyio
from pycrdt import Doc, Map

from syncchat.core import presence
from syncchat.core.dialect import Frame, HocuspocusDialect
from syncchat.core.messages import Auth, Awareness, Message, Stateless, Status, Step1, Step2, Update
from syncchat.core.welcome import Welcome, read_welcome
from syncchat.errors import LinkClosed
from syncchat.link import Link
from syncchat.log import Beside, Entry, MemoryLog, MemoryStore

QUIET = 0.03
"""Virtual seconds after which nothing more is to be expected: longer than a beat."""


class Writer:
    """A doc whose edits are kept as the updates they were; its root is the map `messages`."""

    def __init__(self, root: str = "messages") -> None:
        self.doc: Doc[Any] = Doc()
        self.root = self.doc.get(root, type=Map)
        self._updates: list[bytes] = []
        self.doc.observe(lambda event: self._updates.append(event.update))

    def write(self, key: str, value: object) -> bytes:
        """Set a row to a JSON value; returns the update."""
        self.root[key] = json.dumps(value, ensure_ascii=False)
        return self._updates[-1]

    def take(self, update: bytes) -> None:
        """Apply an update of somebody else's."""
        self.doc.apply_update(update)

    def rows(self) -> dict[str, Any]:
        """What the doc says."""
        return {key: json.loads(value) for key, value in (self.root.to_py() or {}).items()}


class RawClient:
    """One end of a link to a hub, in the dialect of Hocuspocus; it answers nothing by itself.

    `welcome` is the last one that it was told; what it hears and returns is the rest.
    """

    def __init__(self, link: Link, user: str) -> None:
        self.link = link
        self.user = user
        self.welcome: Welcome | None = None
        self._dialect = HocuspocusDialect()

    def say(self, key: str, *messages: Message) -> None:
        """Send messages about a doc."""
        for message in messages:
            frame = self._dialect.encode(key, message)
            assert frame is not None
            self.link.send(frame)

    def ask(self, key: str, state: bytes = b"\x00") -> None:
        """Open a doc and ask for what there is beyond `state`."""
        self.say(key, Auth(self.user), Step1(state))

    async def heard(self, seconds: float = QUIET) -> list[tuple[str, Message]]:
        """Everything said about docs that has come when nothing more happens; LinkClosed if nothing has.

        It listens for so many seconds, or until the link ends.
        """
        frames: list[Frame | None] = []
        with anyio.move_on_after(seconds):
            try:
                while True:
                    frames.append(self._dialect.decode(await self.link.receive()))
            except LinkClosed:
                if not frames:
                    raise
        about = [
            (frame.key, frame.message) for frame in frames if frame is not None and frame.key is not None
        ]
        return [(key, message) for key, message in about if not self._welcomed(message)]

    def _welcomed(self, message: Message) -> bool:
        welcome = read_welcome(message.payload) if isinstance(message, Stateless) else None
        self.welcome = welcome or self.welcome
        return welcome is not None

    async def said(self, key: str) -> list[Message]:
        """What `heard` returns about one doc."""
        return [message for about, message in await self.heard() if about == key]

    async def enter(self, key: str) -> Writer:
        """Open a doc with nothing of one's own to offer; returns a writer that knows what is there."""
        writer = Writer()
        self.ask(key)
        for message in await self.said(key):
            if isinstance(message, Step2):
                writer.take(message.update)
        self.say(key, Step2(b"\x00\x00"))
        assert await self.said(key) == [Status(True)]
        return writer


async def end_of(link: Link) -> LinkClosed:
    """Why a link ends, after all that it still says; raises TimeoutError if it does not within an hour."""
    with anyio.fail_after(3600):
        while True:
            try:
                await link.receive()
            except LinkClosed as closed:
                return closed


def updates(messages: Sequence[Message]) -> list[bytes]:
    """The updates among messages."""
    return [message.update for message in messages if isinstance(message, Update)]


def statuses(messages: Sequence[Message]) -> list[bool]:
    """What the statuses among messages say."""
    return [message.ok for message in messages if isinstance(message, Status)]


def told(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The JSON of the Stateless messages among messages."""
    return [json.loads(message.payload) for message in messages if isinstance(message, Stateless)]


def hello(client: int, clock: int = 1, state: object = None) -> Awareness:
    """The presence of one client; its state is its number, unless it is given."""
    return Awareness(presence.encode([presence.Entry(client, clock, json.dumps(state or {"n": client}))]))


def present(messages: Sequence[Message]) -> dict[int, object]:
    """The last states of clients that messages tell."""
    entries = [entry for m in messages if isinstance(m, Awareness) for entry in presence.decode(m.entries)]
    return {entry.client: json.loads(entry.state) for entry in entries}


class HeldLog(MemoryLog):
    """A handle on a memory store whose appends and reads wait while they are held; it counts its reads.

    `error`, while it is set, is raised by appends and reads: unlike `store.failure`, any exception.
    """

    def __init__(self, store: MemoryStore | None = None) -> None:
        super().__init__(store)
        self.reads: Counter[str] = Counter()
        self.error: Exception | None = None
        self._gates = {"append": anyio.Event(), "read": anyio.Event()}
        self.release()

    def hold(self, what: str = "append") -> None:
        """Let appends (or reads) wait from now on."""
        self._gates[what] = anyio.Event()

    def release(self) -> None:
        """Let everything go on."""
        for gate in self._gates.values():
            gate.set()

    async def append(self, doc: str, updates: Sequence[bytes], *, beside: Beside | None = None) -> int:
        """Append when released."""
        await self._gates["append"].wait()
        self._raise()
        return await super().append(doc, updates, beside=beside)

    async def read(self, doc: str, after: int = 0) -> list[Entry]:
        """Read when released."""
        self.reads[doc] += 1
        await self._gates["read"].wait()
        self._raise()
        return await super().read(doc, after)

    def _raise(self) -> None:
        if self.error is not None:
            raise self.error
