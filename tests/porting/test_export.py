"""What an export writes: everything there is, in order, in files that are whole or not there."""

import json
import resource
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from syncchat.core.ids import format_id
from syncchat.core.message import Body
from syncchat.errors import LogFailed
from syncchat.peer import Peer
from syncchat.porting.exporting import MAX_HELD, exporting
from syncchat.porting.markdown import MarkdownWriter
from syncchat.porting.output import ExportFailed
from syncchat.porting.reading import export_local
from syncchat.porting.record import About, Record
from syncchat.testing.program import PATIENCE, Daemon, syncchat
from tests.porting.samples import NOW, slack_folder, take, told, written

DISK_FULL = 20_000
"""Bytes that a file may have in a process with a small disk."""


def record(number: int, text: str = "hi", user: str = "ada") -> Record:
    return Record(format_id(NOW + number, user, number), Body(text))


def times(path: Path) -> list[int]:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [int(line["text"]) for line in lines[1:-1]]


def exported(target: Path, pages: Sequence[Sequence[int]]) -> list[int]:
    """The order in which messages of pages are written, by their numbers."""
    with exporting([("jsonl", target)]) as export:
        export.begin(About("lobby"))
        for page in pages:
            export.page([record(number, str(number)) for number in page])
    return times(target)


async def chatted(folder: Path) -> Path:
    """A room with everything that a message can be, in a client's log."""
    path = folder / "rooms.sqlite"
    async with Peer(path, user="ada") as peer:
        room = await peer.enter("lobby")
        first = room.post("tea?\n\n```\nno end")
        room.react(first, "👍")
        room.edit(
            room.post("no"),
            "yes",
        )
        room.delete(room.post("rude"))
        room.post("an answer", re=first)
        stream = room.stream()
        stream.append("I am still ")
        other = room.stream()
        other.append("half a ")
        other.finish(state="stopped")
        await peer.saved()
    return path


@pytest.mark.anyio
async def test_H9_everything_about_a_message_is_in_an_export_and_comes_back(tmp_path: Path) -> None:
    log = await chatted(tmp_path)
    lines = told(log, tmp_path)
    first, edited, deleted, answer, streamed, stopped = lines[1:-1]
    assert (lines[0]["syncchat"], lines[0]["room"], lines[-1]) == (1, "lobby", {"end": True, "messages": 6})
    assert first["reactions"] == {"👍": ["ada"]}
    assert edited["text"] == "yes"
    assert edited["edited"] >= edited["time"]
    assert deleted["deleted"]
    assert "text" not in deleted
    assert answer["re"] == first["id"]
    assert (streamed["streaming"], streamed["agent"], streamed["text"]) == (True, True, "I am still ")
    assert stopped["state"] == "stopped"
    other = tmp_path / "other.sqlite"
    take(other, tmp_path / "told-lobby.jsonl", now=2**44)
    again = told(other, tmp_path)
    assert again[1:5] == lines[1:5]
    assert again[6:] == lines[6:]
    assert again[5] == {**{n: v for n, v in streamed.items() if n != "streaming"}, "state": "interrupted"}


def test_H9_an_export_that_is_imported_gives_the_same_export(tmp_path: Path) -> None:
    log, other = tmp_path / "log.sqlite", tmp_path / "other.sqlite"
    take(log, slack_folder(tmp_path / "slack"), room="general")
    before = told(log, tmp_path, "general")
    take(other, tmp_path / "told-general.jsonl", room="general")
    assert told(other, tmp_path, "general") == before
    assert take(other, tmp_path / "told-general.jsonl", room="general").written == 0


def test_H9_what_overlaps_between_pages_is_in_the_order_of_ids(tmp_path: Path) -> None:
    pages = [[1, 2, 7, 11], [3, 4, 8], [9, 10, 12]]
    assert exported(tmp_path / "lobby.jsonl", pages) == [1, 2, 3, 4, 7, 8, 9, 10, 11, 12]


def test_H9_what_is_held_back_is_bounded_and_nothing_is_lost(tmp_path: Path) -> None:
    far = 10 * MAX_HELD
    pages = [[far], *([number] for number in range(1, 2 * MAX_HELD)), [0]]
    numbers = exported(tmp_path / "lobby.jsonl", pages)
    assert sorted(numbers) == [*range(2 * MAX_HELD), far]
    assert numbers[-1] == far


