"""Ten thousand random edits of people, agents and moderators who do nothing wrong: none is refused.

But those of what a moderator had deleted, of which their author had not heard.

`make fuzz` tries many more: FUZZ_SEEDS thousand.
"""

import json
import os
import random
from typing import Any

import anyio
import pytest
from pycrdt import Doc, Map, Text, TransactionEvent

from syncchat.core.dialect import HocuspocusDialect
from syncchat.core.grant import Grant, Role
from syncchat.core.guard import MAX_AHEAD, Accept
from syncchat.core.ids import format_id
from syncchat.core.places import Row
from syncchat.errors import Refused
from syncchat.hub.ledger import Ledger, Offer
from syncchat.hub.seat import Line, Seat
from syncchat.hub.stats import Stats
from syncchat.link.memory import memory_pipe
from syncchat.log import MemoryLog
from syncchat.testing.loop import EPOCH

SEEDS = int(os.environ.get("FUZZ_SEEDS", "10"))
EDITS = 1000
"""Edits for each seed."""

DOC = "lobby/0"
WORDS = ("ab", "é", "漢字", "📊", ' "quoted" \\', "\n", "x" * 300)
ROOTS = ("messages", "streams", "reactions", "requests")


class Replica:
    """A process of somebody's: it edits, sends each edit or all at once, and is sometimes offline."""

    def __init__(self, grant: Grant, skew: int, state: bytes | None = None) -> None:
        self.grant = grant
        self.skew = skew
        self.begin(b"\x00\x00" if state is None else state)

    def begin(self, state: bytes) -> None:
        """Have this and nothing else, under a client id of its own."""
        self.doc: Doc[Any] = Doc()
        self.root = {name: self.doc.get(name, type=Map) for name in ROOTS}
        self.told: list[bytes] = []
        self.is_behind = False
        self.hear(state)
        self._watching = self.doc.observe(self._keep)

    def _keep(self, event: TransactionEvent) -> None:
        if not self._hears:
            self.told.append(event.update)

    def hear(self, update: bytes) -> None:
        """Take in what others wrote."""
        self._hears = True
        self.doc.apply_update(update)
        self._hears = False

    def own(self, root: str) -> list[str]:
        """The keys of its own rows, but for messages that somebody else has deleted."""
        own = sorted(key for key in self.root[root] if f".{self.grant.user}." in key)
        return [key for key in own if not is_buried(self.root["messages"].get(key), self.grant.user)]


def is_buried(value: str | None, author: str) -> bool:
    body = json.loads(value or "{}")
    return "deleted" in body and body.get("by", author) != author


