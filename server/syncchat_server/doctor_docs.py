"""What doctor asks of the docs in a log: that each loads, and says what a doc of its kind may say."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pycrdt import Doc, Map

from syncchat.clock import STREAM as CLOCK
from syncchat.clock import read_offset
from syncchat.core.bindings import decode_bindings
from syncchat.core.cover import Cover
from syncchat.core.ids import DocName, check_name, parse_doc
from syncchat.core.lib0 import decode_state
from syncchat.core.refusal import check_record
from syncchat.core.schema import SERVER, schema_of
from syncchat.core.snapshot import NotEqual, make_snapshot
from syncchat.core.store import Store
from syncchat.core.structs import StructIndex
from syncchat.core.update import decode
from syncchat.errors import InvalidName, MalformedUpdate
from syncchat.journal import MARK as JOURNAL
from syncchat.journal import read_said
from syncchat.unsettled import read_notes

FROM_BACKUP = "restore the log from a backup, or remove this doc and let clients who have it fill it again"
MESSAGE_ROOTS = ("messages", "streams")


class Finding(NamedTuple):
    """Something wrong; `doc` is None if it is about the file. The text has the cause and the remedy."""

    doc: str | None
    text: str

    def __str__(self) -> str:
        return self.text if self.doc is None else f"{self.doc!a:.80}: {self.text}"


class Row(NamedTuple):
    """A row of `entries` as it stands in the file, whatever that is."""

    seq: Any
    writer: Any
    size: Any
    data: Any


class _Wrong(Exception):
    """Why an entry, or a doc, is not what it should be."""


@dataclass(slots=True)
class DocReport:
    """What was found in one doc.

    If it is a page, `page` is its number and `ids` its messages', sorted; if it is a cover that was
    written, `pages` are those that the room has.
    """

    name: str
    findings: list[Finding] = field(default_factory=list)
    page: int | None = None
    ids: list[str] = field(default_factory=list)
    pages: range | None = None


def room_of(name: str) -> str:
    """What stands before the slash, and thus together when names are sorted."""
    return name.partition("/")[0]


def examine_doc(name: str, rows: Sequence[Row]) -> DocReport:
    """Load a doc from its entries as a daemon would, and look at what it says. Never raises."""
    report = DocReport(name)
    try:
        if not rows:
            raise _Wrong("its entries cannot be found by its name")
        if name == CLOCK:
            _read_all(read_offset, rows)
            return report
        if name.startswith(JOURNAL):
            _read_all(read_said, rows)
            return report
        base, mark, kind = name.partition("#")
        place = parse_doc(base)
        if mark:
            _examine_companion(kind, rows)
        else:
            report.page = place.page
            doc = _examine_entries(rows)
            report.ids = _without_panic("its rows cannot be listed", _examine_content, doc, place)
            report.pages = _pages(doc) if place.cover else None
    except InvalidName as error:
        report.findings.append(Finding(name, f"no doc may have this name ({error}): {FROM_BACKUP}"))
    except _Wrong as error:
        report.findings.append(Finding(name, f"{error}: {FROM_BACKUP}"))
    return report


def _read_owners(data: bytes) -> None:
    for user in decode_bindings([data]).values():
        if user != SERVER:
            check_name(user, "user")


_COMPANIONS: dict[str, Callable[[bytes], object]] = {
    "acknowledged": decode_state,
    "owners": _read_owners,
    "refused": check_record,
    "unsettled": read_notes,
}
"""What is kept beside a doc under its name and `#` one of these, and what reads an entry of it.

It may be there without its doc: owners are written before the first update of theirs.
"""


_OF_CLIENTS = ("#acknowledged", "#refused", "#unsettled", CLOCK)


def is_of_client(name: str) -> bool:
    """Whether only clients' logs have a stream of this name: those hold what somebody has looked at."""
    return name.endswith(_OF_CLIENTS)


def _examine_companion(kind: str, rows: Sequence[Row]) -> None:
    read = _COMPANIONS.get(kind)
    if read is None:
        raise _Wrong("nothing of this name is kept beside a doc")
    _read_all(read, rows)


def _read_all(read: Callable[[bytes], object], rows: Sequence[Row]) -> None:
    for row, data in _unpacked(rows):
        try:
            read(data)
        except (MalformedUpdate, InvalidName) as error:
            raise _Wrong(f"entry {row.seq} cannot be read ({error})") from error


