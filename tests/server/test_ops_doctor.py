"""Doctor: every damage of a log is named with its cause and remedy, and nothing is harmed by looking."""

import hashlib
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from pycrdt import Doc, Text

from syncchat.core.bindings import encode_bindings
from syncchat.core.cover import CoverWriter
from syncchat.core.ids import format_id
from syncchat.core.store import Store
from syncchat.hub import Hub, Limits
from syncchat.log import MemoryLog, SqliteLog
from syncchat.peer import Peer
from syncchat.testing.client import Writer
from syncchat.testing.server import believe
from syncchat.testing.updates import EMPTY_STRUCTS, gc, item, skip, update, values
from syncchat_server.doctor import examine, log_in

PAGE = 4096
FIRST = format_id(1, "ada", 1)
SECOND = format_id(2, "ada", 2)
THIRD = format_id(3, "bob", 3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


async def fill(path: Path, docs: dict[str, list[bytes]]) -> None:
    async with SqliteLog(path) as log:
        for name, updates in docs.items():
            for data in updates:
                await log.append(name, [data])


def messages(*ids: str) -> list[bytes]:
    """The updates of one client that writes a message under each id."""
    writer = Writer()
    return [writer.write(id, f"text of {id}") for id in ids]


async def sound(path: Path) -> None:
    """A log with a bit of everything."""
    whole = Writer()
    for number in range(60):
        whole.write(format_id(number + 10, "eve", number), f"packed {number}")
    docs = {
        "lobby/0": messages(FIRST, SECOND),
        "lobby/0#acknowledged": [b"\x00"],
        "lobby/0#owners": [encode_bindings({7: "ada"}), encode_bindings({8: "bob"})],
        "lobby/1": messages(THIRD),
        "packed/0": [whole.doc.get_update()] * 2,
        "todo": [Writer("tasks").write("milk", "buy milk")],
    }
    await fill(path, docs)
    async with SqliteLog(path) as log:
        entries = await log.read("packed/0")
        await log.compact("packed/0", whole.doc.get_update(), base=entries[0].seq, upto=entries[-1].seq)


def state_of(folder: Path) -> dict[str, str]:
    """Every file of a folder and what is in it; in SQLite's shared memory (-shm), readers leave marks."""
    contents = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
    return {name: "" if name.endswith("-shm") else content for name, content in contents.items()}


def found(path: Path) -> list[str]:
    """The findings as they are printed; the files are as they were."""
    before = state_of(path.parent)
    findings = [str(finding) for finding in examine(path)]
    assert state_of(path.parent) == before
    return findings


def assert_found(path: Path, *words: str) -> None:
    """One finding has all these words, and a remedy."""
    findings = found(path)
    assert any(all(word in finding for word in words) for finding in findings), findings
    assert all(":" in finding and "\n" not in finding for finding in findings)


def execute(path: Path, statement: str, *arguments: object) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement, arguments)


def insert(path: Path, doc: object, data: object, *, size: object = None, writer: object = 1) -> None:
    size = len(data) if size is None and isinstance(data, bytes) else size
    statement = "INSERT INTO entries (doc, writer, size, data) VALUES (?, ?, ?, ?)"
    execute(path, statement, doc, writer, size, data)


@pytest.mark.anyio
async def test_R5_a_sound_log_has_no_finding_whether_it_is_in_use_or_not(path: Path) -> None:
    await sound(path)
    assert found(path) == []
    async with SqliteLog(path) as log:
        await log.append("more/0", messages(FIRST))
        assert found(path) == []
        await log.append("more/0", [update((1, 5, [gc(1)]))])
        assert_found(path, "'more/0'", "entry")