class Chat:
    """Replicas at a page that is judged by the ledger of a hub; every method named in WORK is one edit."""

    def __init__(self, seed: int, log: MemoryLog) -> None:
        self.rng = random.Random(seed)
        self.now = EPOCH
        self.made = 0
        self.refused: list[str] = []
        self.buried = 0
        self.log = log
        self.ledger = Ledger(DOC, log)
        self.line = Line(memory_pipe()[0], HocuspocusDialect(), Stats())
        people = [("ann", Role.WRITER), ("bob", Role.WRITER), ("bob", Role.WRITER)]
        people += [("mod", Role.MODERATOR), ("bot", Role.AGENT), ("Zoe", Role.WRITER)]
        skews = (-3_600_000, -20_000, 0, 0, MAX_AHEAD - 30_000)
        self.replicas = [Replica(Grant(user, role), self.rng.choice(skews)) for user, role in people]

    # Edits.

    def text(self) -> str:
        return " ".join(self.rng.choice(WORDS) for _ in range(self.rng.randint(1, 4)))

    def body(self, replica: Replica, **more: object) -> str:
        by_agent = {"agent": True} if replica.grant.role is Role.AGENT else {}
        return json.dumps({"text": self.text(), **by_agent, **more}, ensure_ascii=False)

    def id(self, replica: Replica) -> str:
        self.made += 1
        return format_id(self.now + replica.skew, replica.grant.user, self.made)

    def some(self, keys: list[str]) -> str | None:
        return self.rng.choice(keys) if keys else None

    def post(self, replica: Replica) -> None:
        re = self.some(sorted(replica.root["messages"]))
        replica.root["messages"][self.id(replica)] = self.body(replica, re=re)

    def edit(self, replica: Replica) -> None:
        key = self.some(replica.own("messages"))
        if key is not None:
            replica.root["messages"][key] = self.body(replica, edited=self.now)

    def delete(self, replica: Replica) -> None:
        key = self.some(replica.own("messages"))
        if key is not None:
            by = self.rng.choice(({}, {"by": replica.grant.user}))
            replica.root["messages"][key] = json.dumps({"deleted": True, **by})

    def remove(self, replica: Replica) -> None:
        key = self.some(replica.own("messages"))
        if key is not None:
            del replica.root["messages"][key]

    def react(self, replica: Replica) -> None:
        about = self.some(sorted(replica.root["messages"]))
        if about is not None:
            key = f"{about}|{replica.grant.user}|{self.rng.choice('👍⭐')}"
            if key in replica.root["reactions"]:
                del replica.root["reactions"][key]
            else:
                replica.root["reactions"][key] = "1"

    def ask(self, replica: Replica) -> None:
        about = self.some(sorted(replica.root["messages"]))
        if about is not None:
            verb = self.rng.choice(("stop", "again"))
            replica.root["requests"][f"{verb}|{about}|{replica.grant.user}"] = "1"

    def begin(self, replica: Replica) -> None:
        replica.root["streams"][self.id(replica)] = Text()

    def stream(self, replica: Replica) -> None:
        key = self.some(replica.own("streams"))
        if key is not None:
            growing = replica.root["streams"][key]
            growing += self.text()

    def finish(self, replica: Replica) -> None:
        key = self.some(replica.own("streams"))
        if key is not None:
            with replica.doc.transaction():
                replica.root["messages"][key] = self.body(replica, state=self.rng.choice((None, "stopped")))
                del replica.root["streams"][key]

    def moderate(self, replica: Replica) -> None:
        if replica.grant.role is not Role.MODERATOR:
            return
        root = self.rng.choice(ROOTS)
        key = self.some(sorted(replica.root[root]))
        if key is not None and root == "messages":
            replica.root[root][key] = json.dumps({"deleted": True, "by": replica.grant.user})
        elif key is not None:
            del replica.root[root][key]

    WORK = (
        post,
        post,
        edit,
        delete,
        remove,
        react,
        react,
        ask,
        begin,
        stream,
        stream,
        stream,
        finish,
        moderate,
    )

    # What goes on between them.

    async def send(self, replica: Replica) -> None:
        """What it wrote, edit by edit or as one difference; it hears the rest now and then."""
        if self.rng.random() < 0.7:
            there = all([await self.offer(replica, update) for update in replica.told])
        else:
            state = self.rng.choice((None, self.ledger.state()))
            there = await self.offer(replica, replica.doc.get_update(state))
        replica.told.clear()
        if not there:
            replica.begin(self.ledger.difference(b"\x00"))
        if self.rng.random() < 0.5:
            replica.hear(self.ledger.difference(replica.doc.get_state()))

    async def offer(self, replica: Replica, update: bytes) -> bool:
        """Whether it was taken: of what was not taken, its sender's doc must not know."""
        seat = Seat(self.line, DOC)
        seat.grant = replica.grant
        [outcome] = self.ledger.apply([Offer(seat, update, False, 0.0)], self.now)
        await self.ledger.append()
        match outcome.verdict:
            case Accept():
                return True
            case Refused(rule="G12", rows=rows) if all(self.is_buried(replica, row) for row in rows):
                self.buried += 1
            case None if replica.is_behind:
                pass
            case verdict:
                self.refused.append(f"{replica.grant.user}: {verdict}")
        replica.is_behind = True
        return False

    def is_buried(self, replica: Replica, row: Row) -> bool:
        return is_buried(self.ledger.stored(row[0], [row[1]])[row[1]], replica.grant.user)

    async def reopen(self, at: int) -> None:
        old = self.replicas[at]
        self.replicas[at] = Replica(old.grant, old.skew, old.doc.get_update())
        self.replicas[at].told = old.told

    async def restart(self) -> None:
        self.ledger = Ledger(DOC, self.log)
        await self.ledger.load()

    async def play(self) -> None:
        await self.restart()
        for _ in range(EDITS):
            self.now += self.rng.randint(0, 2000)
            at = self.rng.randrange(len(self.replicas))
            self.rng.choice(self.WORK)(self, self.replicas[at])
            chance = self.rng.random()
            if chance < 0.3:
                await self.send(self.replicas[at])
            elif chance < 0.32:
                await self.reopen(at)
            elif chance < 0.325:
                await self.restart()
        for _ in range(2):
            for replica in self.replicas:
                await self.send(replica)
                replica.hear(self.ledger.difference(replica.doc.get_state()))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_G1_G5_G9_G12_S1_ten_thousand_honest_edits_are_never_refused(seed: int) -> None:
    async def main() -> None:
        async with MemoryLog() as log:
            chat = Chat(seed, log)
            await chat.play()
            assert chat.refused == []
            assert chat.buried < EDITS / 20
            said = [{name: root.to_py() for name, root in one.root.items()} for one in chat.replicas]
            assert all(one == said[0] for one in said)
            assert len(said[0]["messages"] or {}) > 50

    anyio.run(main)
