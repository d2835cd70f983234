"""The demo: a daemon, an agent and people on this machine; by itself, or with the terminal client."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import anyio
import click

from syncchat.core.deltas import Delta
from syncchat.core.message import Message
from syncchat.paged_room import PagedRoom
from syncchat.peer import Peer
from syncchat_server.child import Child, running

ROOM = "lobby"
SMALL_PAGES = ("--limit", "page_messages=6")
"""The story is short, and its room is to have pages all the same."""

PATIENCE = 30.0
"""Seconds after which something that should have happened counts as failed."""


@contextmanager
def serve_for_terminal() -> Iterator[tuple[str, Path]]:
    """A daemon with an agent for as long as the block; gives its address and a folder for the client."""
    with tempfile.TemporaryDirectory(prefix="syncchat-demo-") as folder:
        base = Path(folder)
        with running(partial(Child, base / "server")) as daemon:
            yield daemon.address, base / "you"


async def play() -> int:
    """Play the story and say what it proved; returns 1 if anything was lost, doubled or different."""
    with tempfile.TemporaryDirectory(prefix="syncchat-demo-") as folder:
        try:
            await Story(Path(folder)).run()
        except Failed as failure:
            click.secho(f"\nFAILED: {failure}", fg="red", bold=True)
            return 1
    return 0


class Failed(Exception):
    """The story did not go as promised."""


class Person:
    """Somebody with a replica of their own, whose screen is printed."""

    def __init__(self, peer: Peer, room: PagedRoom) -> None:
        self.peer = peer
        self.room = room

    @property
    def name(self) -> str:
        """Who it is."""
        return self.peer.name

    def messages(self) -> list[tuple[str, str]]:
        """What is on the screen: ids and texts, in order."""
        return [(message.id, message.text) for message in self.room.timeline]

    def underneath(self) -> str:
        """What goes on below the screen."""
        status = self.peer.status
        link = "online" if status.online else "offline"
        waiting = f"{status.waiting} waiting" if status.waiting else "all acknowledged"
        return f"{self.name}: {link}, {waiting}, {status.bytes_out} B out, {status.bytes_in} B in"


class Story:
    """One run; `acknowledged` and `seen` are what must never be missing again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._daemon = Child(folder / "server", options=SMALL_PAGES)
        self._acknowledged: set[str] = set()
        self._seen: set[str] = set()
        self._typed: dict[str, int] = {}

    async def run(self) -> None:
        """Everything, from the first hello to the proof."""
        try:
            _say("start", f"a daemon on {self._daemon.address} with a log on disk and an agent in it")
            async with self._peer("ada") as ada_peer, self._peer("bob") as bob_peer:
                ada, bob = await self._enter(ada_peer), await self._enter(bob_peer)
                await self._meet(ada, bob)
                await self._work_offline(ada, bob)
                await self._kill_in_mid_stream(ada, bob)
                await self._ask_again(ada, bob)
                await self._prove(ada, bob)
        finally:
            self._daemon.stop()

    def _peer(self, name: str) -> Peer:
        return Peer(self._folder / f"{name}.sqlite", user=name, server=self._daemon.address)

    async def _enter(self, peer: Peer) -> Person:
        person = Person(peer, await peer.enter(ROOM))
        person.room.timeline.listen(partial(self._hear, person))
        return person

    def _hear(self, person: Person, deltas: list[Delta]) -> None:
        for delta in deltas:
            message = person.room.message(delta.row)
            if message is None:
                continue
            if message.user != person.peer.user:
                self._seen.add(message.id)
            elif message.durable:
                self._acknowledged.add(message.id)
            if person.name == "ada" and message.agent:
                self._type_out(message)

    def _type_out(self, message: Message) -> None:
        """Print what the agent's message has grown by; its last words come with its end."""
        typed = self._typed.get(message.id, 0)
        self._typed[message.id] = len(message.text)
        click.echo(click.style(message.text[typed:], fg="cyan"), nl=False)

    # The chapters.

    async def _meet(self, ada: Person, bob: Person) -> None:
        await self._until("the agent enters", ada, lambda: "agent" in {p.user for p in ada.room.people})
        self._post(ada, "Hello Bob! The ferry leaves at 9:40, platform 3.")
        await self._until("bob sees it", bob, lambda: _has(bob, "ferry"))
        await self._settled(ada)
        self._show(ada, bob)

    async def _work_offline(self, ada: Person, bob: Person) -> None:
        _say("cut", "bob's link is cut; he goes on writing")
        bob.peer.go_offline()
        await self._until("bob is offline", bob, lambda: not bob.peer.status.online)
        self._post(bob, "I am in the tunnel now, no network.")
        self._post(bob, "Writing works all the same, it is on my disk.")
        self._post(ada, "Bob? I bring the tickets.")
        await self._settled(ada)
        await bob.peer.saved()
        self._show(ada, bob)
        _say("merge", "bob is online again")
        bob.peer.go_online()
        await self._settled(bob)
        await self._until("ada sees bob's work", ada, lambda: _has(ada, "tunnel") and _has(ada, "on my disk"))
        await self._until("bob sees ada's", bob, lambda: _has(bob, "tickets"))
        self._show(ada, bob)

    async def _kill_in_mid_stream(self, ada: Person, bob: Person) -> None:
        self._post(ada, "@agent summarise what we said so far")
        _say("stream", "the agent answers, token by token:")
        click.echo("        ", nl=False)
        await self._until("tokens arrive", bob, lambda: len(_streamed(bob).split()) > 6)
        self._daemon.kill()
        click.echo()
        _say("kill -9", f"the daemon is dead, after {len(_streamed(bob))} characters of the answer")
        await self._until("ada notices", ada, lambda: not ada.peer.status.online)
        self._post(ada, "The server is gone, and I do not mind.")
        self._show(ada, bob)
        _say("restart", "the same log, a new process")
        self._daemon = Child(self._folder / "server", port=self._daemon.port, options=SMALL_PAGES)
        await self._settled(ada)
        await self._settled(bob)
        await self._until("the stream is closed", ada, lambda: not _streamed(ada))
        await self._until("bob sees ada's", bob, lambda: _has(bob, "do not mind"))
        interrupted = [message for message in ada.room.timeline if message.state == "interrupted"]
        _say("agent", f"what it had said stays, marked interrupted: {interrupted[-1].text!r}")
        self._show(ada, bob)

    async def _ask_again(self, ada: Person, bob: Person) -> None:
        await self._until("the agent is back", bob, lambda: "agent" in {p.user for p in bob.room.people})
        before = _answers(ada)
        self._post(bob, "@agent what is 2 * 17.50 + 4?")
        _say("stream", "the agent answers:")
        click.echo("        ", nl=False)
        await self._until("the answer is whole", ada, lambda: _answers(ada) > before)
        await self._until("bob has it too", bob, lambda: _answers(bob) > before)
        click.echo()
        await self._settled(bob)
        self._show(ada, bob)

    async def _prove(self, ada: Person, bob: Person) -> None:
        await self._scroll_to_start(ada, bob)
        await self._until("both are equal", ada, lambda: ada.messages() == bob.messages())
        _say("proof", "a newcomer joins from nothing, and scrolls to the start")
        async with self._peer("eve") as peer:
            eve = await self._enter(peer)
            await self._scroll_to_start(eve)
            await self._until("the newcomer has everything", eve, lambda: eve.messages() == ada.messages())
        ids = [id for id, _ in ada.messages()]
        lost = (self._acknowledged | self._seen) - set(ids)
        _require(not lost, f"{len(lost)} messages that were acknowledged or seen are gone")
        _require(len(ids) == len(set(ids)), "a message is there twice")
        _require(ids == sorted(ids), "the messages are out of order")
        click.echo()
        for message in ada.room.timeline:
            click.echo(f"  {_line(message)}")
        self._sum_up(ids, ada.room.newest + 1)

    async def _scroll_to_start(self, *people: Person) -> None:
        for person in people:
            while await person.room.older():
                pass

    def _sum_up(self, ids: list[str], pages: int) -> None:
        click.secho("\nProved in this run, over real websockets and a daemon killed with -9:", bold=True)
        for line in (
            f"three replicas hold the same {len(ids)} messages on {pages} pages, each once and in order",
            f"all {len(self._acknowledged)} acknowledged and all {len(self._seen)} seen by others are there",
            "what was written offline merged, with no conflict and nothing doubled",
        ):
            click.echo(f"  {click.style('✓', fg='green')} {line}")

    # Telling.

    def _post(self, person: Person, text: str) -> None:
        id = person.room.post(text)
        message = person.room.message(id)
        assert message is not None
        click.echo(f"  {_line(message)}")

    def _show(self, *people: Person) -> None:
        for person in people:
            click.secho(f"        {person.underneath()}", dim=True)

    async def _settled(self, person: Person) -> None:
        await self._until(f"{person.name}'s work is acknowledged", person, lambda: person.peer.is_settled)

    async def _until(self, what: str, person: Person, condition: Callable[[], bool]) -> None:
        with anyio.move_on_after(PATIENCE) as patience:
            await person.peer.until(condition)
        _require(not patience.cancelled_caught, f"{what}: not within {PATIENCE:.0f} s")


def _say(what: str, text: str) -> None:
    click.echo(f"{click.style(f'[{what}]', fg='yellow')} {text}")


def _line(message: Message) -> str:
    mark = {"interrupted": " (interrupted)"}.get(message.state or "", "")
    return f"{click.style(f'{message.user:>5}', bold=True)}  {message.text}{mark}"


def _has(person: Person, words: str) -> bool:
    return any(words in message.text for message in person.room.timeline)


def _streamed(person: Person) -> str:
    return "".join(message.text for message in person.room.timeline if message.streaming)


def _answers(person: Person) -> int:
    return sum(m.agent and not m.streaming and m.state is None for m in person.room.timeline)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise Failed(what)
