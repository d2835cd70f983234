"""Erasing: a moderator takes a text out of everything that the daemon keeps, and is told what is left."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest
from pycrdt import Doc

from syncchat.core.cover import CoverWriter
from syncchat.core.grant import Claims, Grant, Role
from syncchat.core.ids import format_id
from syncchat.core.store import Store
from syncchat.errors import LogFailed
from syncchat.hub import Hub
from syncchat.link import Link
from syncchat.log import SqliteLog
from syncchat.peer import Peer
from syncchat.testing.client import Writer
from syncchat.testing.program import PATIENCE, Daemon
from syncchat_server.api.erasing import BEYOND
from syncchat_server.api.history import Place
from syncchat_server.api.problems import Problem
from syncchat_server.api.rooms import Rooms
from syncchat_server.erasing import waiting_for_webhooks
from syncchat_server.folder import OUTBOX_NAME
from syncchat_server.webhooks.outbox import Cursor, News, Outbox
from tests.files import holding
from tests.server.letting import run, token
from tests.server.test_api import Api

SECRET = "correct horse battery staple"
MODERATOR = Claims("mod", (("*", Role.MODERATOR),))
WRITER = Claims("ann", (("*", Role.WRITER),))


class Served(NamedTuple):
    hub: Hub
    log: SqliteLog
    rooms: Rooms

    def peer(self, user: str) -> Peer:
        def connect(_doc: str) -> AbstractAsyncContextManager[Link]:
            return self.hub.connect()

        return Peer(user=user, connect=connect)


def authorize(user: str, _doc: str) -> Grant:
    return Grant(user, Role.MODERATOR if user == "mod" else Role.WRITER)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Served]:
    log = SqliteLog(folder / "log.sqlite")
    async with Hub(log, authorize=authorize) as hub, Rooms(hub, log) as rooms:
        yield Served(hub, log, rooms)


async def says_it(log: SqliteLog) -> list[str]:
    """The docs whose entries, unpacked, hold the secret."""
    return [
        doc for doc in await log.docs() if any(SECRET.encode() in entry.data for entry in await log.read(doc))
    ]


def on_disk(folder: Path) -> list[str]:
    """The files that hold the secret, or a beginning of it that is no accident."""
    return holding(folder, SECRET[:12].encode())


async def settle(*peers: Peer) -> None:
    with anyio.fail_after(PATIENCE):
        for peer in peers:
            await peer.settled()


@pytest.mark.anyio
async def test_H10_what_was_erased_is_in_no_page_and_in_no_file_however_it_was_written(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as served, served.peer("ann") as ann, served.peer("bob") as bob:
        mine, other = await ann.enter("lobby"), await bob.enter("lobby")
        await settle(ann, bob)
        for number in range(30):
            mine.post(f"number {number}")
            other.post(f"another {number}")
        posted, edited = mine.post(f"I say {SECRET}"), mine.post("soon")
        await settle(ann)
        mine.edit(edited, f"now {SECRET}")
        stream = mine.stream(agent=False)
        for word in (SECRET, " ", SECRET):
            stream.append(word)
            await settle(ann)
        unfinished = mine.stream(agent=False)
        unfinished.append(SECRET)
        stream.finish()
        await settle(ann)
        assert on_disk(tmp_path)
        for id in (posted, edited, stream.id, unfinished.id):
            erased = await served.rooms.eraser.erase(MODERATOR, "lobby", Place(None, id))
            assert (erased.page, erased.left) == (0, [])
            assert (erased.message["deleted"], erased.message["deleted_by"]) == (True, "mod")
            assert erased.message["text"] == ""
        assert on_disk(tmp_path) == []
        assert await says_it(served.log) == []
        with anyio.fail_after(PATIENCE):
            await bob.until(lambda: all(message.text != SECRET for message in other.timeline))
        gone = {message.id for message in other.timeline if message.deleted}
        assert gone == {posted, edited, stream.id, unfinished.id}
        async with served.peer("carol") as carol:
            room = await carol.enter("lobby")
            await settle(carol)
            assert len([message for message in room.timeline if message.text]) == 60
            assert SECRET.encode() not in (await carol.open("lobby/0")).doc.get_update()


@pytest.mark.anyio
async def test_H10_what_was_deleted_long_ago_can_still_be_erased(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, served.peer("ann") as ann:
        room = await ann.enter("lobby")
        id = room.post(SECRET)
        await settle(ann)
        room.delete(id)
        await settle(ann)
        assert await says_it(served.log) == ["lobby/0"]
        for _ in range(2):
            erased = await served.rooms.eraser.erase(MODERATOR, "lobby", Place(0, id))
            assert erased.message["deleted_by"] is None
            assert erased.left == []
            assert on_disk(tmp_path) == await says_it(served.log) == []


@pytest.mark.anyio
async def test_H10_only_a_moderator_erases_and_only_what_is_there(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, served.peer("ann") as ann:
        id = (await ann.enter("lobby")).post(SECRET)
        await settle(ann)
        before = await served.log.read("lobby/0")
        for claims, place, status in (
            (WRITER, Place(None, id), 403),
            (Claims("mod", (("other", Role.MODERATOR),)), Place(None, id), 403),
            (MODERATOR, Place(None, format_id(1, "ann", 1)), 404),
            (MODERATOR, Place(1, id), 404),
        ):
            with pytest.raises(Problem) as caught:
                await served.rooms.eraser.erase(claims, "lobby", place)
            assert caught.value.status == status
        assert await served.log.read("lobby/0") == before


@pytest.mark.anyio
async def test_H10_a_late_message_is_found_on_whatever_page_it_stands(tmp_path: Path) -> None:
    pages = [Writer() for _ in range(4)]
    late = format_id(3500, "ann", 9)
    async with serving(tmp_path) as served:
        for number, page in enumerate(pages):
            await served.log.append(
                f"lobby/{number}", [page.write(format_id(1000 * number + 1, "ann", 1), {"text": "x"})]
            )
        await served.log.append("lobby/0", [pages[0].write(late, {"text": SECRET})])
        doc: Doc[Any] = Doc()
        cover = CoverWriter(Store(doc))
        cover.open_page(3)
        cover.save()
        await served.log.append("lobby/cover", [doc.get_update()])
        erased = await served.rooms.eraser.erase(MODERATOR, "lobby", Place(None, late))
        assert (erased.page, erased.left) == (0, [])
        assert await says_it(served.log) == []


@pytest.mark.anyio
async def test_H10_what_cannot_be_reached_is_named_and_the_rest_is_erased(tmp_path: Path) -> None:
    heard: list[tuple[str, str]] = []

    async def fails(_doc: str, _id: str) -> None:
        raise LogFailed("the index is locked")

    async def breaks(_doc: str, _id: str) -> None:
        raise ValueError(SECRET)

    async def hears(doc: str, id: str) -> None:
        heard.append((doc, id))

    async with serving(tmp_path) as served, served.peer("ann") as ann:
        id = (await ann.enter("lobby")).post(SECRET)
        await settle(ann)
        eraser = served.rooms.eraser
        for what, aside in (("the index", fails), ("the copy", breaks), ("the rest", hears)):
            eraser.also(what, aside)
        erased = await eraser.erase(MODERATOR, "lobby", Place(None, id))
    assert heard == [("lobby/0", id)]
    assert erased.reached[1:] == ["the log", "the rest"]
    assert erased.left[0] == "the index: the index is locked"
    assert erased.left[1].startswith("the copy: ValueError in ")
    assert SECRET not in erased.left[1]


@pytest.mark.anyio
async def test_H10_what_waits_for_webhooks_is_erased_too(tmp_path: Path) -> None:
    id, other = format_id(1, "ann", 1), format_id(2, "ann", 2)
    forget = waiting_for_webhooks(tmp_path)
    await forget("lobby/0", id)
    assert not on_disk(tmp_path), "no outbox, and none is made"
    async with Outbox(tmp_path / OUTBOX_NAME) as outbox:
        news = [News("hook", "lobby", id, SECRET.encode()), News("hook", "lobby", other, b"harmless")]
        await outbox.begin(["hook"], 0)
        await outbox.keep("lobby/0", Cursor(), [*news, news[0]])
        first = await outbox.first("hook", "lobby")
        assert first is not None
        await outbox.done(first)  # what was told stands in the file no more, either
        await forget("lobby/0", id)
        left = await outbox.first("hook", "lobby")
        assert left is not None
        assert left.id == other
        assert on_disk(tmp_path) == []


def test_H10_the_log_of_a_stopped_daemon_is_erased_on_the_command_line(tmp_path: Path) -> None:
    folder = tmp_path / "daemon"
    with Daemon(folder, "--no-agent") as daemon:
        api = Api(daemon)
        id = api.post(SECRET).json()["id"]
        api.post("this stays")
        refused = run("erase", "lobby", id, "--data", folder)
        assert (refused.returncode, "another daemon is using" in refused.stderr) == (2, True)
        daemon.kill()
        assert on_disk(folder)
        done = run("erase", "lobby", id, "--data", folder, "--by", "ops")
        assert done.returncode == 0, done.stderr
        assert "the log" in done.stdout
        assert "out of reach: exports, mirrors and backups that were made before" in done.stderr
        assert on_disk(folder) == []
        daemon.start()
        told = Api(daemon).get("/api/v1/rooms/lobby/messages").json()["messages"]
    assert [(message["text"], message["deleted_by"]) for message in told] == [
        ("", "ops"),
        ("this stays", None),
    ]


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("lobby", "no-id"), "no-id"),
        (("../lobby", "0000000001.ann.00000001"), "room"),
        (("lobby", "0000000001.ann.00000001"), "no such message"),
        (("lobby", "0000000001.ann.00000001", "--by", "?"), "user"),
    ],
)
def test_H10_a_message_that_cannot_be_is_told_on_the_command_line(
    tmp_path: Path, arguments: tuple[str, ...], cause: str
) -> None:
    done = run("erase", *arguments, "--data", tmp_path / "daemon")
    assert done.returncode == 2
    assert cause in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_H10_W3_a_moderator_erases_over_http(folder: Path, guarded: Daemon) -> None:
    ann, mod = (
        Api(guarded, token(folder, user, {"lobby": role}))
        for user, role in (("ann", Role.WRITER), ("mod", Role.MODERATOR))
    )
    id = ann.post(SECRET).json()["id"]
    path = f"/api/v1/rooms/lobby/messages/{id}/erase"
    assert ann.ask("POST", path).status_code == 403
    assert ann.texts() == [SECRET]
    told = mod.ask("POST", path).json()
    assert told["message"]["deleted_by"] == "mod"
    assert told["left"] == []
    assert told["beyond"] == list(BEYOND)
    assert ann.texts() == [""]
    assert mod.ask("POST", path + "?page=0").status_code == 200
    assert mod.ask("POST", path + "?page=1").status_code == 404
    assert mod.ask("POST", "/api/v1/rooms/nowhere/messages/" + id + "/erase").status_code == 404
    assert on_disk(folder) == []
