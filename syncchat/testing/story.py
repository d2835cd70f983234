"""A seeded story: work and misfortune in a simulated world, a healing at its end, and what must hold then.

`python -m syncchat.testing.story SEED` plays one seed and prints what happened.
"""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial

import anyio

from syncchat.core.grant import Role
from syncchat.core.message import Message
from syncchat.errors import SyncchatError
from syncchat.paged_room import PagedRoom as Room
from syncchat.testing.loop import run
from syncchat.testing.verdict import check, view
from syncchat.testing.world import Client, World

STEPS = 60
HEALING = 600.0
"""Virtual seconds in which a healed world has to come to rest."""


def play(seed: int) -> World:
    """Play one seed to its end in virtual time; raises Broken. The same seed plays the same story."""
    return run(_play, seed)


async def _play(seed: int) -> World:
    async with anyio.create_task_group() as tasks:
        world = World(seed, tasks)
        for client in world.clients:
            await client.alive()
        for _ in range(STEPS):
            await anyio.sleep(world.rng.choice((0, 0.001, 0.02, 0.3, 3)))
            _step(world)
        await _heal(world)
        check(world)
        tasks.cancel_scope.cancel()
    return world


# What happens.


def _step(world: World) -> None:
    if world.rng.random() < 0.25:
        world.rng.choice(MISFORTUNES)(world)
        return
    client = world.rng.choice(world.clients)
    if client.room is not None:
        world.rng.choice(WORK)(world, client, client.room)


def _cut(world: World) -> None:
    wires = world.network.wires()
    if wires:
        world.rng.choice(wires).cut()


def _swallow(world: World) -> None:
    wires = world.network.wires()
    if wires:
        world.rng.choice(wires).swallows = True


def _offline(world: World) -> None:
    peer = world.rng.choice(world.clients).peer
    if peer is not None:
        peer.go_offline()


def _online(world: World) -> None:
    for client in world.clients:
        if client.peer is not None and world.rng.random() < 0.7:
            client.peer.go_online()


def _die(world: World) -> None:
    world.rng.choice(world.clients).die()


def _restart(world: World) -> None:
    world.rng.choice(world.clients).restart()


def _server_dies(world: World) -> None:
    world.server.die()


def _server_fails(world: World) -> None:
    store = world.server.store
    store.failure = None if store.failure else "the disk is full"


def _retention(world: World) -> None:
    if world.rng.random() < 0.3:
        world.start(partial(world.server.drop_before, world.rng.randint(1, 4)))


def _post(world: World, client: Client, room: Room) -> None:
    text = f"{client.name} says {world.rng.randrange(10**6)} ⚓"
    id = room.post(text)
    client.last_text[id] = text
    world.promises.post(client.name, id)


def _burst(world: World, client: Client, room: Room) -> None:
    for _ in range(world.rng.randint(2, 30)):
        _post(world, client, room)


def _save(world: World, client: Client, room: Room) -> None:
    """What is there now is on the client's own disk once `saved` has returned."""
    peer, ids = client.peer, [message.id for message in room.timeline if message.user == client.user]

    async def save() -> None:
        assert peer is not None
        with anyio.move_on_after(60):
            await peer.saved()
            if client.peer is peer:
                for id in ids:
                    world.promises.keep(id, f"saved by {client.name}")

    world.start(save)


def _own(world: World, client: Client, room: Room) -> str | None:
    mine = [m.id for m in room.timeline if m.user == client.user and not m.deleted and not m.streaming]
    return world.rng.choice(mine) if mine else None


def _edit(world: World, client: Client, room: Room) -> None:
    id = _own(world, client, room)
    if id is not None:
        client.last_text[id] = f"edited {world.rng.randrange(10**6)}"
        room.edit(id, client.last_text[id])


def _delete(world: World, client: Client, room: Room) -> None:
    id = _own(world, client, room)
    if id is not None and world.rng.random() < 0.3:
        client.last_text[id] = ""
        room.delete(id)


def _erase(world: World, _client: Client, room: Room) -> None:
    """A moderator takes back what somebody wrote; others find that they may not."""
    others = [message.id for message in room.timeline if room.may_delete(message.id)]
    if others and room.role is Role.MODERATOR and world.rng.random() < 0.5:
        id = world.rng.choice(others)
        room.delete(id)
        world.promises.erased.add(id)


