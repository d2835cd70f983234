"""What an import writes into a room: pages, a cover, and rows that belong to their authors."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc, Map

from syncchat.core.bindings import decode_bindings
from syncchat.core.cover import Cover
from syncchat.core.grant import Role
from syncchat.core.guard import Accept, judge
from syncchat.core.ids import parse_doc
from syncchat.core.schema import PAGE, SERVER, schema_of
from syncchat.core.store import Store
from syncchat.core.structs import StructIndex
from syncchat.core.update import decode
from syncchat.errors import Refused
from syncchat.log.bulk import bulk
from syncchat.peer import Peer
from syncchat.porting.importing import FULL, ImportRefused
from syncchat.porting.record import load_doc
from syncchat.testing.program import Daemon, Program, python
from syncchat_server.doctor import examine
from tests.porting.samples import IRSSI, NOW, messages, said, take, told, written

PAGE_MESSAGES = FULL.page_messages
MANY = 2 * PAGE_MESSAGES + 10


def log_of(count: int, first: int = 0) -> str:
    """A log of `count` lines, the n-th of which says n."""
    lines = (
        f"[{n // 60 % 24:02d}:{n % 60:02d}] <user{n % 5}> line {n} @user1\n" for n in range(first, count)
    )
    return "".join(lines)


def cover_of(log: Path, room: str = "lobby") -> Cover:
    with bulk(log) as batch:
        return Cover(Store(load_doc(batch.read(f"{room}/cover"))))


def updates_of(log: Path, doc: str) -> list[bytes]:
    with bulk(log) as batch:
        return batch.read(doc)


def page_keys(log: Path, number: int) -> list[str]:
    return sorted(load_doc(updates_of(log, f"lobby/{number}")).get("messages", type=Map).keys())


def test_H9_an_import_fills_pages_and_the_cover_tells_of_them(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    take(log, written(tmp_path / "2005-02-06.log", log_of(MANY)))
    cover = cover_of(log)
    assert (cover.newest, cover.messages, cover.mentions("user1")) == (2, MANY, MANY)
    assert [len(page_keys(log, number)) for number in range(3)] == [PAGE_MESSAGES, PAGE_MESSAGES, 10]
    assert cover.count("messages").before == 2 * PAGE_MESSAGES
    assert [text for _, text in said(log, tmp_path)] == [f"line {n} @user1" for n in range(MANY)]


def test_H9_an_import_goes_on_where_the_room_ends(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    take(log, written(tmp_path / "2005-02-06.log", log_of(PAGE_MESSAGES - 6)))
    again = take(log, written(tmp_path / "2005-02-06.log", log_of(MANY)))
    assert (again.written, again.known) == (MANY - PAGE_MESSAGES + 6, PAGE_MESSAGES - 6)
    assert [len(page_keys(log, number)) for number in range(3)] == [PAGE_MESSAGES, PAGE_MESSAGES, 10]
    assert cover_of(log).messages == MANY
    assert cover_of(log).count("messages").before == 2 * PAGE_MESSAGES


def test_H9_importing_twice_adds_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    file = written(tmp_path / "2005-02-06.log", log_of(MANY))
    take(log, file)
    before = log.read_bytes()
    again = take(log, file)
    assert (again.written, again.known) == (0, MANY)
    assert log.read_bytes() == before


def test_H9_messages_older_than_the_room_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    take(log, written(tmp_path / "irc.log", IRSSI))
    before = told(log, tmp_path)
    with pytest.raises(ImportRefused, match=r"2 messages are older .* into a room of their own"):
        take(log, written(tmp_path / "2003-01-01.log", "[12:00] <ada> before\n[12:01] <ada> all that\n"))
    assert told(log, tmp_path) == before


class Guarded:
    """An imported page behind the guard, as the daemon serves it."""

    def __init__(self, log: Path, number: int) -> None:
        name = f"lobby/{number}"
        self.doc = load_doc(updates_of(log, name))
        self.index = StructIndex.load(
            self.doc.get_update(), schema_of(parse_doc(name)).owner_of, source=self.doc.get_update
        )
        self.index.claim(decode_bindings(updates_of(log, f"{name}#owners")))

    def offer(self, user: str, root: str, key: str, value: object, client: int | None = None) -> None:
        """Write a row as a user does; raises Refused."""
        replica: Doc[Any] = Doc() if client is None else Doc(client_id=client)
        replica.apply_update(self.doc.get_update())
        before = replica.get_state()
        replica.get(root, type=Map)[key] = json.dumps(value)
        update = decode(replica.get_update(before))
        verdict = judge(update, self.index, user=user, role=Role.WRITER, now=NOW, schema=PAGE)
        assert isinstance(verdict, Accept)
        self.index.extend(verdict.plan, user)
        self.doc.apply_update(update.data)


@pytest.mark.parametrize("author", ["user0", "only"])
def test_H9_an_imported_message_is_its_authors_and_nobody_elses(tmp_path: Path, author: str) -> None:
    log = tmp_path / "log.sqlite"
    text = log_of(20) if author == "user0" else "[00:00] <only> alone\n"
    take(log, written(tmp_path / "2005-02-06.log", text))
    page = Guarded(log, 0)
    id = next(id for id in page_keys(log, 0) if f".{author}." in id)
    with pytest.raises(Refused, match="G1"):
        page.offer("eve", "messages", id, {"text": "forged"})
    page.offer(author, "messages", id, {"text": "mended", "edited": NOW})
    page.offer("eve", "reactions", f"{id}|eve|x", 1)
    page.offer(author, "messages", id, {"deleted": True})


@pytest.mark.parametrize("author", ["user0", "only"])
def test_H9_nobody_writes_on_under_an_imports_client_ids(tmp_path: Path, author: str) -> None:
    log = tmp_path / "log.sqlite"
    text = log_of(20) if author == "user0" else "[00:00] <only> alone\n"
    take(log, written(tmp_path / "2005-02-06.log", text))
    page = Guarded(log, 0)
    (client,) = page.index.state()
    assert page.index.owner[client] == SERVER
    id = next(id for id in page_keys(log, 0) if f".{author}." in id)
    with pytest.raises(Refused, match="G5"):
        page.offer(author, "messages", id, {"text": "mine"}, client)


def test_H9_the_guard_would_have_let_an_imports_pages_through(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    take(log, written(tmp_path / "2005-02-06.log", log_of(MANY)))
    for number in range(3):
        for update in updates_of(log, f"lobby/{number}"):
            verdict = judge(
                decode(update),
                StructIndex(),
                user=SERVER,
                role=Role.WRITER,
                now=NOW,
                schema=PAGE,
                server=True,
            )
            assert isinstance(verdict, Accept)


def test_H9_doctor_finds_an_imported_log_sound(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    take(log, written(tmp_path / "2005-02-06.log", log_of(MANY)))
    assert list(examine(log)) == []


@pytest.mark.anyio
async def test_H9_who_joins_an_imported_room_sees_its_end_and_goes_on_there(tmp_path: Path) -> None:
    folder = tmp_path / "daemon"
    folder.mkdir()
    log = folder / "log.sqlite"
    take(log, written(tmp_path / "2005-02-06.log", log_of(MANY)))
    with closing(Running(folder)) as running:
        async with Peer(user="user1", server=running.daemon.address) as peer:
            room = await peer.enter("lobby")
            await peer.until(lambda: len(room.timeline) >= 10)
            assert room.timeline[-1].text == f"line {MANY - 1} @user1"
            mine = [message for message in room.timeline if message.user == "user1"][-1]
            room.edit(mine.id, "mended")
            room.post("here I am")
            await peer.settled()
            assert peer.refusals == []
    assert ("user1", "mended") in said(log, tmp_path)
    assert said(log, tmp_path)[-1] == ("user1", "here I am")
    assert cover_of(log).messages == MANY + 1


class Running:
    """A daemon that is stopped in good order."""

    def __init__(self, folder: Path) -> None:
        self.daemon = Daemon(folder, "--no-agent")

    def close(self) -> None:
        self.daemon.process.terminate()


KILLED = """
    import sys
    from itertools import count
    from pathlib import Path
    from syncchat.porting import importing
    from syncchat.porting.files import Source, import_files
    from syncchat.porting.input import Reading

    add, numbers = importing._Writer.add, count()

    def add_and_wait(self, row):
        add(self, row)
        if next(numbers) == 400:
            print("half", flush=True)
            sys.stdin.read()

    importing._Writer.add = add_and_wait
    log, file, now = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    import_files(log, "lobby", Source([file]), now=now, reading=Reading(), progress=lambda *_: None)
