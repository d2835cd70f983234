"""A seeded story with agents: people who ask, edit, delete and stop; processes that die; then a healing.

`python -m syncchat.testing.agent_story SEED` plays one seed and prints what happened. What must hold at the
end: no message has two visible answers of one agent, none is still being written, all that an agent took is
in its book, it has passed no limit of its budget by more than a call (from seed to seed another one), and
whoever asks when all is well is answered (A10).
"""

import sys
from collections.abc import Callable, Iterator
from decimal import Decimal

import anyio

from syncchat.agent.budget import DayBook, Payer, Spend
from syncchat.agent.tokens import Tokens
from syncchat.core.message import Message
from syncchat.core.room import Room
from syncchat.testing.agents_world import AGENTS, PRICES, AgentsWorld
from syncchat.testing.loop import run
from syncchat.testing.verdict import Broken
from syncchat.testing.world import ROOM

STEPS = 20

PAUSES = (0.0, 0.02, 0.3, 1.0, 3.0)
"""Seconds from step to step: shorter and longer than an answer takes."""

HEALING = 120.0
"""Seconds after which all that went wrong has to be settled."""

FINISHING = 10.0
"""Seconds within which what a killed process left is finished, once everybody can be reached (A19)."""


def play(seed: int) -> AgentsWorld:
    """Play one seed to its end in virtual time; raises Broken. The same seed plays the same story."""
    return run(_play, seed)


async def _play(seed: int) -> AgentsWorld:
    async with anyio.create_task_group() as tasks:
        world = AgentsWorld(seed, tasks)
        for client in world.clients:
            await client.alive()
        for _ in range(STEPS):
            await anyio.sleep(world.rng.choice(PAUSES))
            _step(world)
        await _heal(world)
        await _check(world)
        tasks.cancel_scope.cancel()
    return world


# What happens.


def _step(world: AgentsWorld) -> None:
    if world.rng.random() < 0.3:
        world.rng.choice(MISFORTUNES)(world)
        return
    client = world.rng.choice(world.people)
    if client.room is not None:
        world.rng.choice(WORK)(world, client.room)


def _kill(world: AgentsWorld) -> None:
    world.rng.choice(world.processes).die()


def _restart(world: AgentsWorld) -> None:
    world.rng.choice(world.clients).restart()


def _cut(world: AgentsWorld) -> None:
    wires = world.network.wires()
    if wires:
        world.rng.choice(wires).cut()


def _offline(world: AgentsWorld) -> None:
    peer = world.rng.choice(world.clients).peer
    if peer is not None:
        peer.go_offline()


def _online(world: AgentsWorld) -> None:
    for client in world.clients:
        if client.peer is not None and world.rng.random() < 0.5:
            client.peer.go_online()


def _server_dies(world: AgentsWorld) -> None:
    world.server.die()


def _ask(world: AgentsWorld, room: Room) -> None:
    called = " ".join(f"@{name}" for name in world.calls if world.rng.random() < 0.7)
    world.say(room, f"{called} what is {world.rng.randrange(1000)}?")


def _chat(world: AgentsWorld, room: Room) -> None:
    world.say(room, f"{room.user} has seen {world.rng.randrange(1000)}")


def _reply(world: AgentsWorld, room: Room) -> None:
    message = _some(world, room, lambda message: not message.deleted)
    if message is not None:
        world.say(room, f"and {world.rng.randrange(1000)}?", re=message.id)


def _edit(world: AgentsWorld, room: Room) -> None:
    own = _some(world, room, lambda message: message.user == room.user and not message.deleted)
    if own is not None:
        room.edit(own.id, f"{own.text[:40]} or {world.rng.randrange(1000)}?")


def _delete(world: AgentsWorld, room: Room) -> None:
    own = _some(world, room, lambda message: message.user == room.user and not message.deleted)
    if own is not None:
        room.delete(own.id)


def _stop(world: AgentsWorld, room: Room) -> None:
    message = _some(world, room, lambda message: message.streaming) or _some(world, room, lambda _: True)
    if message is not None:
        world.ask(room, "stop", message.id)


def _again(world: AgentsWorld, room: Room) -> None:
    answer = _some(world, room, lambda message: message.user in AGENTS and not message.streaming)
    if answer is not None:
        world.ask(room, "again", answer.id)


def _now(world: AgentsWorld, room: Room) -> None:
    message = _some(world, room, lambda message: message.user not in AGENTS)
    if message is not None:
        world.ask(room, "now", message.id)


def _ambient(world: AgentsWorld, room: Room) -> None:
    world.ask(room, "ambient", None, world.rng.choice(("on", "off")))


def _some(world: AgentsWorld, room: Room, fits: Callable[[Message], bool]) -> Message | None:
    found = [message for message in room.timeline[-12:] if fits(message)]
    return world.rng.choice(found) if found else None


WORK = (_ask, _ask, _ask, _chat, _reply, _edit, _delete, _stop, _stop, _again, _now, _ambient)
MISFORTUNES = (_kill, _kill, _kill, _restart, _cut, _offline, _online, _online, _server_dies)

# How it ends, and what holds then.


