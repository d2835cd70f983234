"""What is done to an index's file: texts put in, and taken out without a trace.

A statement is about all rows at once, which it reads from JSON: the thread that does it keeps the others
waiting for the interpreter once for a statement, and not once for a row.
"""

import json
import re
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any, Final, NamedTuple

from syncchat.core.ids import parse_doc
from syncchat.log.file import transaction
from syncchat.search.characters import BETWEEN, spread
from syncchat.search.tags import ATTEMPTS, place_of, tags_of

MERGE_PAGES: Final = 200
"""Pages of the file that one step of a purge writes: searches wait for no more than that."""

BEGIN, END = "\x02", "\x03"
"""They mark what was found, and stand in no text."""

_NEVER: Final = re.compile(f"[\x00{BEGIN}{END}{BETWEEN}]")

Texts = Mapping[str, str | None]
"""Message ids, and what they say now; None for what says nothing any more."""


class Change(NamedTuple):
    """What a page of a room is by the entry `seq` of its log; `whole`: it has no other messages."""

    doc: str
    seq: int
    texts: Texts
    whole: bool = False


class _Page(NamedTuple):
    number: int
    seq: int


class _Row(NamedTuple):
    page: int
    doc: str
    id: str
    text: str


def apply(connection: sqlite3.Connection, changes: Iterable[Change]) -> None:
    """Bring pages, each at most once, to where changes say they are; who is behind is passed over."""
    told = list(changes)
    with transaction(connection):
        pages = _pages(connection, [change.doc for change in told])
        news = [change for change in told if _is_news(change, pages[change.doc])]
        _put(connection, [(pages[change.doc].number, change.doc, change.texts) for change in news])
        _settle(connection, [(pages[change.doc].number, change) for change in news])


def put_part(connection: sqlite3.Connection, doc: str, seq: int, texts: Texts) -> None:
    """Put a part of what a page says by `seq`; how far it was read is left open."""
    with transaction(connection):
        page = _pages(connection, [doc])[doc]
        if seq >= page.seq:
            _put(connection, [(page.number, doc, texts)])


def settle(connection: sqlite3.Connection, change: Change) -> None:
    """All parts of a change have been put."""
    with transaction(connection):
        page = _pages(connection, [change.doc])[change.doc]
        if _is_news(change, page):
            _settle(connection, [(page.number, change)])


def forget(connection: sqlite3.Connection, docs: Collection[str]) -> None:
    """Remove pages with all that is on them."""
    with transaction(connection):
        numbers = [page.number for page in _known_pages(connection, docs).values()]
        places = connection.execute(
            "SELECT place FROM messages WHERE page IN (SELECT value FROM json_each(?))", _json(numbers)
        ).fetchall()
        _remove(connection, [place for (place,) in places])
        connection.execute(
            "DELETE FROM pages WHERE number IN (SELECT value FROM json_each(?))", _json(numbers)
        )


def _is_news(change: Change, page: _Page) -> bool:
    # Another process, or another reading of the page, may have been quicker.
    return change.seq > page.seq or (change.seq == page.seq and change.whole)


def _settle(connection: sqlite3.Connection, changes: Sequence[tuple[int, Change]]) -> None:
    """Remove what whole pages say no more, and keep how far pages were read; they are given by number."""
    for number, change in changes:
        if change.whole:
            known = connection.execute("SELECT id, place FROM messages WHERE page = ?", (number,)).fetchall()
            _remove(connection, [place for id, place in known if id not in change.texts])
    connection.execute(
        """
        UPDATE pages SET seq = json_extract(value, '$[1]')
        FROM json_each(?) WHERE number = json_extract(value, '$[0]')
        """,
        _json([(number, change.seq) for number, change in changes]),
    )


def _pages(connection: sqlite3.Connection, docs: Collection[str]) -> dict[str, _Page]:
    """Pages by their docs' names; those that are not known are made."""
    known = _known_pages(connection, docs)
    new = [(doc, parse_doc(doc).room) for doc in docs if doc not in known]
    if not new:
        return known
    connection.executemany("INSERT INTO pages (doc, room, seq) VALUES (?, ?, 0)", new)
    return known | _known_pages(connection, [doc for doc, _ in new])