def _react(world: World, client: Client, room: Room) -> None:
    if len(room.timeline):
        room.react(world.rng.choice(room.timeline).id, "⭐", on=world.rng.random() < 0.7)


def _stream(world: World, client: Client, room: Room) -> None:
    if client.stream is None:
        client.stream = room.stream(agent=False)
        client.stream.append("so ")  # of an empty one nothing could be kept
        world.promises.post(client.name, client.stream.id)
    elif world.rng.random() < 0.8:
        for number in range(world.rng.randint(1, 40)):
            client.stream.append(f"token {number} ")
    else:
        client.stream.finish()
        client.stream = None


def _tick(world: World, client: Client, room: Room) -> None:
    """Change a doc that is no chat: a list of tasks, cell by cell."""
    assert client.tasks is not None
    task = f"task{world.rng.randrange(5)}"
    if world.rng.random() < 0.2:
        client.tasks.delete(task)
    else:
        client.tasks.set_cell(task, world.rng.choice(("text", "done")), world.rng.randrange(100))


def _scroll(world: World, _client: Client, room: Room) -> None:
    """Look something up, page by page, and perhaps come back."""
    moves = [world.rng.choice((room.older, room.older, room.newer, room.recent)) for _ in range(4)]

    async def scroll() -> None:
        with anyio.move_on_after(60), suppress(SyncchatError):  # the room may be left meanwhile
            for move in moves:
                await move()

    world.start(scroll)


def _read(_world: World, _client: Client, room: Room) -> None:
    room.mark_read()


WORK = (
    _tick,
    _scroll,
    _read,
    _post,
    _post,
    _burst,
    _save,
    _edit,
    _delete,
    _erase,
    _react,
    _stream,
    _stream,
    _stream,
)
MISFORTUNES = (_cut, _swallow, _offline, _online, _die, _restart, _server_dies, _server_fails, _retention)

# How it ends.


async def _heal(world: World) -> None:
    world.server.store.failure = None
    with anyio.fail_after(HEALING):
        for client in world.clients:
            peer, _ = await client.alive()
            if client.stream is not None:
                client.stream.finish()
            peer.go_online()
        await _rest(world)
        for client in world.clients:
            await _finish_leftovers(client)
        world.clients.append(world.newcomer())
        await _rest(world)
        await _read_all(world)


async def _finish_leftovers(client: Client) -> None:
    """A stream that only the server remembered came back to its writer when that was healed."""
    _, room = await client.alive()
    async for message in _scroll_to_start(client):
        if message.streaming and message.user == client.user:
            room.reopen(message.id, agent=False).finish(state="interrupted")


async def _rest(world: World) -> None:
    """Return when everything is acknowledged, and everybody who scrolls to the start has seen the same."""
    while True:
        await _settle(world)
        await anyio.sleep(1)  # what was acknowledged to one is still on its way to the others
        for client in world.clients:
            client.history = await _history(client)
        if len({view(client) for client in world.clients}) == 1:
            return


async def _read_all(world: World) -> None:
    """Everybody reads to the end, and the cover tells everybody so."""
    rooms = [(await client.alive())[1] for client in world.clients]
    while any(room.cover.unread(room.user).messages for room in rooms if room.timeline):
        for room in rooms:
            room.mark_read()
        await anyio.sleep(1)
    await _settle(world)


async def _settle(world: World) -> None:
    for client in world.clients:
        await (await client.alive())[0].settled()


async def _history(client: Client) -> dict[str, Message]:
    return {message.id: message async for message in _scroll_to_start(client)}


async def _scroll_to_start(client: Client) -> AsyncIterator[Message]:
    """Every message that somebody sees who scrolls to the start, from the end on; some of them twice."""
    peer, room = await client.alive()
    await room.recent()
    more = True
    while more:
        await peer.settled()
        for message in list(room.timeline):
            yield message
        more = await room.older()
    await room.recent()


def main(arguments: list[str], say: Callable[[str], object] = print) -> int:
    """Play the seeds given; returns 1 if one of them breaks a rule."""
    for argument in arguments:
        world = play(int(argument))
        for line in world.promises.trace:
            say(line)
        promises = world.promises
        say(f"seed {argument}: {len(promises.author)} messages, {len(promises.kept)} promised, all kept")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
