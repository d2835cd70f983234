"""Whatever a file holds, reading it ends well or with a sentence; what an export writes is read as it was."""

import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from syncchat.core.ids import format_id
from syncchat.core.message import STATES, Body
from syncchat.porting.authors import Authors
from syncchat.porting.files import Source, read_files
from syncchat.porting.input import BadInput, Reading
from syncchat.porting.jsonl import JsonLinesWriter, read_jsonl
from syncchat.porting.record import Record
from syncchat.porting.slack_text import emoji_of, plain_text
from syncchat.porting.spool import spooling
from tests.porting.samples import IRSSI, NOW, SLACK_CHANNELS, SLACK_DAYS, SLACK_USERS, WEECHAT

USERS = st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True)
IDS = st.builds(format_id, st.integers(0, NOW), USERS, st.integers(0, 2**40 - 1))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
EMOJI = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="|"), min_size=1, max_size=8
)

TIMES = st.none() | st.integers(0, NOW)
TOMBSTONES = (st.none() | USERS).map(lambda by: Body("", deleted=True, by=by))
SPOKEN = st.tuples(TEXTS, st.none() | IDS, TIMES, st.booleans(), st.none() | st.sampled_from(sorted(STATES)))
BODIES = TOMBSTONES | SPOKEN.map(
    lambda told: Body(told[0], re=told[1], edited=told[2], agent=told[3], state=told[4])
)
REACTIONS = st.dictionaries(EMOJI, st.lists(USERS, min_size=1, unique=True).map(tuple), max_size=3)
RECORDS = st.tuples(IDS, BODIES, REACTIONS).map(lambda parts: Record(*parts))

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(RECORDS, max_size=5))
def test_H9_a_line_of_an_export_is_read_as_what_it_was_written_of(records: list[Record]) -> None:
    writer = JsonLinesWriter()
    lines = [writer.record(record).encode() for record in records]
    assert all(line.count(b"\n") == 1 for line in lines)
    assert list(read_jsonl(lines, Authors())) == records


def ends_well(name: str, data: bytes) -> None:
    """Importing it raises nothing that its user would have to read a traceback for."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(data)
        outcome(Path(folder), file)


def outcome(folder: Path, file: Path) -> None:
    with spooling(NOW) as spool, contextlib.suppress(BadInput):
        read_files(Source([file]), folder.name, Reading(), spool)
        assert [row.id for row in spool.rows()] == sorted(row.id for row in spool.rows())


@given(st.sampled_from([IRSSI.encode(), WEECHAT.encode()]), st.data())
def test_H9_a_mangled_log_ends_well(log: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(log)))
    ends_well("2005-02-06.log", log[:at] + data.draw(st.binary(max_size=20)) + log[at:])


@given(st.binary(max_size=200))
def test_H9_any_bytes_end_well(data: bytes) -> None:
    for name in ("some.jsonl", "2005-02-06.log"):
        ends_well(name, data)


@given(
    st.dictionaries(st.sampled_from(["syncchat", "end", "messages", "id", *Body._fields, "reactions"]), JSON)
)
def test_H9_any_object_in_a_line_ends_well(value: dict[str, Any]) -> None:
    for line in (value, {"id": format_id(NOW, "ada", 1), "text": "hi"} | value):
        ends_well("some.jsonl", json.dumps(line).encode())


FIELDS = [
    "type",
    "subtype",
    "ts",
    "thread_ts",
    "user",
    "username",
    "text",
    "edited",
    "reactions",
    "files",
    "bot_id",
]
ENTRIES = st.tuples(
    st.sampled_from([entry for day in SLACK_DAYS.values() for entry in day]),
    st.dictionaries(st.sampled_from([*FIELDS, "attachments", "user_profile", "bot_profile"]), JSON),
)


@given(
    st.lists(ENTRIES, min_size=1, max_size=3), st.dictionaries(st.sampled_from(["id", "name", "topic"]), JSON)
)
def test_H9_any_slack_export_ends_well(
    entries: list[tuple[dict[str, Any], dict[str, Any]]], odd: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "slack"
        (folder / "general").mkdir(parents=True)
        files = {
            "users.json": [user | odd for user in SLACK_USERS],
            "channels.json": [channel | odd for channel in SLACK_CHANNELS],
            "general/2020-01-01.json": [entry | mangled for entry, mangled in entries],
        }
        for path, value in files.items():
            (folder / path).write_text(json.dumps(value), encoding="utf-8")
        outcome(Path(name), folder)


@given(st.text())
def test_H9_any_text_of_slack_is_some_text(text: str) -> None:
    assert isinstance(plain_text(text, str.upper, str.lower), str)
    assert 0 < len(emoji_of(text)) <= 32