@pytest.mark.anyio
async def test_R5_what_clients_and_daemons_really_write_is_sound(tmp_path: Path) -> None:
    async with Peer(tmp_path / "rooms.sqlite", user="ada") as peer:
        room = await peer.enter("lobby")
        id = room.post("hello")
        room.react(id, "+1")
        stream = room.stream(agent=False)
        stream.append("a ")
        stream.finish()
        room.delete(id)
        (await peer.open("todo")).store.cells("tasks").set_row("milk", {"done": False})
        await peer.saved()
    assert log_in(tmp_path) == tmp_path / "rooms.sqlite"
    assert found(log_in(tmp_path)) == []


@pytest.mark.anyio
async def test_R5_G14_what_a_client_writes_that_was_refused_something_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "rooms.sqlite"
    async with (
        Hub(MemoryLog(), authorize=believe) as hub,
        Peer(path, user="ada", connect=hub.connect) as peer,
    ):
        room = await peer.enter("lobby")
        for number in range(3):
            (await peer.open("lobby/0")).store.table("messages").set(f"no id {number}", {"text": "forged"})
            room.post("honest")
            with anyio.fail_after(20):
                await peer.until(lambda: len(peer.refusals) == number + 1)  # noqa: B023  (awaited here)
                await peer.settled()
        await peer.dismiss(peer.refusals[0])
        await peer.saved()
    async with SqliteLog(path) as log:
        assert {"#clock", "lobby/0#refused"} <= set(await log.docs())
    assert found(path) == []
    async with Peer(path, user="ada") as peer:
        assert [message.text for message in (await peer.enter("lobby")).timeline] == ["honest"] * 3
        assert [refusal.text for refusal in peer.refusals] == ["forged"] * 2


@pytest.mark.anyio
async def test_R5_H3_H6_rooms_of_pages_late_messages_and_read_marks_are_sound(path: Path) -> None:
    limits = Limits(page_messages=4, cover_seconds=0.01)
    async with (
        Hub(SqliteLog(path), authorize=believe, limits=limits) as hub,
        Peer(user="ada", connect=hub.connect) as ada,
        Peer(user="bob", connect=hub.connect) as bob,
    ):
        with anyio.fail_after(20):
            here, there = await ada.enter("lobby"), await bob.enter("lobby")
            await bob.settled()
            bob.go_offline()
            there.post("from the tunnel")
            for number in range(14):
                here.post(f"@bob {number}")
                await ada.settled()
            bob.go_online()
            await bob.settled()
            there.mark_read()
            await bob.until(lambda: there.unread.messages == 0)
    async with SqliteLog(path) as log:
        assert {f"lobby/{number}" for number in range(3)} < set(await log.docs())
    assert found(path) == []


POISONS = {
    "garbage": b"\xff\xff\xff",
    "nothing": b"",
    "cut short": messages(FIRST)[0][:-3],
    "behind its end": messages(FIRST)[0] + b"\x00",
    "a gap": update((9, 5, [gc(1)])),
    "a skip": update((9, 0, [skip(3), gc(1)])),
    **{f"empty {kind}": update((9, 0, [struct])) for kind, struct in EMPTY_STRUCTS.items()},
}


@pytest.mark.anyio
@pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS)
async def test_R5_a_poisonous_update_is_named_by_its_doc_and_entry(path: Path, poison: bytes) -> None:
    await sound(path)
    insert(path, "lobby/0", poison)
    assert_found(path, "'lobby/0'", "entry", "backup")
    assert len(found(path)) == 1, "the other docs are sound"


@pytest.mark.anyio
async def test_R5_a_panic_of_the_crdt_library_is_a_finding_and_not_the_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PanicException(BaseException):
        """As pyo3 names it."""

    def panic(*_: object) -> None:
        raise PanicException

    await sound(path)
    monkeypatch.setattr("syncchat_server.doctor_docs.make_snapshot", panic)
    assert_found(path, "'lobby/0'", "poison")
    assert_found(path, "'todo'", "poison")


def other_roots() -> bytes:
    doc: Doc[Any] = Doc()
    doc["secrets"] = Text("x")
    return doc.get_update()


