"""A replica: a doc that is what its log says; edits go to the log and the server, changes come from both."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pycrdt import Doc, TransactionEvent

from syncchat.core.ids import author_of, parse_doc
from syncchat.core.lib0 import decode_state
from syncchat.core.listeners import Signal
from syncchat.core.presence import Presence
from syncchat.core.replica_session import (
    Acknowledged,
    CaughtUp,
    Met,
    Received,
    Rejected,
    ReplicaEvent,
    ReplicaSession,
)
from syncchat.core.store import Store
from syncchat.core.structs import StructIndex
from syncchat.core.update import decode
from syncchat.core.waiting import Row, Waiting
from syncchat.errors import InvalidName

LOCAL, SERVER, LOG = "local", "server", "log"
"""Where a change of the doc comes from: this process, the server, another process on the same log."""


def _nothing() -> None:
    """What happens on a change that nobody asked to hear of."""


MAX_UNLOGGED = 8 << 20
"""Bytes of changes kept for a log that cannot be written; past it the doc's whole state stands for them."""


class Replica:
    """One doc of a peer: read and write it through `store` (or `doc`), with or without a network.

    `name` is the doc's name. A change is in memory at once, in the log after
    `await peer.saved()`, on the server after `await peer.settled()`.
    """

    def __init__(self, name: str, *, user: str, client_id: int, synced: bool) -> None:
        self.name = name
        self.user = user
        self.synced = synced
        self.doc: Doc[Any] = Doc(client_id=client_id)
        self.store = Store(self.doc)
        self.presence = Presence(client_id)
        self.waiting = Waiting()
        self.session: ReplicaSession | None = None
        self.rejected: Rejected | None = None
        self.acknowledged: bytes | None = None
        """The state vector when nothing waited last; None if something has waited ever since loading."""
        self.on_change: Callable[[], None] = _nothing
        self.settled: Signal[list[Row]] = Signal("listeners to acknowledgements failed")
        self._in_room = parse_doc(name).in_room
        self._source = LOCAL
        self._edit: int | None = None
        self._unlogged: list[bytes] = []
        self._unlogged_bytes = 0
        self._observing = self.doc.observe(self._on_update)
        self._listening = self.store.listen_rows(self._on_rows)

    def is_waiting(self, root: str, key: str) -> bool:
        """Whether a row has a change that the server has not acknowledged; without a server, always."""
        return not self.synced or (root, key) in self.waiting

    @property
    def is_settled(self) -> bool:
        """Whether the server has acknowledged every change, and has sent all it had when the link came up."""
        return self.waiting.settled and self.session is not None and self.session.caught_up

    def close(self) -> None:
        """Let go of the doc; the replica is of no use after that."""
        self._listening.cancel()
        self.doc.unobserve(self._observing)
        self.store.close()

    # The log's side.

    def load(self, updates: Sequence[bytes]) -> None:
        """Take in what the log holds, once, before anything else."""
        self._apply(updates, LOG)
        self.waiting = Waiting()

    def mark_waiting(self, acknowledged: bytes | None) -> None:
        """Count as waiting what the log holds beyond the state vector that the server had acknowledged."""
        index = StructIndex.load(self.doc.get_update())
        beyond = decode(self.doc.get_update(acknowledged))
        mine = [row for row in index.rows(beyond._replace(deletes=[])) if self._may_be_mine(row)]
        if index.state():  # deletions are in no state vector: some may wait in any doc that is not new
            self.waiting.touched(mine, self.waiting.edit())

    def take_unlogged(self) -> list[bytes]:
        """Everything that is not in the log yet; the caller writes it, or gives it back."""
        whole = self._unlogged_bytes > MAX_UNLOGGED
        updates, self._unlogged, self._unlogged_bytes = self._unlogged, [], 0
        return [self.doc.get_update()] if whole else updates

    def give_back(self) -> None:
        """What was taken could not be written: the doc's whole state stands for it at the next try."""
        self._unlogged = [b""]
        self._unlogged_bytes = MAX_UNLOGGED + 1

    @property
    def has_unlogged(self) -> bool:
        """Whether a change is not in the log yet."""
        return bool(self._unlogged)

    def apply_tail(self, updates: Sequence[bytes]) -> None:
        """Take in what another process has appended to the log."""
        self._apply(updates, LOG)

    # The server's side.

    def handle(self, events: Iterable[ReplicaEvent]) -> None:
        """Act on what the session reports; raises MalformedUpdate for what is no update."""
        for event in events:
            if isinstance(event, Received):
                decode(event.update)  # not every server judges what it hands on, and some bytes end a yrs
                self._apply([event.update], SERVER)
            elif isinstance(event, CaughtUp):
                self.on_change()
            elif isinstance(event, Acknowledged):
                self._settle(event.edit)
            elif isinstance(event, Met):
                self._meet(event.state)
            else:
                self.rejected = event
                self.on_change()

    def _meet(self, state: bytes) -> None:
        self.rejected = None
        silent = self.session is not None and not self.session.acknowledges
        # Where nobody acknowledges, what the other side says it has is all there is to go by.
        if silent and not decode(self.doc.get_update(state)).structs:
            self._settle(self.waiting.newest)
        self.on_change()

    def _settle(self, edit: int) -> None:
        rows = self.waiting.acknowledged(edit)
        if self.waiting.settled:
            self.acknowledged = self.doc.get_state()
        self.on_change()
        self.settled.tell(rows)

    def beyond(self, state: bytes) -> bytes:
        """What somebody with this state vector lacks, as an update. Raises MalformedUpdate."""
        decode_state(state)
        return self.doc.get_update(state)

    # Both.

    def _apply(self, updates: Sequence[bytes], source: str) -> None:
        self._source = source
        try:
            with self.store.transaction():
                for update in updates:
                    self.doc.apply_update(update)
        finally:
            self._source = LOCAL

    def _on_update(self, event: TransactionEvent) -> None:
        # The source is taken once: listeners that hear of this change may write, and that is local.
        source, self._source = self._source, LOCAL
        update: bytes = event.update
        if source != LOG:
            self._keep_for_log(update)
        self._edit = None
        if source != SERVER:
            self._edit = self.waiting.edit()
            if self.session is not None:
                self.session.edited(update, self._edit)
        self.on_change()

    def _keep_for_log(self, update: bytes) -> None:
        if self._unlogged_bytes <= MAX_UNLOGGED:
            self._unlogged.append(update)
            self._unlogged_bytes += len(update)
            if self._unlogged_bytes > MAX_UNLOGGED:
                self._unlogged = [b""]

    def _on_rows(self, rows: tuple[Row, ...]) -> None:
        if self._edit is not None:
            self.waiting.touched(rows, self._edit)

    def _may_be_mine(self, row: Row) -> bool:
        if not self._in_room or row[0] not in ("messages", "streams"):
            return True
        try:
            return author_of(row[1]) == self.user
        except InvalidName:
            return False
