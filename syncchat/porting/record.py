"""A message as it travels between a page and a file."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pycrdt import Doc

from syncchat.core.cover import Cover
from syncchat.core.ids import page_name
from syncchat.core.message import Body, read_id
from syncchat.core.page import Page
from syncchat.core.store import Store

NO_REACTIONS: Mapping[str, tuple[str, ...]] = {}


class Record(NamedTuple):
    """One message; `reactions` has for each emoji the users who reacted.

    `streaming`: it was still being written. A source whose answers name their message by something
    other than its id gives each message that name as `key`, and to an answer as `answers`.
    """

    id: str
    body: Body
    reactions: Mapping[str, tuple[str, ...]] = NO_REACTIONS
    streaming: bool = False
    key: str | None = None
    answers: str | None = None


class About(NamedTuple):
    """What a room says of itself; `messages` is how many have arrived in it, as far as that is known."""

    room: str
    title: str = ""
    topic: str = ""
    messages: int = 0


def load_doc(updates: Iterable[bytes]) -> "Doc[Any]":
    """A doc as these updates have it."""
    doc: Doc[Any] = Doc()
    with doc.transaction():
        for update in updates:
            doc.apply_update(update)
    return doc


def read_about(room: str, cover: Store) -> About:
    """What a cover says of its room."""
    table = cover.table("about")
    title, topic = table.get("title"), table.get("topic")
    return About(
        room,
        title if isinstance(title, str) else "",
        topic if isinstance(topic, str) else "",
        Cover(cover).messages,
    )


def load_page(room: str, number: int, updates: Iterable[bytes]) -> Page:
    """A page as these updates have it."""
    return Page(number, page_name(room, number), Store(load_doc(updates)))


def records_of(page: Page) -> list[Record]:
    """The messages of a page, sorted by id; malformed ones are left out, as they are everywhere."""
    found = (_record(page, id) for id in sorted(page.ids()) if read_id(id) is not None)
    return [record for record in found if record is not None]


def _record(page: Page, id: str) -> Record | None:
    body = page.body(id)
    if body is not None:
        return Record(id, body, page.reactions_to(id))
    text = None if id in page.messages else page.streams.get(id)
    if text is None:
        return None
    return Record(id, page.draft(id, text), page.reactions_to(id), streaming=True)
