"""A page on which hostile updates are tried out, through the very ledger that a hub judges with."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from pycrdt import Doc, Map

from syncchat.core.bodies import is_tombstone
from syncchat.core.codec import load
from syncchat.core.dialect import HocuspocusDialect
from syncchat.core.grant import Grant, Role
from syncchat.core.guard import Accept
from syncchat.core.ids import format_id
from syncchat.core.lib0 import decode_state
from syncchat.core.places import Row
from syncchat.core.schema import PAGE
from syncchat.core.update import ANY, STRING, TYPE, decode
from syncchat.errors import Refused
from syncchat.hub.ledger import Ledger, Offer
from syncchat.hub.seat import Line, Seat
from syncchat.hub.stats import Stats
from syncchat.link.memory import memory_pipe
from syncchat.log import MemoryLog, MemoryStore
from syncchat.testing.loop import EPOCH, run
from syncchat.testing.updates import item, section, text, update, values, whole

DOC: Final = "lobby/0"
ALICE, BOB, MALLORY = 7, 8, 666
"""Client ids under which they have written; mallory is who attacks."""

FRESH, SPARE = 900, 901
"""Client ids that nobody has used."""

ROW, STREAM = format_id(EPOCH - 9, "alice", 1), format_id(EPOCH - 8, "alice", 2)
BOBS, FINISHED = format_id(EPOCH - 7, "bob", 3), format_id(EPOCH - 6, "bob", 4)
MINE, MY_STREAM = format_id(EPOCH - 5, "mallory", 5), format_id(EPOCH - 4, "mallory", 6)
NEW, ANOTHER = format_id(EPOCH - 3, "mallory", 7), format_id(EPOCH - 2, "mallory", 8)
"""Rows: those there are, and two that mallory has not written yet."""

_TEXT_TYPE = b"\x02"


def said(words: str) -> bytes:
    """The content of a message."""
    return values(f'{{"text":"{words}"}}')


BASE: Final = update(
    (
        ALICE,
        0,
        [
            item(ANY, said("x"), parent="messages", key=ROW),
            item(TYPE, _TEXT_TYPE, parent="streams", key=STREAM),
            item(STRING, text("one 📊 two"), parent=(ALICE, 1)),  # clocks 2 to 11
            item(ANY, values("1"), parent="reactions", key=f"{ROW}|alice|x"),
        ],
    ),
    (
        BOB,
        0,
        [
            item(ANY, said("y"), parent="messages", key=BOBS),
            item(TYPE, _TEXT_TYPE, parent="streams", key=FINISHED),
            item(STRING, text("done"), parent=(BOB, 1)),
        ],
    ),
    (
        MALLORY,
        0,
        [
            item(ANY, said("z"), parent="messages", key=MINE),
            item(TYPE, _TEXT_TYPE, parent="streams", key=MY_STREAM),
            item(STRING, text("mine"), parent=(MALLORY, 1)),  # clocks 2 to 5
        ],
    ),
    deletes=[(BOB, [(1, 5)])],
)
"""The page: a message and a stream of each; bob's stream is finished, so that garbage is left of it."""

OTHERS: Final = (
    ("alice", section(ALICE, 13, [item(STRING, text("!"), origin=(ALICE, 11))])),
    ("bob", section(BOB, 6, [item(ANY, said("edited"), origin=(BOB, 0))])),
)
"""What others may write, whatever mallory has done: they go on under their client ids in rows of theirs."""

HONEST: Final = (
    section(MALLORY, 6, [item(STRING, text(" and more"), origin=(MALLORY, 5))]),
    section(667, 0, [item(ANY, said("hello"), parent="messages", key=NEW)]),
)
"""Sections of an update that mallory may make."""


class Field:
    """The page as it is served, and mallory, who has it open in some role."""

    def __init__(self, ledger: Ledger, log: MemoryLog, role: Role) -> None:
        self._ledger = ledger
        self._log = log
        self._line = Line(memory_pipe()[0], HocuspocusDialect(), Stats())
        self._role = role

    @property
    def state(self) -> bytes:
        """All of the doc."""
        return self._ledger.difference(b"\x00")

    async def strike(self, data: bytes, user: str = "mallory") -> str:
        """Offer an update; returns "" if it was accepted, "S5" for a gap, else the rule against it."""
        seat = Seat(self._line, DOC)
        seat.grant = Grant(user, self._role if user == "mallory" else Role.WRITER)
        [outcome] = self._ledger.apply([Offer(seat, data, False, 0.0)], EPOCH)
        await self._ledger.append()
        if isinstance(outcome.verdict, Refused):
            return outcome.verdict.rule
        return "" if isinstance(outcome.verdict, Accept) else "S5"

    async def check(self) -> None:
        """Raise AssertionError if the work of others does not go through, or a restart changes it."""
        for user, written in OTHERS:
            assert await self.strike(whole([written]), user) == "", f"{user} is hindered"
        again = Ledger(DOC, self._log)
        await again.load()
        assert rows(again.difference(b"\x00")) == rows(self.state)
        assert decode_state(again.state()) == decode_state(self._ledger.state())


def on_field(main: Callable[[Field], Awaitable[None]], role: Role = Role.WRITER) -> None:
    """Run `main` on a field of its own, in virtual time."""

    async def play() -> None:
        async with MemoryLog(MemoryStore()) as log:
            await log.append(DOC, [BASE])
            ledger = Ledger(DOC, log)
            await ledger.load()
            await main(Field(ledger, log, role))

    run(play)


# What may never happen.


def harm(before: bytes, after: bytes, role: Role = Role.WRITER, user: str = "mallory") -> list[str]:
    """What `user` has done to a page's state that nobody in that role may; a line for each."""
    old, new = rows(before), rows(after)
    changed = [row for row in old.keys() | new.keys() if old.get(row) != new.get(row)]
    lines = [f"{row} was {old.get(row)!r} and is {new.get(row)!r}" for row in changed]
    kept = [
        line
        for row, line in zip(changed, lines, strict=True)
        if not _may_change(row, new.get(row), role, user)
    ]
    kept += [f"there is a root {root!r}" for root in roots(after) - set(PAGE.roots)]
    then, now = _clocks(before), _clocks(after)
    kept += [
        f"the clock of {client} was {then[client]}" for client in then if not _may_advance(client, then, now)
    ]
    return kept


def rows(state: bytes) -> dict[Row, Any]:
    """What a joiner is shown who gets this state."""
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    return {
        (root, key): value
        for root in PAGE.roots
        for key, value in (doc.get(root, type=Map).to_py() or {}).items()
    }


def roots(state: bytes) -> set[str]:
    """The roots that a state names."""
    structs = [struct for run in decode(state).structs.values() for struct in run]
    return {struct.parent for struct in structs if isinstance(struct.parent, str)}


def _may_change(row: Row, value: Any, role: Role, user: str) -> bool:
    root = PAGE.roots[row[0]]
    if role is Role.READER:
        return False
    if root.owner(row[1]) == user:
        return True
    if role is not Role.MODERATOR:
        return False
    return (root.removable and value is None) or (value is not None and is_tombstone(load(value), user))


def _clocks(state: bytes) -> dict[int, int]:
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    return decode_state(doc.get_state())


def _may_advance(client: int, then: dict[int, int], now: dict[int, int]) -> bool:
    return client not in (ALICE, BOB) or then[client] == now.get(client)
