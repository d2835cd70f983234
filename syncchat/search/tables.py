"""What is done in an index's file: rows put in and taken out, and found again."""

import re
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from typing import Final, NamedTuple

from syncchat.core.ids import DocName, author_of, parse_doc, parse_id
from syncchat.log.file import transaction
from syncchat.search.query import BadQuery, Query, Term

SNIPPET_WORDS: Final = 32
"""About how many words of a message are shown."""

LISTED_ROOMS: Final = 64
"""Up to so many rooms are looked for in the index itself; more are compared hit by hit."""

MERGE_PAGES: Final = 200
"""Pages of the file that one step of a purge writes: searches wait for no more than that."""

_TIE_BITS = 13
_MOST = (1 << 63) - 1
_BEGIN, _END, _GAP = "\x02", "\x03", "…"
_MARKS: Final = re.compile(f"[{_BEGIN}{_END}]")
_LINK: Final = re.compile(r"\bhttps?://\S|\bwww\.\S", re.IGNORECASE)

Texts = Mapping[str, str | None]
"""Message ids, and what they say now; None for what says nothing any more."""


class Change(NamedTuple):
    """What a page of a room is by the entry `seq` of its log; `whole`: it has no other messages."""

    doc: str
    seq: int
    texts: Texts
    whole: bool = False


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


# Writing


def apply(connection: sqlite3.Connection, changes: Iterable[Change]) -> None:
    """Bring pages to where changes say they are; one that is behind what is known is passed over."""
    with transaction(connection):
        for change in changes:
            _apply_one(connection, change)


def _apply_one(connection: sqlite3.Connection, change: Change) -> None:
    page, seq = _page(connection, change.doc)
    if change.seq < seq or (change.seq == seq and not change.whole):
        return  # another process, or another reading of the page, was quicker
    _put_all(connection, page, change.doc, change.texts)
    _settle(connection, page, change)


def put_part(connection: sqlite3.Connection, doc: str, seq: int, texts: Texts) -> None:
    """Put a part of what a page says by `seq`; how far it was read is left open."""
    with transaction(connection):
        page, known = _page(connection, doc)
        if seq >= known:
            _put_all(connection, page, doc, texts)


def settle(connection: sqlite3.Connection, change: Change) -> None:
    """All parts of a change have been put."""
    with transaction(connection):
        page, seq = _page(connection, change.doc)
        if change.seq >= seq:
            _settle(connection, page, change)


def _settle(connection: sqlite3.Connection, page: int, change: Change) -> None:
    if change.whole:
        known = connection.execute("SELECT id FROM messages WHERE page = ?", (page,)).fetchall()
        _remove(connection, page, {id for (id,) in known} - change.texts.keys())
    connection.execute("UPDATE pages SET seq = ? WHERE number = ?", (change.seq, page))


def _put_all(connection: sqlite3.Connection, page: int, doc: str, texts: Texts) -> None:
    for id, text in sorted(texts.items()):  # in the order in which they stand in the file
        if text is None:
            _remove(connection, page, [id])
        else:
            _put(connection, page, doc, id, text)


def forget(connection: sqlite3.Connection, docs: Iterable[str]) -> None:
    """Remove pages with all that is on them."""
    with transaction(connection):
        for doc in docs:
            row = connection.execute("SELECT number FROM pages WHERE doc = ?", (doc,)).fetchone()
            if row is not None:
                ids = connection.execute("SELECT id FROM messages WHERE page = ?", row).fetchall()
                _remove(connection, row[0], [id for (id,) in ids])
                connection.execute("DELETE FROM pages WHERE number = ?", row)


def _page(connection: sqlite3.Connection, doc: str) -> tuple[int, int]:
    """The number of a page, and how far it was read; it is made if it is not known."""
    row = connection.execute("SELECT number, seq FROM pages WHERE doc = ?", (doc,)).fetchone()
    if row is not None:
        return int(row[0]), int(row[1])
    cursor = connection.execute(
        "INSERT INTO pages (doc, room, seq) VALUES (?, ?, 0)", (doc, parse_doc(doc).room)
    )
    return cursor.lastrowid or 0, 0


def _put(connection: sqlite3.Connection, page: int, doc: str, id: str, text: str) -> None:
    text = _MARKS.sub(" ", text)
    row = connection.execute(
        "SELECT place, text FROM messages JOIN texts ON texts.rowid = place WHERE page = ? AND id = ?",
        (page, id),
    ).fetchone()
    if row is not None and row[1] == text:
        return
    if row is not None:
        _remove(connection, page, [id])
    place = _new_place(connection, doc, id)
    connection.execute("INSERT INTO messages (place, page, id) VALUES (?, ?, ?)", (place, page, id))
    tags = _tags(parse_doc(doc), id, text)
    connection.execute("INSERT INTO texts (rowid, text, tags) VALUES (?, ?, ?)", (place, text, tags))


