"""Slack's export: for each channel a folder, with a file of JSON for each day."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from syncchat.core.ids import RAND_BITS, format_id
from syncchat.core.message import Body, printable
from syncchat.porting.authors import Authors
from syncchat.porting.input import Reading
from syncchat.porting.record import NO_REACTIONS, About, Record
from syncchat.porting.slack_files import LISTS, Files, open_files
from syncchat.porting.slack_text import emoji_of, plain_text
from syncchat.porting.splitting import parts_of

USERS = "users.json"

_TIME = re.compile(r"(\d{1,11})(?:\.(\d{1,6}))?\Z")
_DAY = re.compile(r"\d{4}-\d\d-\d\d\.json\Z")

_SPOKEN = frozenset(
    {"", "bot_message", "me_message", "thread_broadcast", "file_share", "file_comment", "tombstone"}
)
"""The kinds of entries that are messages; the others tell of people coming and going, and of topics."""

Entry = dict[str, Any]


def read_slack(path: Path, reading: Reading, authors: Authors, channel: str) -> Iterator[Record | About]:
    """The messages of the channel, or of the export's only one if none has this name.

    Raises OSError, ValueError.
    """
    reading.place = str(path)
    with open_files(path) as files:
        yield from _Export(files, str(path), reading, authors).read(channel)


class _Export:
    """Reads one channel of an export."""

    def __init__(self, files: Files, place: str, reading: Reading, authors: Authors) -> None:
        self._files = files
        self._names = files.names()
        self._place = place
        self._reading = reading
        self._authors = authors
        self._people = _named(self._read(USERS))
        self._channels = [entry for name in LISTS for entry in self._read(name)]

    def read(self, wanted: str) -> Iterator[Record | About]:
        """What the channel says of itself, and its messages."""
        channel = self._choose(wanted)
        yield self._about(channel)
        for name in self._names:
            folder, _, file = name.partition("/")
            if folder == channel and _DAY.match(file):
                for number, entry in enumerate(self._read(name), start=1):
                    self._reading.place = f"{self._place}/{name}, entry {number}"
                    yield from self._records(entry)

    def _choose(self, wanted: str) -> str:
        channels = sorted({name.partition("/")[0] for name in self._names if "/" in name})
        if wanted in channels or len(channels) == 1:
            return wanted if wanted in channels else channels[0]
        listed = ", ".join(channels[:20]) or "none at all"
        raise ValueError(f"it has no channel {wanted!r}: name one with --channel; there are {listed}")

    def _about(self, channel: str) -> About:
        for entry in self._channels:
            if channel in (entry.get("name"), entry.get("id")):
                topic = _inside(entry.get("topic"), "value") or _inside(entry.get("purpose"), "value")
                return About(channel, topic=self._plain(topic))
        return About(channel)

    def _read(self, name: str) -> list[Entry]:
        """A list of the export, empty if there is none of this name."""
        if name not in self._names:
            return []
        self._reading.place = f"{self._place}/{name}"
        data = self._files.read(name)
        self._reading.progress(len(data))
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise ValueError("that is no JSON, or it ends in the middle: export it again") from error
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise ValueError("it has to be a list of JSON objects")
        return value

    def _records(self, entry: Entry) -> Iterator[Record]:
        """A message, in several if it is longer than one may be."""
        subtype = _inside(entry, "subtype")
        deleted = subtype == "tombstone"
        text = "" if deleted else self._text(entry, subtype)
        if entry.get("type", "message") != "message" or subtype not in _SPOKEN or not (text or deleted):
            self._reading.skipped += 1
            return
        edited = _inside(entry.get("edited"), "ts")
        body = Body(
            "",
            deleted=deleted,
            agent=subtype == "bot_message" or "bot_id" in entry,
            edited=_milliseconds(edited) if edited else None,
        )
        for number, part in enumerate(parts_of(text) if text else [""]):
            yield self._record(entry, number, body._replace(text=part))

    def _record(self, entry: Entry, number: int, body: Body) -> Record:
        ts = _inside(entry, "ts")
        author = self._author(entry)
        source = f"slack\0{ts}\0{_inside(entry, 'user') or author}\0{number}".encode(errors="replace")
        digest = hashlib.blake2b(source, digest_size=RAND_BITS // 8).digest()
        thread = _inside(entry, "thread_ts") or ts
        return Record(
            format_id(_milliseconds(ts) + number, self._authors.user(author), int.from_bytes(digest, "big")),
            body,
            NO_REACTIONS if number else self._reactions(entry.get("reactions")),
            key=ts if thread == ts and not number and "thread_ts" in entry else None,
            answers=thread if thread != ts else None,
        )

    def _author(self, entry: Entry) -> str:
        """The name of whoever wrote it."""
        user = _inside(entry, "user")
        if user:
            return self._people.get(user) or _inside(entry.get("user_profile"), "name") or user
        bot = _inside(entry.get("bot_profile"), "name")
        return _inside(entry, "username") or bot or _inside(entry, "bot_id") or "unknown"

    def _text(self, entry: Entry, subtype: str) -> str:
        text = self._plain(_inside(entry, "text"))
        shown = (
            [text]
            if text
            else [self._plain(_inside(one, "fallback")) for one in _entries(entry, "attachments")]
        )
        shown += [f"[file: {_inside(one, 'name') or 'without a name'}]" for one in _entries(entry, "files")]
        whole = printable("\n".join(line for line in shown if line.strip()))
        return f"* {whole}" if subtype == "me_message" and whole else whole

    def _plain(self, text: str) -> str:
        return plain_text(text, self._user, self._channel)

    def _user(self, id: str) -> str:
        return self._authors.user(self._people.get(id, id))

    def _channel(self, id: str) -> str:
        return next(
            (str(entry["name"]) for entry in self._channels if entry.get("id") == id and "name" in entry), id
        )

    def _reactions(self, value: Any) -> Mapping[str, tuple[str, ...]]:
        reacted: dict[str, tuple[str, ...]] = {}
        for entry in value if isinstance(value, list) else ():
            name, users = _inside(entry, "name"), entry.get("users") if isinstance(entry, dict) else None
            if name and isinstance(users, list):
                emoji = emoji_of(name)
                found = (
                    *reacted.get(emoji, ()),
                    *(self._user(user) for user in users if isinstance(user, str)),
                )
                reacted[emoji] = tuple(dict.fromkeys(found))
        return reacted


def _named(users: list[Entry]) -> dict[str, str]:
    """For each id in Slack the name people know; two with the same one keep their ids beside it."""
    names = {
        user["id"]: user["name"]
        for user in users
        if isinstance(user.get("id"), str) and isinstance(user.get("name"), str) and user["name"]
    }
    often = Counter(names.values())
    return {id: name if often[name] == 1 else f"{name} {id}" for id, name in names.items()}


def _milliseconds(ts: Any) -> int:
    match = _TIME.match(str(ts))
    if match is None:
        raise ValueError(f"{str(ts)[:40]!r} is no time of a message")
    return int(match[1]) * 1000 + int((match[2] or "").ljust(3, "0")[:3])


def _entries(entry: Entry, name: str) -> list[Any]:
    value = entry.get(name)
    return value if isinstance(value, list) else []


def _inside(value: Any, name: str) -> str:
    """A text in an object that may be none; empty if it is not there."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""
