"""Two clients in random order honest and not, on and off line, restarted, one of them with a wrong clock.

Whatever comes of it: everything honest is with both of them, and nothing else is with anybody.
"""

import logging
import random
from collections.abc import Awaitable, Callable
from itertools import count

import anyio
import pytest

from syncchat.core.grant import Grant, Role
from syncchat.core.ids import format_id
from syncchat.core.message import Message
from syncchat.core.room import Room
from syncchat.core.stream import Stream
from syncchat.log import MemoryStore
from syncchat.peer import Peer
from syncchat.testing.crash import CrashLog
from syncchat.testing.loop import run
from syncchat.testing.server import MemoryServer

SEEDS = range(80)
STEPS = 40
HOUR = 3_600_000
FORGED = "forged"


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The hub tells of refusals."""
    caplog.set_level(logging.CRITICAL)


def believe(token: str, _doc: str) -> Grant:
    """A token is its bearer's name, and everybody writes."""
    return Grant(token, Role.WRITER)


class Client:
    """One of the two; `run` is its one task. What it has written honestly is in `said`, by number."""

    peer: Peer
    room: Room

    def __init__(self, user: str, server: MemoryServer, rng: random.Random) -> None:
        self.user = user
        self.said: dict[int, str] = {}
        self.reacted: set[tuple[str, str]] = set()
        self.forged: list[str] = []
        self.dismissed: set[str] = set()
        self.seen: set[str] = set()
        self._server = server
        self._rng = rng
        self._ahead = rng.choice([0, 0, HOUR, -HOUR])
        self._store = MemoryStore()
        self._numbers = count()
        self._stream: Stream | None = None
        self._ready = anyio.Event()
        self._restart = anyio.Event()

    async def run(self) -> None:
        while True:
            log = CrashLog(self._store, self._rng)  # one that takes its time
            async with self._server.peer(self.user, log, ahead=self._ahead) as self.peer:
                self.room = await self.peer.enter("lobby")
                self.room.timeline.listen(lambda _: self.seen.update(texts(self.room)))
                self._ready.set()
                await self._restart.wait()

    async def ready(self) -> None:
        await self._ready.wait()

    # What it does.

    async def restart(self) -> None:
        self.finish()
        self._ready, restart, self._restart = anyio.Event(), self._restart, anyio.Event()
        restart.set()
        await self.ready()

    async def go_offline(self) -> None:
        self.peer.go_offline()

    async def go_online(self) -> None:
        self.peer.go_online()

    async def post(self) -> None:
        number = len(self.said)
        self.said[number] = f"{self.user}-{number}."
        self.room.post(self.said[number])

    async def edit(self) -> None:
        message = self._mine()
        if message is not None:
            number = number_of(message)
            self.said[number] += "x"
            self.room.edit(message.id, self.said[number])

    async def delete(self) -> None:
        message = self._mine()
        if message is not None:
            del self.said[number_of(message)]
            self.said[-number_of(message) - 1] = ""
            self.room.delete(message.id)

    async def react(self) -> None:
        message = self._any()
        if message is not None:
            emoji = self._rng.choice("⭐🎉")
            self.reacted.add((root_of(message), emoji))
            self.room.react(message.id, emoji)

    async def grow(self) -> None:
        if self._stream is None:
            number = len(self.said)
            self.said[number] = f"{self.user}-{number}."
            self._stream = self.room.stream(agent=False)
            assert self._stream.append(self.said[number])
        else:
            number = int(self._stream.text.split(".")[0].split("-")[1])
            self.said[number] += "y"
            assert self._stream.append("y")

    def finish(self) -> None:
        if self._stream is not None:
            assert self._stream.finish()
            self._stream = None

    async def forge(self) -> None:
        """Write what nobody may: it is to be found nowhere but among this client's refusals."""
        text = f"{FORGED}-{self.user}-{next(self._numbers)}"
        key = format_id(self._rng.getrandbits(30), self._rng.choice(["eve", self.user]), 7)
        theirs = [message.id for message in self.room.timeline if message.user not in (self.user, "eve")]
        store = (await self.peer.open("lobby/0")).store
        match self._rng.randrange(5):
            case 0 if theirs:
                store.table("messages").set(self._rng.choice(theirs), {"text": text})
                return  # who owns it may write over that before anybody has heard of the refusal
            case 1 if theirs:
                store.table("messages").delete(self._rng.choice(theirs))
                return
            case 2:
                store.table("nonsense").set(key, {"text": text})
            case 3:
                store.table("messages").set(key, {"text": text, "agent": True})
            case _:
                text += "z" * 100_000
                store.table("messages").set(key, {"text": text})
        self.forged.append(text[: 64 * 1024])

    async def dismiss(self) -> None:
        for refusal in self.peer.refusals[:1]:
            self.dismissed.add(refusal.text)
            await self.peer.dismiss(refusal)

    def _mine(self) -> Message | None:
        return self._pick(lambda message: message.user == self.user and not message.streaming)

    def _any(self) -> Message | None:
        return self._pick(lambda message: True)

    def _pick(self, fits: Callable[[Message], bool]) -> Message | None:
        honest = [
            m for m in self.room.timeline if "-" in m.text and not m.text.startswith(FORGED) and fits(m)
        ]
        return self._rng.choice(honest) if honest else None


