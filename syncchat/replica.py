"""A replica: a doc that is what its log says; edits go to the log and the server, changes come from both."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pycrdt import Doc, TransactionEvent

from syncchat.core import carry
from syncchat.core.ids import Hlc, author_of, parse_doc
from syncchat.core.lib0 import decode_state
from syncchat.core.listeners import Signal
from syncchat.core.presence import Presence
from syncchat.core.rebuild import TIMES, Restamping, can_restamp, restamping
from syncchat.core.refusal import Refusal
from syncchat.core.replica_session import (
    Acknowledged,
    CaughtUp,
    Met,
    Received,
    Rejected,
    ReplicaEvent,
    ReplicaSession,
    Welcomed,
)
from syncchat.core.store import Store
from syncchat.core.update import decode
from syncchat.core.waiting import Row, Waiting
from syncchat.core.welcome import Welcome
from syncchat.errors import CloseCode, InvalidName, MalformedUpdate
from syncchat.unlogged import Unlogged

LOCAL, SERVER, LOG, HIDING = "local", "server", "log", "hiding"
"""Where a change of the doc comes from: this process, the server, another process on the same log.

What is refused is hidden until the doc is built anew; that is nobody's change.
"""

MAX_FRUITLESS = 3
"""Refusals in a row that name no row and let none through; after that all that waits is kept."""


def _nothing() -> None:
    """What happens on a change that nobody asked to hear of."""


class Replica:
    """One doc of a peer: read and write it through `store` (or `doc`), with or without a network.

    `name` is the doc's name. A change is in memory at once, in the log after
    `await peer.saved()`, on the server after `await peer.settled()`.

    When the server refuses a change, the doc is built anew from the server's state and everything else
    that waited is written again (G14): `store` stays the same and tells its listeners what differs,
    `doc` is another object then. `refused` collects what is to be kept until the desk has stored it.
    """

    def __init__(
        self, name: str, *, user: str, new_client: Callable[[], int], hlc: Hlc, synced: bool
    ) -> None:
        self.name = name
        self.user = user
        self.synced = synced
        self._new_client = new_client
        self._hlc = hlc
        self.doc: Doc[Any] = Doc(client_id=new_client())
        self.store = Store(self.doc)
        self.presence = Presence(self.doc.client_id)
        self.waiting = Waiting()
        self.session: ReplicaSession | None = None
        self.welcome: Welcome | None = None
        self.acknowledged: bytes | None = None
        """The state vector when nothing waited last; None if something has waited ever since loading."""
        self.on_change: Callable[[], None] = _nothing
        self.settled: Signal[list[Row]] = Signal("listeners to acknowledgements failed")
        self.renamed: Signal[Mapping[str, str]] = Signal("listeners to new ids failed")
        self.welcomed: Signal[Welcome] = Signal("listeners to welcomes failed")
        self.caught_up: Signal[None] = Signal("listeners to the server's state failed")
        self.refused: list[Refusal] = []
        self.left_out: dict[Row, None] = {}
        """The rows refused since the doc was built last: they are not written again."""
        self.replaced = False
        """Whether the log still holds a doc that this one was built in place of."""
        self._in_room = parse_doc(name).in_room
        self._source = LOCAL
        self._edit: int | None = None
        self.unlogged = Unlogged()
        self._rebuilding = False
        self._fresh: Doc[Any] = self.doc
        self._before: Doc[Any] | None = None
        self._ahead = False
        self._restamped: set[str] = set()
        self._fruitless = 0
        self._observing = self.doc.observe(self._on_update)
        self._listening = self.store.listen_rows(self._on_rows)

    def is_waiting(self, root: str, key: str) -> bool:
        """Whether a row has a change that the server has not acknowledged; without a server, always."""
        return not self.synced or (root, key) in self.waiting

    @property
    def is_settled(self) -> bool:
        """Whether the server has acknowledged every change, and has sent all it had when the link came up."""
        met = self.session is not None and self.session.caught_up
        return met and self.waiting.settled and not self._rebuilding

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

    def mark_waiting(self, acknowledged: bytes | None, refusals: Iterable[Refusal] = ()) -> None:
        """Count as waiting what the log holds beyond the state vector that the server had acknowledged.

        Of that, what was among the `refusals` before a restart is not shown.
        """
        beyond = carry.rows_since(acknowledged, self.doc)
        if decode_state(self.doc.get_state()):  # deletions are in no state vector: some may always wait
            self.waiting.touched(filter(self.may_be_mine, beyond), self.waiting.edit())
        hidden = [refusal.row for refusal in refusals if refusal.row in beyond and self._still_says(refusal)]
        if hidden:
            self._rebuilding = True
            self._hide(hidden)

    def take_unlogged(self) -> list[bytes]:
        """Everything that is not in the log yet; the caller writes it, or says that it could not."""
        return self.unlogged.take(self.doc.get_update)

    def take_whole(self) -> bytes:
        """All that the doc is, to be put in the place of its log."""
        self.unlogged.clear()
        self.replaced = False
        return self.doc.get_update()

    @property
    def has_unlogged(self) -> bool:
        """Whether a change is not in the log yet, or something refused is not kept yet."""
        return bool(self.unlogged) or self.replaced or bool(self.refused)

    def apply_tail(self, updates: Sequence[bytes]) -> None:
        """Take in what another process has appended to the log.

        After the doc was built anew, that process may go on for a while with the doc as it was before.
        """
        if self._before is None:
            self._apply(updates, LOG)
            return
        news: list[bytes] = []
        watching = self._before.observe(lambda event: news.append(event.update))
        for update in updates:
            self._before.apply_update(update)
        self._before.unobserve(watching)
        for update in news:
            if carry.fits(update, self.doc):
                self._apply([update], LOG)
            else:
                self._carry(sorted(carry.rows_of(update, self._before)), self._before)

    def follow(self, updates: Sequence[bytes], left_out: Iterable[Row]) -> bool:
        """Another process has built the doc anew, and the log holds that: do as it did.

        Returns whether that was needed: then the session about the doc has to begin again.
        """
        fresh: Doc[Any] = Doc(client_id=self._new_client())
        for update in updates:
            fresh.apply_update(update)
        if not carry.is_beyond(self.doc, fresh):
            self._apply([fresh.get_update(self.doc.get_state())], LOG)
            return False
        self._hide(left_out)
        self._adopt(fresh, durable=False)
        return True

    # The server's side.

    def begin(self) -> None:
        """A session begins: about this doc, or about the one that takes its place after a refusal."""
        self._fresh = Doc(client_id=self._new_client()) if self._rebuilding else self.doc

    def state(self) -> bytes:
        """The state vector that the session tells."""
        return (self._fresh if self._rebuilding else self.doc).get_state()

    def beyond(self, state: bytes) -> bytes:
        """What somebody with this state vector lacks, as an update. Raises MalformedUpdate."""
        decode_state(state)
        return (self._fresh if self._rebuilding else self.doc).get_update(state)

    def handle(self, events: Iterable[ReplicaEvent]) -> None:
        """Act on what the session reports; raises MalformedUpdate for what is no update."""
        for event in events:
            match event:
                case Received(update):
                    self._receive(update)
                case CaughtUp():
                    self._finish_rebuilding()
                    self.on_change()
                    self.caught_up.tell(None)
                case Acknowledged(edit):
                    self._settle(edit)
                case Met(state):
                    self._meet(state)
                case Welcomed(welcome):
                    if welcome.user == self.user:
                        self.welcome = welcome
                        self.welcomed.tell(welcome)
                case Rejected(code=CloseCode.REFUSED):
                    self._refuse(event)
                    self.on_change()
                case Rejected():
                    self.on_change()

    def _receive(self, update: bytes) -> None:
        decode(update)  # not every server judges what it hands on, and some bytes end a yrs
        if self._rebuilding:
            self._fresh.apply_update(update)
        else:
            self._apply([update], SERVER)

    def _meet(self, state: bytes) -> None:
        self._finish_rebuilding()
        silent = self.session is not None and not self.session.acknowledges
        # Where nobody acknowledges, what the other side says it has is all there is to go by.
        if silent and not decode(self.doc.get_update(state)).structs:
            self._settle(self.waiting.newest)
        self.on_change()

    def _settle(self, edit: int) -> None:
        rows = self.waiting.acknowledged(edit)
        if rows:
            self._fruitless = 0
        if self.waiting.settled and not self._rebuilding:
            self.acknowledged = self.doc.get_state()
        self.on_change()
        self.settled.tell(rows)

    # What was refused.

    @property
    def is_hopeless(self) -> bool:
        """Whether the server refuses even to hear of a doc in which nothing waits."""
        return self._fruitless > MAX_FRUITLESS

    def _refuse(self, event: Rejected) -> None:
        self._rebuilding = True
        guilty = [row for row in self._guilty(event) if row not in self.left_out]
        self._fruitless = 0 if guilty else self._fruitless + 1
        if self._fruitless == MAX_FRUITLESS:
            guilty = [row for row in self.waiting.rows if row not in self.left_out]
        self._keep(guilty, event.rule, event.reason)
        self._hide(guilty)

    def _guilty(self, event: Rejected) -> list[Row]:
        """The rows that are not to be written again; none if it is not known which of several it was."""
        rows = list(event.rows)
        if not rows and event.edit is not None:
            rows = self.waiting.of(event.edit)
            rows = rows if len(carry.groups(rows)) == 1 else []
        if event.rule != TIMES:
            return rows
        self._ahead = True
        return [row for row in rows if not self._can_restamp(row)]

    def _can_restamp(self, row: Row) -> bool:
        again = self._restamped.intersection(row[1].split("|"))
        return not again and can_restamp(row, self.user, self._hlc)

    def _keep(self, rows: Iterable[Row], rule: str, reason: str) -> None:
        for row in rows:
            text = carry.text_of(self.doc, row)
            self.refused.append(Refusal(rule, reason, self.name, row, text, self._hlc.now))

    def _still_says(self, refusal: Refusal) -> bool:
        return carry.text_of(self.doc, refusal.row) == refusal.text

    def _hide(self, rows: Iterable[Row]) -> None:
        rows = list(rows)
        self.left_out.update(dict.fromkeys(rows))
        self._source = HIDING
        try:
            with self.store.transaction():
                for row in rows:
                    carry.remove(self.doc, row)
        finally:
            self._source = LOCAL

    def _finish_rebuilding(self) -> None:
        session = self.session
        if self._rebuilding and session is not None and session.caught_up and session.met:
            self._adopt(self._fresh, durable=True)

    def _adopt(self, fresh: Doc[Any], *, durable: bool) -> None:
        """Put `fresh` in the doc's place and write the rest again; `durable`: the server has all of it."""
        self._rebuilding = False
        before = carry.merged(self.doc, fresh)
        rows = self._rows_to_carry(before, fresh)
        waited = self.waiting.rows
        self.waiting = Waiting(self.waiting.newest)
        if durable:
            self.acknowledged = fresh.get_state()
            self.replaced = True
        self.doc.unobserve(self._observing)
        self.doc = fresh
        self._observing = fresh.observe(self._on_update)
        self.unlogged.clear()
        # The log, and other processes, may have what was before the last time, too: none of it is news.
        self._before = before if self._before is None else carry.merged(before, self._before)
        self._carry(rows, before)
        self._ahead = False
        self.store.rebind(fresh)
        self.settled.tell([row for row in waited if row not in self.waiting])

    def _rows_to_carry(self, before: Doc[Any], fresh: Doc[Any]) -> list[Row]:
        try:
            rows = carry.rows_beyond(before, fresh)
        except MalformedUpdate:  # what no guard lets pass is in the doc itself: a raw write put it there
            rows = self.waiting.rows
        return [row for row in rows if row not in self.left_out]

    def _carry(self, rows: Sequence[Row], source: Doc[Any]) -> None:
        """Write rows of `source` into the doc, each in an update of its own, so that each is judged alone."""
        rows = [row for row in rows if row not in self.left_out]
        stale = [row for row in rows if self._ahead and row[1] not in self._restamped]
        again = restamping(stale, self.doc, self.user, self._hlc)
        self._restamped.update(again.ids.values())
        self.left_out.update((row, None) for row in rows if again.row(row) != row)
        for group in carry.groups(rows):
            self._carry_group(group, source, again)
        if again.ids:
            self.renamed.tell(again.ids)

    def _carry_group(self, group: Sequence[Row], source: Doc[Any], again: Restamping) -> None:
        edit = self.waiting.newest
        try:
            with self.doc.transaction():
                for row in group:
                    carry.carry(row, source, self.doc, again.row(row), again.text(source, row))
        except carry.CannotCarry as error:
            self._keep(group, "G14", str(error))
        if self.waiting.newest > edit:
            self.waiting.touched([again.row(row) for row in group], self.waiting.newest)
        if self.store.doc is self.doc:
            self.store.deliver()

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
        self._edit = None
        if source == HIDING:
            return
        update: bytes = event.update
        if source != LOG:
            self.unlogged.add(update)
        if source != SERVER:
            self._edit = self.waiting.edit()
            if self.session is not None and not self._rebuilding:
                self.session.edited(update, self._edit)
        self.on_change()

    def _on_rows(self, rows: tuple[Row, ...]) -> None:
        if self._edit is not None:
            self.waiting.touched(rows, self._edit)
            for row in rows:
                self.left_out.pop(row, None)  # it was written anew

    def may_be_mine(self, row: Row) -> bool:
        """Whether our user may have written a row: what another process tells may be of anybody."""
        if not self._in_room or row[0] not in ("messages", "streams"):
            return True
        try:
            return author_of(row[1]) == self.user
        except InvalidName:
            return False
