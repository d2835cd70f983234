"""What is asked of an index's file: messages by what they say, and how far pages have been read."""

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from syncchat.core.ids import parse_doc, parse_id
from syncchat.search.characters import gathered, spread
from syncchat.search.query import BadQuery, Query, Term
from syncchat.search.tags import ALL, LAST_PLACE, LINK, author_tag, first_place, room_tag
from syncchat.search.writing import BEGIN, END

SNIPPET_WORDS: Final = 32
"""About how many words of a message are shown."""

LISTED_ROOMS: Final = 64
"""Up to so many rooms are looked for in the index itself; more are compared hit by hit."""

_GAP = "…"


class Hit(NamedTuple):
    """A message that was found, on a page of a room; its `time` is in milliseconds since 1970.

    `snippet` is a part of its text, or all of it; `marks` are the places in it that were searched for,
    from one character to before another.
    """

    id: str
    room: str
    page: int
    user: str
    time: int
    snippet: str
    marks: tuple[tuple[int, int], ...]


class Found(NamedTuple):
    """Hits, the newest first; `next` is where to go on, None if those are all."""

    hits: list[Hit]
    next: str | None


Readable = Callable[[str], bool]
"""Whether somebody may read a room."""


def cursors(connection: sqlite3.Connection) -> dict[str, int]:
    """How far each page has been read."""
    return dict(connection.execute("SELECT doc, seq FROM pages").fetchall())


def count(connection: sqlite3.Connection) -> int:
    """How many messages there are."""
    (number,) = connection.execute("SELECT count(*) FROM messages").fetchone()
    return int(number)


def search(
    connection: sqlite3.Connection, query: Query, readable: Readable | None, limit: int, before: str | None
) -> Found:
    """The newest messages that a query is about, in rooms that are `readable` (None: in all).

    `before` is the `next` of an earlier answer. Raises BadQuery if it is none.
    """
    rooms = _rooms(connection, query, readable)
    if rooms is not None and not rooms:
        return Found([], None)
    first = 0 if query.after is None else first_place(query.after)
    last = LAST_PLACE if query.before is None else first_place(query.before) - 1
    last = last if before is None else min(last, _read_cursor(before) - 1)
    listed = rooms if rooms is not None and len(rooms) <= LISTED_ROOMS else None
    rows = connection.execute(
        _SELECT.format("" if rooms is None or listed is not None else _IN_ROOMS),
        {
            "match": _match(query, listed),
            "first": first,
            "last": last,
            "rooms": "" if rooms is None else " ".join(sorted(rooms)),
            "limit": limit + 1,
        },
    ).fetchall()
    return Found([_hit(row) for row in rows[:limit]], str(rows[limit - 1][0]) if len(rows) > limit else None)


# CROSS JOIN: the index of the texts leads, as it gives hits in order and stops at the limit.
_SELECT: Final = f"""
    SELECT texts.rowid, id, doc, snippet(texts, 0, '{BEGIN}', '{END}', '{_GAP}', {SNIPPET_WORDS})
    FROM texts CROSS JOIN messages ON place = texts.rowid CROSS JOIN pages ON number = page
    WHERE texts MATCH :match AND texts.rowid BETWEEN :first AND :last {{}}
    ORDER BY texts.rowid DESC LIMIT :limit
"""
_IN_ROOMS: Final = "AND instr(' ' || :rooms || ' ', ' ' || room || ' ')"


def _rooms(connection: sqlite3.Connection, query: Query, readable: Readable | None) -> frozenset[str] | None:
    """The rooms in which to search; None if they are all."""
    if readable is None and not query.rooms:
        return None
    known = [room for (room,) in connection.execute("SELECT DISTINCT room FROM pages").fetchall()]
    named = (room for room in known if not query.rooms or room.lower() in query.rooms)
    found = frozenset(room for room in named if readable is None or readable(room))
    return None if len(found) == len(known) else found


def _read_cursor(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise BadQuery("that is nowhere to go on from", "use the `next` of the answer before, as it is")
    return min(int(text), LAST_PLACE)


def _hit(row: tuple[int, str, str, str]) -> Hit:
    _, id, doc, marked = row
    name, parts = parse_doc(doc), parse_id(id)
    snippet, marks = _read_marks(marked)
    return Hit(id, name.room, name.page or 0, parts.user, parts.hlc, snippet, marks)


def _read_marks(marked: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    text, marks, begin = "", [], 0
    for piece in re.split(f"([{BEGIN}{END}])", marked):
        if piece == BEGIN:
            begin = len(text)
        elif piece == END:
            marks.append((begin, len(text)))
        else:
            text += gathered(piece)
    return text, tuple(marks)


def _match(query: Query, rooms: frozenset[str] | None) -> str:
    """The query as FTS5 has it; it always has a word to look for."""
    return " AND ".join(_conditions(query, rooms))


def _conditions(query: Query, rooms: frozenset[str] | None) -> Iterator[str]:
    for term in query.terms:
        yield f"text : {_phrase(term)}"
    if query.authors:
        yield _one_of(map(author_tag, sorted(query.authors)))
    if rooms is not None:
        yield _one_of(map(room_tag, sorted(rooms)))
    if query.link:
        yield f"tags : {LINK}"
    yield f"tags : {ALL}"


def _phrase(term: Term) -> str:
    quoted = '"' + spread(term.text).replace('"', '""') + '"'
    return f"{quoted} *" if term.prefix else quoted


def _one_of(tags: Iterable[str]) -> str:
    return f"tags : ({' OR '.join(tags)})"
