"""What must hold when a seeded story is over, whatever has happened in it."""

from collections.abc import Iterable, Mapping
from typing import Any

from pycrdt import Doc, Map

from syncchat.core.ids import page_name
from syncchat.core.message import Message
from syncchat.core.page import MESSAGES, STREAMS
from syncchat.core.snapshot import make_snapshot
from syncchat.testing.world import ROOM, Client, World


class Broken(AssertionError):
    """An invariant of SPEC.md does not hold; the text names the rule."""


def view(client: Client) -> tuple[object, ...]:
    """What a client has seen of the room, and its tasks."""
    assert client.tasks is not None
    tasks = sorted((task, tuple(sorted(cells.items()))) for task, cells in client.tasks.items())
    return (tuple(_shown(client.history[id]) for id in sorted(client.history)), tuple(tasks))


def _shown(message: Message) -> tuple[object, ...]:
    reactions = tuple(sorted((emoji, tuple(users)) for emoji, users in message.reactions.items()))
    return (message.id, message.text, message.streaming, message.deleted, message.state, reactions)


def check(world: World) -> None:
    """Look at a world that was healed and whose clients have scrolled to the start. Raises Broken."""
    _require("S1", len({view(client) for client in world.clients}) == 1, "replicas differ")
    history = world.clients[0].history
    ids = sorted(history)
    for client in world.clients:
        assert client.room is not None
        shown = [message.id for message in client.room.timeline]
        _require("O4", len(shown) == len(set(shown)), "a message is there twice")
        _require("H2", shown == sorted(shown), "messages are not in the order of their ids")
    counted = {client.room.cover.messages for client in world.clients if client.room is not None}
    dropped, stored = _on_disk(world, MESSAGES, STREAMS)
    _require("S1", set(ids) == stored, f"shown and stored differ: {sorted(set(ids) ^ stored)}")
    arrived = len(set().union(*_on_disk(world, MESSAGES)))
    twice = set(range(arrived, arrived + 8))  # a late stream that ends many pages later counts once more
    _require("H7", len(counted) == 1 and counted <= twice, f"{arrived} arrived, and {counted} are counted")
    gone = dropped | _refused(world)
    lost = world.promises.kept - set(ids) - gone
    _require("D5", not lost, f"lost: {sorted(lost)}")
    unknown = set(ids) - world.promises.author.keys()
    _require("O5", not unknown, f"nobody wrote {sorted(unknown)}")
    for client in world.clients:
        posted = world.promises.posted.get(client.name, [])
        there = gone.union(ids)
        _require("I2", posted == sorted(posted), f"the ids of {client.name} went back")
        if client.crashes == 0:
            missing = [id for id in posted if id not in there]
            _require("O4", not missing, f"{client.name} never crashed, but these are gone: {missing}")
        _check_texts(client, history, gone | world.promises.erased)
        _check_status(client)
    _check_log(world)


def _on_disk(world: World, *roots: str) -> tuple[set[str], set[str]]:
    """The rows of these roots in the server's log: those on pages that were dropped, and the others."""
    assert world.clients[0].room is not None
    first, newest = world.clients[0].room.cover.first, world.clients[0].room.newest
    pages = [_rows_on(world, page_name(ROOM, number), roots) for number in range(newest + 1)]
    return set().union(*pages[:first]), set().union(*pages[first:])


def _rows_on(world: World, page: str, roots: Iterable[str]) -> set[str]:
    doc: Doc[Any] = Doc()
    for row in world.server.store.rows(page):
        doc.apply_update(row.data)
    return {id for root in roots for id in doc.get(root, type=Map)}


def _refused(world: World) -> set[str]:
    """What came too late for a page that was dropped: its author has it."""
    peers = [client.peer for client in world.clients if client.peer is not None]
    return {refusal.row[1] for peer in peers for refusal in peer.refusals}


def _check_texts(client: Client, history: Mapping[str, Message], but: set[str]) -> None:
    if client.crashes or client.has_twin:
        return
    for id in client.last_text.keys() - but:
        message = history.get(id)
        whole = message is not None and message.text == client.last_text[id]
        _require("S1", whole, f"{id} lost its last edit")


def _check_status(client: Client) -> None:
    assert client.peer is not None
    _require("G1", client.peer.status.problem is None, f"{client.name}: {client.peer.status.problem}")
    _require("O7", client.peer.status.waiting == 0, f"{client.name} still waits for acknowledgements")
    waiting = [message.id for message in client.history.values() if not message.durable]
    _require("O7", not waiting, f"not shown as durable to {client.name}: {waiting}")


def _check_log(world: World) -> None:
    for doc in world.server.store.docs():
        rows = world.server.store.rows(doc)
        if "#" not in doc:
            make_snapshot([row.data for row in rows])
        seqs = [row.seq for row in rows]
        _require("D7", seqs == sorted(set(seqs)), "the log is not in order")


def _require(rule: str, holds: bool, what: str) -> None:
    if not holds:
        raise Broken(f"{rule}: {what}")