def texts(room: Room) -> list[str]:
    return [message.text for message in room.timeline]


def root_of(message: Message) -> str:
    return message.text.split(".")[0]


def number_of(message: Message) -> int:
    return int(root_of(message).split("-")[1])


async def act(client: Client, rng: random.Random) -> None:
    acts: list[tuple[Callable[[], Awaitable[None]], int]] = [
        (client.post, 8),
        (client.edit, 3),
        (client.delete, 1),
        (client.react, 3),
        (client.grow, 4),
        (client.forge, 4),
        (client.dismiss, 1),
        (client.go_offline, 2),
        (client.go_online, 3),
        (client.restart, 1),
    ]
    await rng.choices([act for act, _ in acts], [weight for _, weight in acts])[0]()
    await anyio.sleep(rng.choice([0, 0, 0.001, 0.005, 1]))


async def settle(clients: list[Client]) -> None:
    for client in clients:
        client.finish()
        client.peer.go_online()
    with anyio.fail_after(600):
        for client in clients:
            await client.peer.settled()
            await client.peer.saved()
        one, other = clients
        await one.peer.until(lambda: list(one.room.timeline) == list(other.room.timeline))


def check(clients: list[Client]) -> None:
    shown = list(clients[0].room.timeline)
    for client in clients:
        said = [message.text for message in shown if message.user == client.user]
        assert sorted(said) == sorted(client.said.values())
        numbers = [number_of(m) for m in shown if m.user == client.user and m.text]
        assert numbers == sorted(numbers), "in the order in which they were written"
        reacted = {
            (root_of(m), emoji) for m in shown for emoji, who in m.reactions.items() if client.user in who
        }
        left = {root_of(message) for message in shown}
        assert {pair for pair in reacted if pair[0]} == {pair for pair in client.reacted if pair[0] in left}
        kept = [refusal.text for refusal in client.peer.refusals]
        assert set(client.forged) & set(kept) == set(client.forged) - client.dismissed
        assert [text for text in kept if text.startswith(client.user)] == [], "what was honest"
        others = [text for text in client.seen if text.startswith(FORGED) and f"-{client.user}-" not in text]
        assert others == []


@pytest.mark.parametrize("seed", SEEDS)
def test_G14_S1_O4_honest_work_goes_through_whatever_is_refused_beside_it(seed: int) -> None:
    async def main() -> None:
        rng = random.Random(seed)
        server = MemoryServer(authorize=believe)
        async with server.running(), anyio.create_task_group() as tasks:
            clients = [Client(user, server, rng) for user in ("ann", "bob")]
            for client in clients:
                tasks.start_soon(client.run)
                await client.ready()
            for _ in range(STEPS):
                await act(rng.choice(clients), rng)
            await settle(clients)
            check(clients)
            tasks.cancel_scope.cancel()

    run(main)