def _examine_entries(rows: Sequence[Row]) -> Doc[Any]:
    """Load a doc, and prove that it can be compacted."""
    doc: Doc[Any] = Doc()
    index = StructIndex(doc.get_update)
    updates = []
    for row, data in _unpacked(rows):
        _extend(index, row, data)
        _without_panic(f"entry {row.seq} is poison to the CRDT library", doc.apply_update, data)
        updates.append(data)
    if decode_state(doc.get_state()) != {client: end for client, end in index.state().items() if end}:
        raise _Wrong("the CRDT library and the entries disagree about how much there is")
    try:
        _without_panic("a snapshot of it is poison to the CRDT library", make_snapshot, updates)
    except NotEqual as error:
        raise _Wrong(f"it cannot be compacted ({error})") from error
    return doc


def _unpacked(rows: Sequence[Row]) -> Iterator[tuple[Row, bytes]]:
    last = 0
    for row in rows:
        if not isinstance(row.seq, int) or row.seq <= last:
            raise _Wrong(f"entry {row.seq} stands behind entry {last}")
        if not isinstance(row.writer, int) or row.writer < 0:
            raise _Wrong(f"entry {row.seq} has no writer")
        yield row, _data(row)
        last = row.seq


def _data(row: Row) -> bytes:
    if not isinstance(row.size, int) or not isinstance(row.data, bytes) or len(row.data) > row.size:
        raise _Wrong(f"entry {row.seq} is not of the size it says")
    if len(row.data) == row.size:
        return row.data
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(row.data, row.size + 1)
    except zlib.error as error:
        raise _Wrong(f"entry {row.seq} cannot be unpacked ({error})") from error
    if len(data) != row.size or not unpacker.eof:
        raise _Wrong(f"entry {row.seq} is not of the size it says when it is unpacked")
    return data


def _extend(index: StructIndex, row: Row, data: bytes) -> None:
    """Take an entry into the index, as the daemon does when it judges it."""
    try:
        plan = index.plan(decode(data))
    except MalformedUpdate as error:
        raise _Wrong(f"entry {row.seq} is malformed ({error})") from error
    if plan.missing is not None:
        raise _Wrong(f"entry {row.seq} builds on changes that the log does not have")
    index.extend(plan)


def _without_panic(what: str, work: Callable[..., Any], *arguments: object) -> Any:
    try:
        return work(*arguments)
    except BaseException as error:
        # A panic of the CRDT library is a BaseException; it must end no examination.
        if type(error).__name__ != "PanicException":
            raise
        raise _Wrong(what) from error


def _examine_content(doc: Doc[Any], place: DocName) -> list[str]:
    """The ids of messages, sorted; raises _Wrong for a root or a key that a doc of this kind may not have."""
    schema = schema_of(place)
    ids = []
    for name in sorted(doc.keys()):
        root = schema.root(name)
        if root is None:
            raise _Wrong(f"it has the root {name!a:.60}, which a page may not have")
        if place.page is None:
            continue  # its rows are what its makers want them to be
        for key in doc.get(name, type=Map):
            try:
                root.owner(key)
            except InvalidName as error:
                raise _Wrong(f"a row of {name} has a key that cannot be ({error})") from error
            ids += [key] if name in MESSAGE_ROOTS else []
    return sorted(ids)


def _pages(doc: Doc[Any]) -> range | None:
    cover = Cover(Store(doc))
    return range(cover.first, cover.newest + 1) if cover.is_written else None


def examine_room(reports: Sequence[DocReport], *, whole: bool) -> Iterator[Finding]:
    """What the docs of a room say together; `whole` is whether all of its pages have to be there.

    An id stands on one page only, and the cover leads to every page that holds messages.
    """
    pages = {report.page: report for report in reports if report.page is not None}
    seen: dict[str, int] = {}
    for number, report in sorted(pages.items()):
        doubled = [id for id in report.ids if seen.setdefault(id, number) != number]
        if doubled:
            text = f"message {doubled[0]} stands on page {seen[doubled[0]]} too: delete it on one of them"
            yield Finding(report.name, text)
    for cover in reports if whole else ():
        if cover.pages is not None:
            yield from _examine_cover(cover, cover.pages, pages)


def _examine_cover(cover: DocReport, named: range, pages: Mapping[int, DocReport]) -> Iterator[Finding]:
    for number, report in sorted(pages.items()):
        if report.ids and number >= named.stop:
            text = f"it has messages, but the cover does not lead to it (its newest page is {named.stop - 1})"
            yield Finding(report.name, f"{text}: {FROM_BACKUP}")
    gone = [number for number in named[:-1] if number not in pages]
    if gone:
        more = f" and {len(gone) - 1} more" if gone[1:] else ""
        yield Finding(cover.name, f"page {gone[0]}{more} is gone: {FROM_BACKUP}")
