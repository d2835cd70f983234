"""Makes the logs of today's version that later ones have to load (H12): a daemon's and a client's.

`python tests/log/earlier/make_earlier.py FOLDER NAME` writes `daemon-NAME.sqlite`, `client-NAME.sqlite`, and
`NAME.json` with what they held. Made once for each format; the files are never made again.
"""

import json
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio

from syncchat.core.grant import Grant, Role
from syncchat.core.message import Message
from syncchat.core.room import Room
from syncchat.errors import CloseCode, LinkClosed
from syncchat.hub import Hub, Limits
from syncchat.hub.owners import read_owners
from syncchat.link import Link
from syncchat.log import SqliteLog
from syncchat.peer import Peer

ROLES = {"ann": Role.MODERATOR, "helper": Role.AGENT, "carol": Role.READER}
BEGIN = 1_795_257_600_000
"""2026-11-21, 12:00 UTC, in milliseconds since 1970."""

FIELDS = (
    "id",
    "user",
    "text",
    "streaming",
    "re",
    "edited",
    "deleted",
    "deleted_by",
    "agent",
    "state",
    "durable",
)


def authorize(token: str, _doc: str) -> Grant:
    """A token is its bearer's name; ann moderates, helper is an agent, carol only reads."""
    return Grant(token, ROLES.get(token, Role.WRITER))


def ticking(begin: int = BEGIN) -> Callable[[], int]:
    """A clock that goes on by 7 ms whenever it is asked."""
    time = begin

    def now() -> int:
        nonlocal time
        time += 7
        return time

    return now


def nowhere(_doc: str) -> AbstractAsyncContextManager[Link]:
    """A server that is not there. Raises LinkClosed."""
    raise LinkClosed(CloseCode.GOING_AWAY, "no connection")


def shown(room: Room) -> list[dict[str, Any]]:
    """What a room shows, in the fields that there were in 2026, but for those that say nothing."""
    return [{name: value for name, value in _fields(message).items() if value} for message in room.timeline]


def _fields(message: Message) -> dict[str, Any]:
    reactions = {emoji: list(users) for emoji, users in message.reactions.items()}
    return {name: getattr(message, name) for name in FIELDS} | {"reactions": reactions}


def kept(peer: Peer) -> list[list[str]]:
    """The refusals that a peer keeps."""
    return [[refusal.rule, refusal.doc, *refusal.row, refusal.text] for refusal in peer.refusals]


class Makes:
    """Two logs in a folder, and what is seen of them."""

    def __init__(self, folder: Path, name: str) -> None:
        self.daemon = folder / f"daemon-{name}.sqlite"
        self.client = folder / f"client-{name}.sqlite"
        self.told = folder / f"{name}.json"
        self._now = ticking()

    def peer(self, hub: Hub, user: str, path: Path | None = None) -> Peer:
        """A peer of the hub."""

        def connect(_doc: str) -> AbstractAsyncContextManager[Link]:
            return hub.connect()

        return Peer(path, user=user, connect=connect, now=self._now)

    async def run(self) -> None:
        """Make all of it."""
        log = SqliteLog(self.daemon)
        async with Hub(log, authorize=authorize, limits=Limits(idle_seconds=0.3), now=self._now) as hub:
            await self._fill_busy(hub)
            await self._talk(hub)
            seen = await self._look(hub)
            owners = await read_owners(log, "lobby/0")
        told = seen | {"owners": {str(client): user for client, user in sorted(owners.items())}}
        self.told.write_text(json.dumps(told, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")

    async def _fill_busy(self, hub: Hub) -> None:
        """A room of more messages than a page of later versions has; it is compacted when they leave."""
        async with self.peer(hub, "ann") as ann, self.peer(hub, "bob") as bob:
            rooms = [await ann.enter("busy"), await bob.enter("busy")]
            await ann.settled()
            for number in range(300):
                rooms[number % 2].post(f"number {number} of many")
                await (ann, bob)[number % 2].settled()
        await anyio.sleep(1.0)
        assert not hub.loaded

    async def _talk(self, hub: Hub) -> None:
        async with (
            self.peer(hub, "ann") as ann,
            self.peer(hub, "bob", self.client) as bob,
            self.peer(hub, "helper") as helper,
        ):
            peers = (ann, bob, helper)
            a, b, h = [await peer.enter("lobby") for peer in peers]
            tasks = (await bob.open("tasks")).store.cells("tasks")
            tasks.set_cell("one", "text", "water the plants 🌱")
            tasks.set_cell("one", "done", False)
            hello = a.post("Hello, everybody! ⚓\n\tsecond line")
            long = a.post("long " * 3000)
            await self._rest(*peers)
            answer = b.post("Hi @ann", re=hello)
            regretted, removed = b.post("I regret this"), b.post("Nobody should have said this")
            b.react(hello, "⭐")
            await self._rest(*peers)
            a.edit(long, "short after all")
            a.delete(removed)
            b.delete(regretted)
            a.react(answer, "👍")
            a.ask("again", answer)
            self._stream(h, answer)
            await self._rest(*peers)
            await self._be_refused(bob, hello)
            await self._rest(*peers)
            bob.go_offline()
            await bob.until(lambda: not bob.status.online)
            self._write_offline(b, answer, hello)
            await bob.saved()

    def _stream(self, room: Room, re: str) -> None:
        finished, stopped, unfinished = (room.stream(re=re) for _ in range(3))
        for word in ("One ", "token ", "at ", "a ", "time."):
            for stream in (finished, stopped, unfinished):
                stream.append(word)
        finished.finish()
        stopped.finish(state="stopped")

    async def _be_refused(self, bob: Peer, id: str) -> None:
        (await bob.open("lobby/0")).store.table("messages").set(id, {"text": "forged"})
        await bob.until(lambda: bool(bob.refusals))

    def _write_offline(self, room: Room, own: str, other: str) -> None:
        room.post("written offline")
        room.edit(own, "Hi @ann and @helper")
        room.react(other, "⭐", on=False)
        room.react(own, "🚀")

    async def _rest(self, *peers: Peer) -> None:
        for peer in peers:
            await peer.settled()
            await peer.saved()
        await anyio.sleep(0.1)

    async def _look(self, hub: Hub) -> dict[str, Any]:
        async with self.peer(hub, "carol") as carol:
            rooms = {name: await carol.enter(name) for name in ("lobby", "busy")}
            tasks = (await carol.open("tasks")).store.cells("tasks")
            await carol.settled()
            daemon = {name: shown(room) for name, room in rooms.items()}
            cells = {row: tasks.get_row(row) for row in tasks.rows()}
        async with Peer(self.client, user="bob", connect=nowhere, now=self._now) as bob:
            client = {"lobby": shown(await bob.enter("lobby")), "refusals": kept(bob)}
        return {"daemon": daemon, "tasks": cells, "client": client}


if __name__ == "__main__":
    anyio.run(Makes(Path(sys.argv[1]), sys.argv[2]).run)
