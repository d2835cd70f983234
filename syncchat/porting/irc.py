"""Logs of IRC clients: those of irssi and its like (`[HH:MM] <nick> text`), and WeeChat's with tabs."""

import contextlib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from syncchat.core.ids import RAND_BITS, format_id
from syncchat.core.message import Body
from syncchat.porting.authors import Authors
from syncchat.porting.input import Reading
from syncchat.porting.record import Record
from syncchat.porting.splitting import parts_of

_MODES = "[ @+%&~!]?"

_IRSSI = re.compile(
    r"\[?(?:(?P<day>\d{4}-\d\d-\d\d)[T ])?(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))?\]?\s+"
    rf"(?:<{_MODES}(?P<says>[^>\s]+)>|\*\s+(?P<acts>\S+))\s(?P<text>.*)"
)
_WEECHAT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d) (?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)\t"
    rf"(?:(?P<acts> \*)|{_MODES}(?P<says>[^\t]*))\t(?P<text>.*)"
)
_EVENTS = frozenset({"", "-->", "<--", "--", "=!="})
"""What WeeChat has in an author's place where nobody says anything."""

_DAY = re.compile(r"(?:--- (?:Log opened|Day changed)|\*\*\*\* BEGIN LOGGING AT) (.+)")
_DAY_FORMATS = ("%Y-%m-%d", "%a %b %d %H:%M:%S %Y", "%a %b %d %Y")
_NAMED_DAY = re.compile(r"(?<!\d)(\d{4})-?(\d\d)-?(\d\d)(?!\d)")

_FORMATTING = re.compile(r"\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04[0-9a-fA-F]{6}|[\x00-\x08\x0b-\x1f\x7f]")
"""Colours, bold and their like."""

STEP_BACK = timedelta(hours=12)
"""A clock that steps back by more than this has passed midnight."""


class Said(NamedTuple):
    """One line that is a message; `time` is in milliseconds since 1970."""

    time: int
    author: str
    text: str


@dataclass(slots=True)
class Dating:
    """What a log does not say of its times: the day it begins (None: its name tells), and the time zone."""

    day: date | None = None
    zone: tzinfo = UTC


class _Clock:
    """Times of a log whose lines tell only hours and minutes, or seconds: each is later than the last."""

    def __init__(self, dating: Dating, file: str) -> None:
        self._day = dating.day or _day_in(file)
        self._zone = dating.zone
        self._in_day = timedelta()
        self._last = 0
        self._known: tuple[date, timedelta, int] | None = None

    def set_day(self, day: date) -> None:
        """From here on it is this day."""
        self._day, self._in_day = day, timedelta()

    def time(self, match: re.Match[str]) -> int:
        """The time of a line, in milliseconds since 1970. Raises ValueError."""
        hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
        if hour > 23 or minute > 59 or second > 60:
            raise ValueError(f"there is no time {match['hour']}:{match['minute']}")
        in_day = timedelta(hours=hour, minutes=minute, seconds=second)
        if match["day"]:
            self.set_day(_read_day(match["day"]))
        elif self._day is None:
            raise ValueError("nothing tells its day: give --date YYYY-MM-DD, or have it in the file's name")
        elif in_day < self._in_day - STEP_BACK:
            self._day += timedelta(days=1)
        self._in_day = in_day
        assert self._day is not None
        self._last = max(self._last + 1, self._milliseconds(self._day, in_day))
        return self._last

    def spend(self, milliseconds: int) -> None:
        """What comes next is later by so much at least."""
        self._last += milliseconds

    def _milliseconds(self, day: date, in_day: timedelta) -> int:
        if self._known is None or self._known[:2] != (day, in_day):
            moment = datetime(day.year, day.month, day.day, tzinfo=self._zone) + in_day
            self._known = (day, in_day, round(moment.timestamp() * 1000))
        return self._known[2]


def read_irc(path: Path, reading: Reading, authors: Authors, dating: Dating) -> Iterator[Record]:
    """The messages of one log; people coming and going are skipped.

    Lines of the same minute are a millisecond apart, so a log that has grown at its end gives the same ids.
    Raises OSError, ValueError.
    """
    clock = _Clock(dating, path.name)
    for line in reading.lines(path):
        said = _read_line(_text(line), clock)
        if said is None:
            reading.skipped += 1
            continue
        user = authors.user(said.author)
        parts = parts_of(said.text)
        clock.spend(len(parts) - 1)
        for number, text in enumerate(parts):
            yield Record(format_id(said.time + number, user, _rand(said, number)), Body(text))


def looks_like_irc(head: bytes) -> bool:
    """Whether a file that begins so is a log of this kind."""
    lines = head.splitlines()[:200]
    return any(_match(_text(line)) or _DAY.match(_text(line)) for line in lines)


def _read_line(text: str, clock: _Clock) -> Said | None:
    match = _match(text)
    if match is None:
        if (changed := _DAY.match(text)) is not None:
            clock.set_day(_read_day(changed[1]))
        return None
    said, action = _FORMATTING.sub("", match["text"]).strip(), ""
    author = match["says"] or match["acts"]
    if match["acts"] and match.re is _WEECHAT:
        author, _, said = said.partition(" ")
    if match["acts"]:
        action = "* "
    if not author or not said:
        return None
    return Said(clock.time(match), author, action + said)


def _match(text: str) -> re.Match[str] | None:
    match = _IRSSI.match(text)
    if match is None:
        match = _WEECHAT.match(text)
        if match is not None and match["says"] in _EVENTS:
            return None
    return match


def _text(data: bytes) -> str:
    """IRC knows no encoding: what is no UTF-8 is read as what old clients wrote."""
    try:
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        return data.decode("latin-1").rstrip("\r\n")


def _rand(said: Said, part: int) -> int:
    source = f"irc\0{said.time}\0{said.author}\0{said.text}\0{part}".encode()
    return int.from_bytes(hashlib.blake2b(source, digest_size=RAND_BITS // 8).digest(), "big")


def _day_in(name: str) -> date | None:
    match = _NAMED_DAY.search(name)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


@lru_cache(maxsize=16)
def _read_day(text: str) -> date:
    for form in _DAY_FORMATS:
        with contextlib.suppress(ValueError):
            return datetime.strptime(text.strip(), form).date()
    raise ValueError(f"there is no day {text[:40]!r}")