WRONG_ENTRIES: dict[str, tuple[object, object, dict[str, object], str]] = {
    "an unknown root": ("lobby/0", other_roots(), {}, "root"),
    "a key that is no id": ("lobby/0", messages("first")[0], {}, "no message id"),
    "a name that cannot be": ("../lobby", messages(FIRST)[0], {}, "name"),
    "a name that is no UTF-8": (b"\xff\xfe", messages(FIRST)[0], {}, "name"),
    "an unknown companion": ("lobby/0#secrets", b"x", {}, "kept beside"),
    "no state": ("lobby/0#acknowledged", b"\xff", {}, "cannot be read"),
    "an owner who cannot be": ("lobby/0#owners", encode_bindings({9: "a b"}), {}, "user"),
    "no notes": ("lobby#unsettled", b"+0:x", {}, "no notes of pages"),
    "no refusal": ("lobby/0#refused", b'{"keep": 7}', {}, "no record of what was refused"),
    "no clock": ("#clock", b"noon", {}, "no offset of a clock"),
    "no owners": ("lobby/0#owners", b"\x01\x07", {}, "cannot be read"),
    "a text for data": ("lobby/2", "text", {"size": 4}, "size"),
    "longer than it says": ("lobby/2", b"\x00\x00", {"size": 1}, "size"),
    "packed, but less": ("lobby/2", zlib.compress(b"\x00" * 90), {"size": 100}, "size"),
    "packed, but more": ("lobby/2", zlib.compress(b"\x00" * 900), {"size": 100}, "size"),
    "packed badly": ("lobby/2", b"x\x9cnonsense", {"size": 100}, "unpacked"),
    "a writer that is none": ("lobby/2", b"\x00\x00", {"writer": "ada"}, "writer"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("case", WRONG_ENTRIES.values(), ids=WRONG_ENTRIES)
async def test_R5_an_entry_that_cannot_be_is_named(
    path: Path, case: tuple[object, object, dict[str, Any], str]
) -> None:
    doc, data, columns, cause = case
    await sound(path)
    insert(path, doc, data, **columns)
    shown = repr(doc)[1:-1] if isinstance(doc, str) else ""
    assert_found(path, shown, cause)
    assert len(found(path)) == 1


@pytest.mark.anyio
async def test_R5_deleted_rows_are_missed(path: Path) -> None:
    await sound(path)
    execute(path, "DELETE FROM entries WHERE seq = (SELECT min(seq) FROM entries WHERE doc = 'lobby/0')")
    assert_found(path, "'lobby/0'", "builds on changes that the log does not have")


@pytest.mark.anyio
async def test_R5_the_newest_rows_are_missed_too(path: Path) -> None:
    await sound(path)
    execute(path, "DELETE FROM entries WHERE seq = (SELECT max(seq) FROM entries)")
    assert_found(path, "newest entries are gone", "backup")


@pytest.mark.anyio
async def test_R5_H11_what_was_dropped_is_not_missed(path: Path) -> None:
    await sound(path)
    async with SqliteLog(path) as log:
        await log.append("lobby/7", [b"\x00\x00"])
        await log.drop("lobby/7")
    assert list(examine(path)) == []
    async with SqliteLog(path) as log:
        await log.append("lobby/cover", [b"\x00\x00"])
    execute(path, "DELETE FROM entries WHERE seq = (SELECT max(seq) FROM entries)")
    assert_found(path, "newest entries are gone", "backup")


@pytest.mark.anyio
async def test_R5_a_number_that_was_never_given_is_told(path: Path) -> None:
    await sound(path)
    execute(path, "UPDATE sqlite_sequence SET seq = 1")
    assert_found(path, "never given")


@pytest.mark.anyio
async def test_R5_pages_that_contradict_each_other_are_told(path: Path) -> None:
    await fill(path, {"lobby/0": messages(SECOND, THIRD), "lobby/1": messages(FIRST, THIRD)})
    assert_found(path, "'lobby/1'", "stands on page 0 too", THIRD)
    assert len(found(path)) == 1, "what was imported may be older than what is in front of it"


def cover(newest: int, first: int = 0) -> bytes:
    """A cover as the server writes it."""
    doc: Doc[Any] = Doc()
    writer = CoverWriter(Store(doc))
    writer.open_page(newest)
    writer.drop_before(first)
    writer.save()
    return doc.get_update()


@pytest.mark.anyio
async def test_R5_H3_pages_to_which_the_cover_does_not_lead_and_pages_that_are_gone_are_told(
    path: Path,
) -> None:
    pages = {"lobby/1": messages(FIRST), "lobby/3": messages(SECOND)}
    await fill(path, pages | {"lobby/cover": [cover(4, first=1)]})
    assert_found(path, "'lobby/cover'", "page 2 is gone", "backup")
    assert len(found(path)) == 1, "page 0 was dropped, and page 4 is still empty"
    insert(path, "lobby/5", messages(THIRD)[0])
    assert_found(path, "'lobby/5'", "its newest page is 4")


@pytest.mark.anyio
async def test_R5_a_client_need_not_hold_all_pages(path: Path) -> None:
    await fill(path, {"lobby/cover": [cover(9)], "lobby/9": messages(FIRST), "#clock": [b"0"]})
    assert found(path) == []


@pytest.mark.anyio
async def test_R5_pages_are_in_the_order_of_their_numbers(path: Path) -> None:
    await fill(path, {"lobby/2": messages(FIRST), "lobby/10": messages(SECOND), "lobby-2/0": messages(FIRST)})
    assert found(path) == []


def flip(path: Path, first: float, last: float) -> None:
    """Turn over bits in the pages between two fractions of the file."""
    content = bytearray(path.read_bytes())
    for page in range(int(len(content) / PAGE * first), int(len(content) / PAGE * last)):
        for place in range(page * PAGE, page * PAGE + 64):
            content[place] ^= 0xFF
    path.write_bytes(content)


def cut(kept: float) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, int(path.stat().st_size * kept))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "pages in the middle": (lambda path: flip(path, 0.3, 0.6), "damaged"),
    "all pages but the first": (lambda path: flip(path, 0.1, 1), "damaged"),
    "the first page": (lambda path: flip(path, 0, 0.1), "no log"),
    "cut to a tenth": (cut(0.1), "damaged"),
    "cut to the half": (cut(0.5), "damaged"),
    "emptied": (cut(0), "no log"),
    "another file": (lambda path: path.write_bytes(b"hello" * 1000), "no log"),
    "a newer format": (lambda path: execute(path, "PRAGMA user_version = 99"), "update syncchat"),
    "no table": (lambda path: execute(path, "DROP TABLE entries"), "lacks what a log has"),
    "no file": (lambda path: path.unlink(), "no log"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_R5_a_damaged_file_is_told_and_left_as_it_is(
    path: Path, damage: tuple[Callable[[Path], object], str]
) -> None:
    inflict, cause = damage
    writer = Writer()
    ids = [format_id(number, "ada", number) for number in range(300)]
    await fill(path, {"lobby/0": [writer.write(id, "x" * 500) for id in ids]})
    await anyio.to_thread.run_sync(inflict, path)
    assert_found(path, cause)


@pytest.mark.anyio
async def test_R5_an_index_that_lies_is_told(path: Path) -> None:
    await sound(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'entries_of_doc'")
    assert_found(path, "damaged")


@pytest.fixture(autouse=True)
def _quiet(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Doctor prints nothing by itself: the CRDT library would tell a panic on stderr."""
    yield
    assert "panicked" not in capfd.readouterr().err


def test_R5_an_update_that_only_overwrites_itself_is_no_damage(path: Path) -> None:
    data = update((1, 0, [item(8, values('"a"'), parent="messages", key=FIRST)]))
    anyio.run(fill, path, {"lobby/0": [data, data]})
    assert found(path) == []