def test_H9_markdown_is_for_people_and_nothing_in_a_text_gets_out_of_it() -> None:
    writer = MarkdownWriter()
    text = "# no heading\n```\nno end\n<script>\x1b[2J"
    assert writer.header(About("lobby", title="A *title*")) == "# A \\*title\\*\n"
    assert writer.record(record(0, text)) == (
        "\n## 2027-01-15\n\n**ada** 08:00:00\n\n> # no heading\n> ```\n> no end\n> &lt;script>\ufffd[2J\n"
    )
    answer = Body("yes", re=format_id(NOW, "bob", 1), edited=NOW, agent=True)
    assert writer.record(Record(format_id(NOW + 60_000, "ada", 1), answer, {"👍": ("bob",)})) == (
        "\n**ada** 08:01:00 · to bob, 2027-01-15 08:00 · agent · edited · 👍 bob\n\n> yes\n"
    )


def test_H9_an_export_that_fails_leaves_what_was_there_before(tmp_path: Path) -> None:
    target = written(tmp_path / "lobby.jsonl", "before")

    def fail() -> None:
        with exporting([("jsonl", target)]) as export:
            export.begin(About("lobby"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert target.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["lobby.jsonl"]


def test_H9_an_export_of_a_log_that_is_not_there_says_so_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(LogFailed, match="there is no log"):
        export_local(tmp_path / "log.sqlite", "lobby", [("jsonl", tmp_path / "lobby.jsonl")], lambda *_: None)
    assert list(tmp_path.iterdir()) == []


def test_H9_what_is_no_file_is_not_replaced_by_one(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for target in (tmp_path / "folder", Path("/dev/null")):
        with pytest.raises(ExportFailed, match="is no file"):
            exported(target, [[1]])
    assert Path("/dev/null").is_char_device()


def test_H9_an_export_is_for_its_owners_eyes(tmp_path: Path) -> None:
    exported(tmp_path / "lobby.jsonl", [[1]])
    assert (tmp_path / "lobby.jsonl").stat().st_mode & 0o777 == 0o600


def test_H9_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match=r"No such file or directory.*choose another place with --out"):
        exported(tmp_path / "nowhere" / "lobby.jsonl", [[1]])


def small_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (DISK_FULL, DISK_FULL))


def run(*arguments: object, before: Callable[[], None] | None = None) -> "subprocess.CompletedProcess[str]":
    command = syncchat(*arguments)
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=PATIENCE, preexec_fn=before
    )


def test_H9_an_export_into_a_full_disk_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    folder, out = tmp_path / "daemon", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    text = "".join(f"[12:{n // 60:02d}] <ada> line {n} of many\n" for n in range(1000))
    take(folder / "log.sqlite", written(tmp_path / "2005-02-06.log", text))
    done = run("export", "lobby", "--data", folder, "--out", out / "lobby", before=small_disk)
    assert done.returncode == 2
    assert "File too large" in done.stderr
    assert "choose another place with --out" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(out.iterdir()) == []


@pytest.mark.anyio
async def test_H9_an_export_from_a_daemon_is_that_of_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "daemon"
    folder.mkdir()
    text = "".join(f"[12:{n // 60:02d}] <ada> line {n}\n" for n in range(700))
    take(folder / "log.sqlite", written(tmp_path / "2005-02-06.log", text))
    with Daemon(folder, "--no-agent") as daemon:
        served = run("export", "lobby", "--server", daemon.address, "--format", "jsonl", "--out", "-")
        local = run("export", "lobby", "--data", folder, "--format", "jsonl", "--out", "-")
    assert served.returncode == local.returncode == 0, served.stderr + local.stderr
    assert served.stdout == local.stdout
    assert served.stdout.count("\n") == 702


def test_H9_an_export_from_a_server_that_is_not_there_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    done = run("export", "lobby", "--server", "ws://127.0.0.1:1", "--out", tmp_path / "lobby")
    assert done.returncode == 2
    assert "lobby/cover could not be read" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
