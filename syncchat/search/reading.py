"""What the log says of a page's messages, as the index wants it."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pycrdt import Doc, Map

from syncchat.background import run_in_background
from syncchat.core.codec import load
from syncchat.core.ids import parse_doc
from syncchat.core.message import read_id, read_text
from syncchat.core.page import MESSAGES
from syncchat.errors import InvalidName, LogCorrupt
from syncchat.log import Entry, Log
from syncchat.search.writing import Change


@lru_cache(maxsize=4096)
def is_page(doc: str) -> bool:
    """Whether a doc of the log is a page of a room."""
    try:
        return parse_doc(doc).page is not None
    except InvalidName:
        return False  # a stream beside a doc


async def heads(log: Log) -> dict[str, int]:
    """The `seq` of the newest entry of each page of each room. Raises LogError."""
    return {doc: seq for doc, seq in (await log.heads()).items() if is_page(doc)}


async def read_page(log: Log, doc: str) -> Change | None:
    """All that a page says now; None if the log has it no more. Raises LogError."""
    entries = await log.read(doc)
    return await run_in_background(_whole, doc, entries) if entries else None


def texts_of(rows: Mapping[str, object]) -> dict[str, str | None]:
    """What rows of `messages`, as they stand in the doc, say; None for those that say nothing."""
    return {id: read_text(load(row)) for id, row in rows.items() if read_id(id) is not None}


def _whole(doc: str, entries: Sequence[Entry]) -> Change:
    try:
        texts = texts_of(_rows(entry.data for entry in entries))
    except BaseException as error:
        # A panic of the CRDT library is a BaseException; what it says may quote a message.
        if not isinstance(error, ValueError) and type(error).__name__ != "PanicException":
            raise
        raise LogCorrupt(f"page {doc} cannot be read from the log: see syncchat doctor") from None
    return Change(doc, entries[-1].seq, texts, whole=True)


def _rows(updates: Iterable[bytes]) -> dict[str, object]:
    page: Doc[Any] = Doc()
    with page.transaction():
        for update in updates:
            page.apply_update(update)
    messages = page.get(MESSAGES, type=Map)
    return {id: messages[id] for id in messages.keys()}  # noqa: SIM118 - no dict
