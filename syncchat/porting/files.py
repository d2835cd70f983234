"""Importing files: which format they have, and everything in them read before anything is written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from syncchat.errors import SyncchatError
from syncchat.porting.authors import Authors
from syncchat.porting.importing import Imported, Progress, import_into
from syncchat.porting.input import BadInput, Reading, head_of
from syncchat.porting.irc import Dating, looks_like_irc, read_irc
from syncchat.porting.jsonl import read_jsonl
from syncchat.porting.record import About, Record
from syncchat.porting.slack import read_slack
from syncchat.porting.spool import Spool, spooling

AUTO, JSONL, IRC, SLACK = FORMATS = ("auto", "jsonl", "irc", "slack")


@dataclass(slots=True)
class Source:
    """What is to be imported, and what it does not say itself.

    `channel` is that of a Slack export which has several; `authors` turns names into users, and `dating`
    tells the day on which an IRC log begins, and its time zone.
    """

    files: Sequence[Path]
    format: str = AUTO
    channel: str = ""
    authors: Authors = field(default_factory=Authors)
    dating: Dating = field(default_factory=Dating)


def import_files(
    log: Path, room: str, source: Source, *, now: int, reading: Reading, progress: Progress
) -> Imported:
    """Import files into a room; see `import_into` for where and how. `now` is in ms since 1970.

    All is read, checked and sorted first, in bounded memory. Raises BadInput (with the file and the
    line), SpoolFailed, ImportRefused, LogError; then nothing was written.
    """
    with spooling(now) as spool:
        about = read_files(source, room, reading, spool)
        return import_into(log, room, spool, about, progress)


def read_files(source: Source, room: str, reading: Reading, spool: Spool) -> About:
    """Put the messages of files into a spool; returns what they say of the room. Raises BadInput."""
    about = About(room)

    def records(found: Iterator[Record | About]) -> Iterator[Record]:
        nonlocal about
        for one in found:
            if isinstance(one, Record):
                yield one
            else:
                about = about._replace(title=one.title or about.title, topic=one.topic or about.topic)

    for path in source.files:
        reading.place = str(path)
        try:
            spool.put(records(_read(path, source, room, reading)))
        except (OSError, ValueError, SyncchatError) as error:
            raise reading.told(error) from error
    return about


def _read(path: Path, source: Source, room: str, reading: Reading) -> Iterator[Record | About]:
    form = _format_of(path) if source.format == AUTO else source.format
    if form == SLACK:
        return read_slack(path, reading, source.authors, source.channel or room)
    if form == IRC:
        return read_irc(path, reading, source.authors, source.dating)
    return read_jsonl(reading.lines(path), source.authors)


def _format_of(path: Path) -> str:
    if path.is_dir():
        return SLACK
    head = head_of(path)
    if not head.strip():
        raise BadInput("it is empty")
    if head.lstrip().startswith(b"{"):
        return JSONL
    if head.startswith(b"PK"):
        return SLACK
    if looks_like_irc(head):
        return IRC
    raise BadInput(
        f"it has none of the formats that are read ({', '.join(FORMATS[1:])}); see docs/porting.md"
    )