def _remove(connection: sqlite3.Connection, page: int, ids: Iterable[str]) -> None:
    for id in ids:
        row = connection.execute(
            "SELECT place FROM messages WHERE page = ? AND id = ?", (page, id)
        ).fetchone()
        if row is not None:
            connection.execute("DELETE FROM texts WHERE rowid = ?", row)
            connection.execute("DELETE FROM messages WHERE place = ?", row)
            connection.execute("INSERT INTO removed DEFAULT VALUES")


def _new_place(connection: sqlite3.Connection, doc: str, id: str) -> int:
    """A number that no message has; numbers sort as the times of their messages do.

    Where thousands share a millisecond, which only forged ids do, some stand a little later.
    """
    begin, width = parse_id(id).hlc << _TIE_BITS, 1 << _TIE_BITS
    for attempt in range(64 - _TIE_BITS):
        number = begin + zlib.crc32(f"{attempt} {doc} {id}".encode()) % width
        place = min(number, _MOST - number % width)
        if connection.execute("SELECT 1 FROM messages WHERE place = ?", (place,)).fetchone() is None:
            return place
        width <<= attempt % 2
    raise AssertionError("no place is free, out of more than there can be messages")


# Erasing


def to_purge(connection: sqlite3.Connection) -> int:
    """The number of the newest removal whose words may still stand in the file; 0 if there is none."""
    (newest,) = connection.execute("SELECT coalesce(max(number), 0) FROM removed").fetchone()
    return int(newest)


def purge(connection: sqlite3.Connection, *, first: bool) -> bool:
    """Do a step of rewriting what words of removed texts may stand in; returns whether there was any."""
    pages = -MERGE_PAGES if first else MERGE_PAGES
    before = connection.total_changes
    connection.execute("INSERT INTO texts (texts, rank) VALUES ('merge', ?)", (pages,))
    return connection.total_changes - before >= 2  # SQLite's own sign that there was something to merge


def purged(connection: sqlite3.Connection, upto: int) -> None:
    """All is rewritten that was there at the removal `upto`: nothing is to be left in the journal either."""
    connection.execute("DELETE FROM removed WHERE number <= ?", (upto,))
    with closing(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")) as cursor:
        cursor.fetchall()


# Reading


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
    first = 0 if query.after is None else min(query.after << _TIE_BITS, _MOST)
    last = _MOST if query.before is None else min((query.before << _TIE_BITS) - 1, _MOST)
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
    SELECT texts.rowid, id, doc, snippet(texts, 0, '{_BEGIN}', '{_END}', '{_GAP}', {SNIPPET_WORDS})
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
    return min(int(text), _MOST)


def _hit(row: tuple[int, str, str, str]) -> Hit:
    _, id, doc, marked = row
    name, parts = parse_doc(doc), parse_id(id)
    snippet, marks = _read_marks(marked)
    return Hit(id, name.room, name.page or 0, parts.user, parts.hlc, snippet, marks)


def _read_marks(marked: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    text, marks, begin = "", [], 0
    for piece in re.split(f"([{_BEGIN}{_END}])", marked):
        if piece == _BEGIN:
            begin = len(text)
        elif piece == _END:
            marks.append((begin, len(text)))
        else:
            text += piece
    return text, tuple(marks)


# What stands in the index beside the words: everything that can be asked for, as words of its own.


def _tags(name: DocName, id: str, text: str) -> str:
    link = " link" if _LINK.search(text) else ""
    return f"all {_room_tag(name.room)} {_author_tag(author_of(id).lower())}{link}"


def _room_tag(room: str) -> str:
    return f"r{room.encode().hex()}"


def _author_tag(user: str) -> str:
    return f"u{user.encode().hex()}"


def _match(query: Query, rooms: frozenset[str] | None) -> str:
    """The query as FTS5 has it; it always has a word to look for."""
    return " AND ".join(_conditions(query, rooms))


def _conditions(query: Query, rooms: frozenset[str] | None) -> Iterator[str]:
    for term in query.terms:
        yield f"text : {_phrase(term)}"
    if query.authors:
        yield _one_of(map(_author_tag, sorted(query.authors)))
    if rooms is not None:
        yield _one_of(map(_room_tag, sorted(rooms)))
    if query.link:
        yield "tags : link"
    yield "tags : all"


def _phrase(term: Term) -> str:
    quoted = '"' + term.text.replace('"', '""') + '"'
    return f"{quoted} *" if term.prefix else quoted


def _one_of(tags: Iterable[str]) -> str:
    return f"tags : ({' OR '.join(tags)})"