def _known_pages(connection: sqlite3.Connection, docs: Collection[str]) -> dict[str, _Page]:
    rows = connection.execute(
        "SELECT doc, number, seq FROM pages WHERE doc IN (SELECT value FROM json_each(?))", _json(list(docs))
    ).fetchall()
    return {doc: _Page(number, seq) for doc, number, seq in rows}


def _put(connection: sqlite3.Connection, pages: Iterable[tuple[int, str, Texts]]) -> None:
    """Make messages say what they say now; `pages` are numbers, docs and texts."""
    wanted = {
        (page, id): (doc, None if text is None else spread(_NEVER.sub(" ", text)))
        for page, doc, texts in pages
        for id, text in texts.items()
    }
    known = _known_texts(connection, wanted)
    changed = [key for key, (_, text) in wanted.items() if known.get(key, (0, None))[1] != text]
    _remove(connection, [known[key][0] for key in changed if key in known])
    rows = [(key, wanted[key]) for key in changed]
    _insert(connection, [_Row(page, doc, id, text) for (page, id), (doc, text) in rows if text is not None])


def _known_texts(
    connection: sqlite3.Connection, keys: Iterable[tuple[int, str]]
) -> dict[tuple[int, str], tuple[int, str]]:
    """By page and id, the places of those that are there, and what they say."""
    rows = connection.execute(
        """
        SELECT page, messages.id, place, text FROM json_each(?) AS wanted
        CROSS JOIN messages ON page = json_extract(wanted.value, '$[0]')
            AND messages.id = json_extract(wanted.value, '$[1]')
        CROSS JOIN texts ON texts.rowid = place
        """,
        _json(list(keys)),
    ).fetchall()
    return {(page, id): (place, text) for page, id, place, text in rows}


def _insert(connection: sqlite3.Connection, rows: Sequence[_Row]) -> None:
    found = [
        (place, row.page, row.id, row.text, tags_of(row.doc, row.id, row.text))
        for place, row in sorted(_places(connection, rows).items())
    ]
    if not found:
        return
    told = _json(found)
    connection.execute(
        """
        INSERT INTO messages (place, page, id)
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')
        FROM json_each(?)
        """,
        told,
    )
    connection.execute(
        """
        INSERT INTO texts (rowid, text, tags)
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[3]'), json_extract(value, '$[4]')
        FROM json_each(?)
        """,
        told,
    )


def _places(connection: sqlite3.Connection, rows: Iterable[_Row]) -> dict[int, _Row]:
    """A place for each message that has none."""
    found: dict[int, _Row] = {}
    left = list(rows)
    for attempt in range(ATTEMPTS):
        if not left:
            return found
        tried = [(place_of(row.doc, row.id, attempt), row) for row in left]
        taken = _taken(connection, [place for place, _ in tried])
        left = []
        for place, row in tried:
            if place in taken or place in found:
                left.append(row)
            else:
                found[place] = row
    raise AssertionError("no place is free, of more than there can be messages")


def _taken(connection: sqlite3.Connection, places: Sequence[int]) -> set[int]:
    rows = connection.execute(
        "SELECT place FROM messages WHERE place IN (SELECT value FROM json_each(?))", _json(places)
    ).fetchall()
    return {place for (place,) in rows}


def _remove(connection: sqlite3.Connection, places: Sequence[int]) -> None:
    if not places:
        return
    for statement in (
        "DELETE FROM texts WHERE rowid IN (SELECT value FROM json_each(?))",
        "DELETE FROM messages WHERE place IN (SELECT value FROM json_each(?))",
    ):
        connection.execute(statement, _json(places))
    connection.execute("INSERT INTO removed DEFAULT VALUES")


def _json(value: Any) -> tuple[str]:
    return (json.dumps(value, ensure_ascii=False),)


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
