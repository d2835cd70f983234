"""Logs of earlier versions load, and hold what they held: the files stay as they are, for ever (H12)."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest

from syncchat.core.grant import Grant, Role
from syncchat.core.message import Message
from syncchat.core.room import Room
from syncchat.errors import CloseCode, LinkClosed
from syncchat.hub import Hub, Limits
from syncchat.hub.owners import read_owners
from syncchat.link import Link
from syncchat.log import SqliteLog
from syncchat.peer import Peer
from syncchat_server.doctor import examine

pytestmark = pytest.mark.anyio

EARLIER = Path(__file__).parent / "earlier"
NAMES = sorted(path.stem for path in EARLIER.glob("*.json"))
LATER = 1_795_400_000_000
"""A day and a half behind what is in the files, in milliseconds since 1970."""


class Files(NamedTuple):
    """Copies of a daemon's log and a client's, and what they hold."""

    daemon: Path
    client: Path
    told: dict[str, Any]


@pytest.fixture(params=NAMES)
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    daemon, client = (
        Path(shutil.copy(EARLIER / f"{whose}-{request.param}.sqlite", tmp_path))
        for whose in ("daemon", "client")
    )
    return Files(daemon, client, json.loads((EARLIER / f"{request.param}.json").read_text(encoding="utf-8")))


def authorize(token: str, _doc: str) -> Grant:
    roles = {"ann": Role.MODERATOR, "helper": Role.AGENT, "carol": Role.READER}
    return Grant(token, roles.get(token, Role.WRITER))


@asynccontextmanager
async def serving(log: SqliteLog) -> AsyncIterator[Hub]:
    async with Hub(log, authorize=authorize, limits=Limits(), now=lambda: LATER) as hub:
        yield hub


def nowhere(_doc: str) -> AbstractAsyncContextManager[Link]:
    raise LinkClosed(CloseCode.GOING_AWAY, "no connection")


def peer(user: str, hub: Hub | None = None, path: Path | None = None) -> Peer:
    def connect(_doc: str) -> AbstractAsyncContextManager[Link]:
        return nowhere("") if hub is None else hub.connect()

    return Peer(path, user=user, connect=connect, now=lambda: LATER)


def says(message: Message, expected: dict[str, Any]) -> bool:
    """Whether a message is as it was, in the fields of its time; those that say nothing are left out."""
    told = {name: getattr(message, name) for name in expected if name != "reactions"}
    told["reactions"] = {emoji: list(users) for emoji, users in message.reactions.items()}
    return told == {"reactions": {}} | expected and (message.deleted or bool(message.text))


def assert_shows(room: Room, expected: list[dict[str, Any]]) -> None:
    assert [message.id for message in room.timeline] == [message["id"] for message in expected]
    wrong = [
        message.id for message, held in zip(room.timeline, expected, strict=True) if not says(message, held)
    ]
    assert not wrong


async def settle(*peers: Peer) -> None:
    with anyio.fail_after(20):
        for each in peers:
            await each.settled()


async def test_H12_a_daemons_log_of_an_earlier_version_shows_what_it_held(files: Files) -> None:
    log = SqliteLog(files.daemon)
    async with serving(log) as hub, peer("carol", hub) as carol:
        tasks = (await carol.open("tasks")).store.cells("tasks")
        for name, expected in files.told["daemon"].items():
            room = await carol.enter(name)
            await settle(carol)
            assert_shows(room, expected)
        assert {row: tasks.get_row(row) for row in tasks.rows()} == files.told["tasks"]
        owners = await read_owners(log, "lobby/0")
        assert {str(client): user for client, user in owners.items()} == files.told["owners"]


async def test_H12_a_clients_log_of_an_earlier_version_shows_offline_what_it_held(files: Files) -> None:
    async with peer("bob", path=files.client) as bob:
        assert_shows(await bob.enter("lobby"), files.told["client"]["lobby"])
        kept = [[refusal.rule, refusal.doc, *refusal.row, refusal.text] for refusal in bob.refusals]
        assert kept == files.told["client"]["refusals"]
        assert bob.status.waiting > 0


async def test_H12_what_waited_in_an_earlier_clients_log_reaches_an_earlier_daemon(files: Files) -> None:
    async with (
        serving(SqliteLog(files.daemon)) as hub,
        peer("bob", hub, files.client) as bob,
        peer("carol", hub) as carol,
    ):
        rooms = [await bob.enter("lobby"), await carol.enter("lobby")]
        await settle(bob, carol)
        ids = [message["id"] for message in files.told["client"]["lobby"]]
        with anyio.fail_after(20):
            await carol.until(lambda: [message.id for message in rooms[1].timeline] == ids)
        assert list(rooms[0].timeline) == list(rooms[1].timeline)
        assert bob.status.waiting == 0
        assert [refusal.text for refusal in bob.refusals] == ["forged"]


async def test_H12_H3_an_earlier_room_of_more_messages_than_a_page_has_goes_on_on_the_next(
    files: Files,
) -> None:
    before = [message["id"] for message in files.told["daemon"]["busy"]]
    assert len(before) > Limits().page_messages
    async with serving(SqliteLog(files.daemon)) as hub, peer("bob", hub) as bob, peer("carol", hub) as carol:
        room, other = await bob.enter("busy"), await carol.enter("busy")
        await settle(bob, carol)
        posted = [room.post("the first since")]
        with anyio.fail_after(20):
            await bob.until(lambda: room.newest == 1)
        posted.append(room.post("the second"))
        with anyio.fail_after(20):
            await carol.until(lambda: len(other.timeline) == len(before) + 2)
        assert [message.id for message in other.timeline] == before + posted
        assert room.cover.messages > len(before)
    async with serving(SqliteLog(files.daemon)) as hub, peer("carol", hub) as carol:
        room = await carol.enter("busy")
        await settle(carol)
        with anyio.fail_after(20):
            await carol.until(lambda: len(room.timeline) == len(before) + 2)
        assert [message.id for message in room.timeline] == before + posted
    assert list(examine(files.daemon)) == []


@pytest.mark.parametrize("whose", ["daemon", "client"])
def test_H12_doctor_finds_nothing_wrong_with_an_earlier_log(files: Files, whose: str) -> None:
    path: Path = getattr(files, whose)
    assert list(examine(path)) == []
