"""A doc as its log holds it: what is offered is judged, applied, and appended to the log as one commit."""

import json
import logging
from asyncio import Future, get_running_loop
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from pycrdt import Doc, Map, TransactionEvent, merge_updates

from syncchat.background import OFFLOAD, run_in_background
from syncchat.compaction import compact
from syncchat.core.grant import Grant, Role
from syncchat.core.guard import Accept, judge
from syncchat.core.ids import parse_doc
from syncchat.core.lib0 import decode_state
from syncchat.core.places import Layer, Row
from syncchat.core.plan import Plan
from syncchat.core.schema import COVER, PAGE, SERVER, schema_of
from syncchat.core.snapshot import NotEqual
from syncchat.core.structs import StructIndex
from syncchat.core.update import MOST, Update
from syncchat.core.update import decode as decode_update
from syncchat.errors import LogCorrupt, LogError, MalformedUpdate, Refused, SyncchatError
from syncchat.hub.limits import Limits
from syncchat.hub.owners import binding, read_owners
from syncchat.hub.seat import Seat
from syncchat.log import Log

logger = logging.getLogger("syncchat.hub")

COMPACT_FIRST = 1000
"""Entries from which on a doc is compacted before it is served: fewer are sooner applied than proven."""

SERVERS = Grant(SERVER, Role.WRITER)
"""The grant under which the server itself writes."""

NOTHING = b"\x00\x00"
"""The update that changes nothing."""

_NO_NEWS = Accept(Plan(Layer(), {}, Update({}, [], NOTHING)))
_NOBODYS: Mapping[int, str] = MappingProxyType({})

DROPPED = "that page was dropped: the room keeps its newest messages only"


class Poisoned(SyncchatError):
    """The CRDT library failed on an update the guard let through; the doc in memory is not to be trusted."""


class ServerWrite:
    """What waits for an update of the server itself: `done` is set when it is durable.

    It is refused (H6) unless `only_if` says yes when its turn comes.
    """

    __slots__ = ("done", "only_if")

    def __init__(self, only_if: Callable[[], bool] | None = None) -> None:
        self.done: Future[None] = get_running_loop().create_future()
        self.only_if = only_if

    def settle(self, error: Exception | None) -> None:
        """It is durable, or never will be."""
        if self.done.done():  # whoever waited was cancelled
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
            self.done.exception()  # who does not wait for it need not hear of it: the doc's end is logged


@dataclass(eq=False, slots=True)
class Offer:
    """An update somebody wants in the doc since `time`; `whole` if it is everything its sender has.

    Without a seat it is the server's own.
    """

    seat: Seat | None
    update: bytes
    whole: bool
    time: float
    own: ServerWrite | None = None


class Outcome(NamedTuple):
    """What became of an offer: accepted, waiting for a gap (None), or refused.

    `parts` is how many structs and ranges there were to be judged.
    """

    offer: Offer
    verdict: Accept | Refused | None
    parts: int = 0


