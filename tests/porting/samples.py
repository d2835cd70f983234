"""What the tests of importing and exporting share: small files of every kind, and a daemon's folder."""

import json
import zipfile
from pathlib import Path
from typing import Any

from syncchat.porting.files import Source, import_files
from syncchat.porting.importing import Imported
from syncchat.porting.input import Reading
from syncchat.porting.reading import export_local

NOW = 1_800_000_000_000
"""The present of the tests, in ms since 1970: 15 January 2027."""

IRSSI = """\
--- Log opened Sat Dec 25 23:58:01 2004
[23:58] <ada> hello
[23:58] <@bob> hello ada
23:59 -!- eve [eve@example.org] has joined #lobby
[23:59]  * ada waves
[00:01] <[zoe]> bob: happy christmas
"""

WEECHAT = (
    "2004-12-25 13:45:01\t-->\teve (eve@example.org) has joined #lobby\n"
    "2004-12-25 13:45:02\t@ada\thello\ttabs\n"
    "2004-12-25 13:45:02\t *\tada waves\n"
    "2004-12-25 13:45:03\t+bob\t\x02bold\x02 and \x0304red\x03\n"
)

SLACK_USERS = [
    {"id": "U1", "name": "ada", "profile": {"display_name": "Ada L."}},
    {"id": "U2", "name": "bob.b", "profile": {}},
    {"id": "U3", "name": "ada", "profile": {}},
]
SLACK_CHANNELS = [{"id": "C1", "name": "general", "topic": {"value": "all &amp; sundry"}}]
SLACK_DAYS: dict[str, list[dict[str, Any]]] = {
    "2020-01-01": [
        {
            "type": "message",
            "subtype": "channel_join",
            "user": "U1",
            "ts": "1577836800.000100",
            "text": "joined",
        },
        {
            "type": "message",
            "user": "U2",
            "ts": "1577836801.000200",
            "thread_ts": "1577836801.000200",
            "text": "who is <@U2>? see <https://example.org|here> &lt;3",
            "reactions": [
                {"name": "+1", "users": ["U2", "U9"], "count": 2},
                {"name": "party-parrot", "users": ["U2"], "count": 1},
            ],
        },
        {
            "type": "message",
            "subtype": "bot_message",
            "username": "CI",
            "ts": "1577836802.000000",
            "text": "green",
        },
    ],
    "2020-01-02": [
        {
            "type": "message",
            "user": "U9",
            "ts": "1577923201.000200",
            "thread_ts": "1577836801.000200",
            "text": "me",
            "edited": {"user": "U9", "ts": "1577923300.000000"},
        },
        {"type": "message", "subtype": "tombstone", "user": "U2", "ts": "1577923202.000000", "text": "gone"},
        {
            "type": "message",
            "user": "U2",
            "ts": "1577923203.000000",
            "text": "",
            "files": [{"name": "plan.pdf"}],
        },
    ],
}


def slack_folder(folder: Path) -> Path:
    """A Slack export as a folder."""
    (folder / "general").mkdir(parents=True)
    files: dict[str, Any] = {"users.json": SLACK_USERS, "channels.json": SLACK_CHANNELS}
    files |= {f"general/{day}.json": entries for day, entries in SLACK_DAYS.items()}
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value), encoding="utf-8")
    return folder


def slack_zip(path: Path, folder: Path) -> Path:
    """The same as Slack gives it."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(slack_folder(folder).rglob("*.json")):
            archive.write(file, file.relative_to(folder).as_posix())
    return path


def written(path: Path, text: str) -> Path:
    """A file with this text."""
    path.write_bytes(text.encode())
    return path


def take(log: Path, *files: Path, room: str = "lobby", now: int = NOW, **options: Any) -> Imported:
    """Import files into a room of the log at `log`."""
    source = Source(files, **options)
    return import_files(log, room, source, now=now, reading=Reading(), progress=lambda _done, _all: None)


def told(log: Path, folder: Path, room: str = "lobby") -> list[dict[str, Any]]:
    """The lines of a room's export, the first and the last one too."""
    target = folder / f"told-{room}.jsonl"
    export_local(log, room, [("jsonl", target)], lambda _done, _all: None)
    return [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]


def messages(log: Path, folder: Path, room: str = "lobby") -> list[dict[str, Any]]:
    """The messages of a room as an export tells them, without their ids."""
    return [{name: line[name] for name in line if name != "id"} for line in told(log, folder, room)[1:-1]]


def said(log: Path, folder: Path, room: str = "lobby") -> list[tuple[str, str]]:
    """Who said what in a room."""
    return [(line["user"], line.get("text", "")) for line in told(log, folder, room)[1:-1]]