async def _heal(world: AgentsWorld) -> None:
    with anyio.fail_after(HEALING):
        for client in world.clients:
            peer, _ = await client.alive()
            peer.go_online()
        for client in world.clients:
            peer, _ = await client.alive()
            await peer.settled()
    await anyio.sleep(FINISHING)


async def _check(world: AgentsWorld) -> None:
    room = world.witness
    world.promises.trace.append("healed")
    # Who was still at it when all was well goes on; nobody asks any more, so that comes to an end.
    await _until(lambda: not world.calling and not _streaming(room))
    await anyio.sleep(FINISHING)
    _require("A19", not _streaming(room), f"still being written: {_streaming(room)}")
    for agent in world.calls:
        _check_answers(world, room, agent)
    for agent in world.calls:
        _check_spending(world, agent, await world.book(agent))
    await _check_alive(world)


def _check_answers(world: AgentsWorld, room: Room, agent: str) -> None:
    for trigger in room.timeline:
        answers = [m.id for m in room.timeline if _answers(m, agent) and m.re == trigger.id and m.of is None]
        _require("A8", len(answers) <= 1, f"{agent} answered {trigger.id} by {answers}")
    lost = [m.id for m in room.timeline if _answers(m, agent) and m.re is None]
    _require("A8", not lost, f"nobody knows what {lost} answer")
    for process in world.processes:
        if process.user == agent:
            views = [_told(message) for message in process.room.timeline] if process.room is not None else []
            _require("S1", views == [_told(message) for message in room.timeline], f"{process.name} differs")


def _answers(message: Message, agent: str) -> bool:
    return message.user == agent and not message.deleted


def _told(message: Message) -> tuple[object, ...]:
    return message.id, message.text, message.deleted, message.state, message.re, message.of


def _streaming(room: Room) -> list[str]:
    return [message.id for message in room.timeline if message.streaming]


def _check_spending(world: AgentsWorld, agent: str, book: DayBook) -> None:
    """The book has all that was spent, and nobody has passed a limit by more than one call."""
    _require("A23", book.total.calls >= world.calls[agent], f"{agent} made calls that are in no book")
    _require("A23", book.total.tokens >= world.tokens[agent], f"{agent} took tokens that are in no book")
    # Of a process that was killed a call stays as it was reserved.
    unsettled = (call.spend.tokens for call in book.open.values())
    dearest = max(world.dearest, *unsettled, 0)
    for payer in book.cells:
        for limit, spent, one in _spending(book, payer, dearest):
            most = getattr(world.budget, limit)
            holds = most is None or spent < Decimal(str(most)) + one
            _require("A23", holds, f"{agent} spent {spent} for {payer.user}, of {most} ({limit})")


def _spending(book: DayBook, payer: Payer, dearest: int) -> Iterator[tuple[str, Decimal, Decimal]]:
    """The name of each limit, what counts for it, and what one call has taken of it at most."""
    money = PRICES.cost("story", Tokens(0, dearest))
    most = {"calls": Decimal(1), "tokens": Decimal(dearest), "money": money or Decimal(0)}
    for end, counts in (
        ("", lambda _: True),
        ("_per_user", lambda other: other.user == payer.user),
        ("_per_room", lambda other: other.room == payer.room),
    ):
        if end == "_per_user" and payer.user is None:
            continue
        spent = sum((spend for other, spend in book.cells.items() if counts(other)), Spend())
        yield from ((what + end, Decimal(getattr(spent, what)), one) for what, one in most.items())


async def _check_alive(world: AgentsWorld) -> None:
    """Of the processes of each agent exactly one is at work, and answers while it has the means to."""
    for agent in world.calls:
        at_work = [state for state in world.witness.connections if _has_place(state, agent)]
        _require("A9", len(at_work) == 1, f"{len(at_work)} processes of {agent} are at work")
    asked = world.say(world.witness, " ".join(f"@{agent}" for agent in world.calls) + " are you there?")
    payer = Payer(world.witness.user, ROOM, "story")
    books = {agent: await world.book(agent) for agent in world.calls}
    hopeful = [agent for agent, book in books.items() if book.allowance(payer, world.budget).limit is None]
    await _until(lambda: all(_has_answered(world.witness, agent, asked) for agent in hopeful))
    for agent in hopeful:
        _require("A7", _has_answered(world.witness, agent, asked), f"{agent} does not answer")


async def _until(condition: Callable[[], bool]) -> None:
    """Return when it holds, or after HEALING."""
    for _ in range(round(HEALING)):
        if condition():
            return
        await anyio.sleep(1)


def _has_place(state: object, agent: str) -> bool:
    return isinstance(state, dict) and state.get("user") == agent and bool(state.get("fence"))


def _has_answered(room: Room, agent: str, asked: str) -> bool:
    return any(m.user == agent and m.re == asked and not m.streaming for m in room.timeline)


def _require(rule: str, holds: bool, what: str) -> None:
    if not holds:
        raise Broken(f"{rule}: {what}")


def main() -> int:
    """Play the seeds given as arguments; prints the story of each."""
    for seed in map(int, sys.argv[1:]):
        world = play(seed)
        sys.stdout.write("\n".join([*world.promises.trace, f"seed {seed} holds"]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