class Ledger:
    """The doc in memory and its log. Between `apply` and the end of `append` it is ahead of the log.

    `entries` counts what the log has since the last snapshot. `is_open` tells whether anybody but the
    server may write, `is_dropped` that nobody may any more. `begun` has what began rows of a page in
    the commit that is being made.
    """

    __slots__ = (
        "_bound",
        "_clients",
        "_doc",
        "_everything",
        "_grown",
        "_known",
        "_log",
        "_made",
        "_name",
        "_observing",
        "_schema",
        "_snapshot",
        "_unbound",
        "begun",
        "compacting",
        "entries",
        "is_dropped",
        "is_open",
        "seq",
    )

    def __init__(self, name: str, log: Log) -> None:
        self._name = name
        self._log = log
        parts = parse_doc(name)
        self._schema = schema_of(parts)
        self.is_open = not parts.page
        self.is_dropped = False
        self.begun: list[Plan] | None = None
        self._doc: Doc[Any] = Doc()
        self._known: StructIndex | None = None
        self._bound: Mapping[int, str] = _NOBODYS
        self._clients: Collection[int] | None = None
        self._made: bytes | None = None
        self._everything: bytes | None = None
        self._unbound: dict[int, str] | None = None
        self._observing = self._doc.observe(self._on_update)
        self._snapshot = self._grown = 0
        self.entries = self.seq = 0
        self.compacting = False

    def close(self) -> None:
        """Let go of the doc: what observes it would keep it for good, as no garbage collector sees that."""
        self._doc.unobserve(self._observing)

    @property
    def is_page(self) -> bool:
        """Whether it is a page of a room."""
        return self._schema is PAGE

    @property
    def is_cover(self) -> bool:
        """Whether it is the cover of a room."""
        return self._schema is COVER

    async def load(self) -> None:
        """Fill the doc from the log. Raises LogError."""
        entries = await self._log.read(self._name)
        if len(entries) >= COMPACT_FIRST:
            await self.compact()
            entries = await self._log.read(self._name)
        with self._doc.transaction():
            for entry in entries:
                self._doc.apply_update(entry.data)
        self._made = None
        self.entries = len(entries)
        self.seq = entries[-1].seq if entries else 0
        self._grown = sum(len(entry.data) for entry in entries)
        try:
            self._bound = await read_owners(self._log, self._name) or _NOBODYS
        except MalformedUpdate as error:
            raise LogCorrupt(
                f"the owners of the client ids of {self._name} cannot be read: {error}"
            ) from error
        if self._grown > OFFLOAD:
            self._claim(await run_in_background(self._indexing()))

    def _indexing(self) -> Callable[[], StructIndex]:
        whole = self._doc.get_update
        read = partial(_value, self._doc)  # not of this object: a circle would wait for the garbage collector
        return partial(StructIndex.load, whole(), self._schema.owner_of, source=whole, read=read)

    def _claim(self, index: StructIndex) -> StructIndex:
        """What is on disk counts; what only the rows tell is written with the next commit."""
        derived, bound = index.owner, self._bound
        self._unbound = {client: user for client, user in derived.items() if client not in bound} or None
        index.claim(bound)
        self._known, self._bound, self._clients = index, _NOBODYS, None
        return index

    @property
    def _index(self) -> StructIndex:
        """Made when somebody writes: who only reads need not wait for it, and most docs are only read."""
        if self._known is not None:
            return self._known
        try:
            return self._claim(self._indexing()())
        except MalformedUpdate as error:
            raise LogCorrupt(f"what the log has of {self._name} cannot be read: {error}") from error

    def apply(self, offers: Sequence[Offer], now: int) -> list[Outcome]:
        """Judge and apply in one transaction, whose one update is the commit; `now` is in ms since 1970.

        Raises Poisoned.
        """
        self.begun = None
        try:
            if len(offers) == 1:  # which is a transaction by itself
                return [self._take(offers[0], now)]
            with self._doc.transaction():
                return [self._take(offer, now) for offer in offers]
        except BaseException as error:
            # A panic of the CRDT library is a BaseException; it poisons this doc and must end no other.
            if type(error).__name__ != "PanicException":
                raise
            raise Poisoned(f"doc {self._name}: the CRDT library failed on an update") from error

    def amend(self, update: bytes, now: int) -> list[Outcome]:
        """Take the server's own update into the commit that was applied. Raises Poisoned."""
        made, self._made = self._made, None
        outcomes = self.apply([Offer(None, update, False, 0.0)], now)
        self.begun = None
        self._made = merge_updates(*(part for part in (made, self._made) if part is not None))
        return outcomes

    def _take(self, offer: Offer, now: int) -> Outcome:
        parts = 0
        try:
            if offer.update == NOTHING:  # who enters, and has written nothing, says so
                self._check_open(offer, _NO_NEWS)
                return Outcome(offer, _NO_NEWS)
            update = decode_update(offer.update, most=MOST)
            parts = update.parts
            return Outcome(offer, self._judge(offer, update, now), parts)
        except MalformedUpdate as error:
            return Outcome(offer, Refused("G4", str(error)), parts)
        except Refused as refusal:
            return Outcome(offer, refusal, parts)

    def _judge(self, offer: Offer, update: Update, now: int) -> Accept | Refused | None:
        grant = SERVERS if offer.seat is None else offer.seat.grant
        verdict = judge(
            update,
            self._index,
            user=grant.user,
            role=grant.role,
            now=now,
            schema=self._schema,
            server=grant is SERVERS,
        )
        if not isinstance(verdict, Accept):
            return Refused("S5", "it builds on what neither side has") if offer.whole else None
        plan = verdict.plan
        self._check_open(offer, verdict)
        self._bind(plan, grant.user)
        self._index.extend(plan, grant.user)
        self._doc.apply_update(offer.update)
        if plan.layer.places and self._schema is PAGE:
            self.begun = self.begun or []
            self.begun.append(plan)
        return verdict

    def _check_open(self, offer: Offer, verdict: Accept) -> None:
        own = offer.own
        if own is not None and own.only_if is not None and not own.only_if():
            raise Refused("H6", "it is the newest page no more")
        if self.is_dropped:
            raise Refused("H11", DROPPED, tuple(sorted(verdict.rows)))
        if not self.is_open and offer.seat is not None and verdict.is_news:
            raise Refused("H3", "the server has not opened that page yet", tuple(sorted(verdict.rows)))

    def _bind(self, plan: Plan, user: str) -> None:
        owner = self._index.owner
        for client in plan.layer.runs:
            if client not in owner:
                self._unbound = {**(self._unbound or {}), client: user}

    def _on_update(self, event: TransactionEvent) -> None:
        self._made = event.update

    async def append(self) -> bytes | None:
        """Make what was applied durable; returns the one update it is, None for no news. Raises LogError."""
        update, self._made = self._made, None
        if update is None:
            return None
        # One commit: an id whose update is durable and whose owner is not could be anybody's after a crash.
        beside = None if self._unbound is None else binding(self._name, self._unbound)
        self.seq = await self._log.append(self._name, [update], beside=beside)
        self._unbound = None
        self.entries += 1
        self._grown += len(update)
        self._everything = None
        return update

    def rows(self, root: str) -> dict[str, Any]:
        """The rows of a root, as they stand in the doc."""
        rows: dict[str, Any] = json.loads(str(self._doc.get(root, type=Map)))  # asked for all at once
        return rows

    def is_full(self, limits: Limits, messages: int) -> bool:
        """Whether a page with so many messages is so large that there should be another one."""
        index = self._index
        if messages >= limits.page_messages or index.client_count >= limits.page_clients:
            return True
        return index.size >= limits.page_bytes and index.weigh() >= limits.page_bytes

    def stored(self, root: str, keys: Iterable[str]) -> dict[str, Any]:
        """Some rows of a root, as they stand in the doc; None for those that are not there."""
        rows = self._doc.get(root, type=Map)
        return {key: rows.get(key) for key in keys}

    def owns(self, client: int, user: str) -> bool:
        """Whether a client id is this user's, or nobody's yet."""
        if self._known is not None:
            return self._known.owner.get(client, user) == user
        if self._clients is None:
            self._clients = frozenset(decode_state(self.state()))
        if client in self._clients and client not in self._bound:  # written when owners were not stored
            try:
                return self._index.owner.get(client, user) == user
            except LogCorrupt:
                return False  # whoever writes next finds that, and the doc's links end with it
        return self._bound.get(client, user) == user

    def state(self) -> bytes:
        """The doc's state vector."""
        return self._doc.get_state()

    def difference(self, state: bytes) -> bytes:
        """What somebody with this state vector lacks; for a newcomer it is made once."""
        if state != b"\x00":
            return self._doc.get_update(state)
        if self._everything is None:
            self._everything = self._doc.get_update()
        return self._everything

    def is_long(self, limits: Limits) -> bool:
        """Whether the log has so much beyond its last snapshot that it should be compacted."""
        return self.entries >= limits.compact_entries or self._grown >= max(
            limits.compact_bytes, 2 * self._snapshot
        )

    async def compact(self) -> None:
        """Replace the log's entries by one snapshot; a log that cannot do it serves all the same."""
        self.compacting = True
        try:
            await compact(self._log, self._name)
            self.entries, self._snapshot = await self._log.size(self._name)
            self._grown = 0
        except (LogError, NotEqual) as error:
            self.entries = self._grown = 0  # it is tried again after as many commits more
            logger.error("doc %s was not compacted: %s", self._name, error)
        finally:
            self.compacting = False


def _value(doc: Doc[Any], row: Row) -> object:
    return doc.get(row[0], type=Map).get(row[1])