"""


def test_H9_an_import_that_is_killed_leaves_nothing_and_is_whole_when_it_is_done_again(
    tmp_path: Path,
) -> None:
    log, file = tmp_path / "log.sqlite", written(tmp_path / "2005-02-06.log", log_of(MANY))
    take(log, written(tmp_path / "2005-02-05.log", "[12:00] <ada> before\n"))
    before = told(log, tmp_path)
    with Program(python(KILLED, log, file, NOW), tmp_path / "stderr") as program:
        assert program.line() == "half"
        program.kill()
    assert told(log, tmp_path) == before
    assert take(log, file).written == MANY
    assert take(log, file).written == 0
    assert len(messages(log, tmp_path)) == MANY + 1


PEAK = """
    import sys
    from pathlib import Path
    from syncchat.porting.files import Source, import_files
    from syncchat.porting.input import Reading

    log, file, now = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    import_files(log, "lobby", Source([file]), now=now, reading=Reading(), progress=lambda *_: None)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(int(status["VmHWM"].split()[0]) * 1024, flush=True)
"""


def test_H9_what_an_import_needs_of_memory_does_not_grow_with_it(tmp_path: Path) -> None:
    peaks = []
    for count in (1000, 40_000):
        lines = (f"[{n // 60 % 24:02d}:{n % 60:02d}] <user{n % 9}> {n:0200d}\n" for n in range(count))
        file = written(tmp_path / f"2005-02-{count % 7 + 1:02d}.log", "".join(lines))
        with Program(python(PEAK, tmp_path / f"{count}.sqlite", file, NOW), tmp_path / "stderr") as program:
            peaks.append(int(program.line()))
    assert peaks[1] - peaks[0] < 40_000 * 200, "less than the texts take"
