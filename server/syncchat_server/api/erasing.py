"""Erasing: the text of a message is taken out of everything that the daemon keeps (H10)."""

import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, NamedTuple

from pycrdt import Doc

from syncchat.compaction import compact
from syncchat.core.cover import Cover
from syncchat.core.grant import Claims, Role
from syncchat.core.ids import page_name, parse_id
from syncchat.core.message import Body
from syncchat.core.page import Page
from syncchat.core.store import Store
from syncchat.errors import LogError, describe
from syncchat.hub import Hub
from syncchat.log import Log
from syncchat_server.api.docs import Docs, Updates, as_doc
from syncchat_server.api.history import History, Place
from syncchat_server.api.problems import Problem, no_message, unavailable
from syncchat_server.api.reading import Json, read_message
from syncchat_server.api.visit import CLIENT_BITS, visit

TRIES = 8
"""How often somebody may be quicker: a writer who edits the message, another compaction of its page."""

BEYOND: Final = (
    "people's own copies, until their devices have synced and compacted that page",
    "what was refused of it, or copied from it, on a device",
    "exports, mirrors and backups that were made before",
    "webhooks that were told of it, and models that were asked about it",
    "what a file system or a disk keeps of bytes that were overwritten",
)
"""What no erasing reaches."""

Aside = Callable[[str, str], Awaitable[None]]
"""Takes the text of a message out of what is kept beside the log; given the name of its page, and its id."""


class Erased(NamedTuple):
    """What became of an erase: the message as it is now, and its page.

    `reached` is where the text is no more, `left` where it still is for now, and why.
    """

    message: Json
    page: int
    reached: list[str]
    left: list[str]


class Eraser:
    """Erases messages of the rooms of `hub`, whose `log` it is; others keep texts, too: see `also`."""

    def __init__(self, hub: Hub, log: Log, docs: Docs) -> None:
        self._hub = hub
        self._log = log
        self._docs = docs
        self._history = History(docs)
        self._asides: dict[str, Aside] = {}

    def also(self, what: str, aside: Aside) -> None:
        """Have `aside` called with each erase; `what` is said to have been reached by it."""
        self._asides[what] = aside

    async def erase(self, claims: Claims, room: str, place: Place) -> Erased:
        """Erase a message as `claims` say, which have to be a moderator's there. Raises Problem.

        When this returns its text is in no page and no file of the daemon's, but for what `left` names.
        It may be asked for again, also of a message that was deleted long ago.
        """
        if claims.role_in(room) is not Role.MODERATOR:
            remedy = "ask for a token with the role moderator"
            raise Problem(403, "refused", "only a moderator erases", remedy, rule="H10")
        page = await self._page_of(room, place)
        doc = page_name(room, page)
        message = await self._bury(claims, room, doc, place.id)
        reached, left = ["the page, for everybody who has it open"], []
        for what, work in [("the log", self._clean), *self._asides.items()]:
            problem = await _problem_of(work(doc, place.id))
            (left.append(f"{what}: {problem}") if problem else reached.append(what))
        return Erased(message, page, reached, left)

    async def _page_of(self, room: str, place: Place) -> int:
        """The page of a message, wherever it stands; a late one stands before those of its time."""
        cover = await self._docs.cover(room)
        for page in await self._likely(room, cover, place):
            if await self._docs.read(page_name(room, page), partial(_holds, room, id=place.id)):
                return page
        raise no_message()

    async def _likely(self, room: str, cover: Cover, place: Place) -> list[int]:
        there = range(cover.first, cover.newest + 1)
        if place.page is not None:
            return [place.page] if place.page in there else []
        guess = await self._history.page_of(room, cover, place.id)
        return [guess, *(page for page in reversed(there) if page != guess)]

    async def _bury(self, claims: Claims, room: str, doc: str, id: str) -> Json:
        """Put a tombstone in the message's place; returns it when it is durable, and what counts."""
        by = None if parse_id(id).user == claims.user else claims.user
        for _ in range(TRIES):
            update = await self._docs.read(doc, partial(_tombstone, id=id, by=by))
            if update is None:
                message = await self._docs.read(doc, partial(read_message, room, id=id))
                assert message is not None, "it is deleted, and thus there"
                return message
            async with visit(self._hub, claims, doc) as there:
                await there.write(update)
        raise unavailable("somebody writes that message all the time")

    async def _clean(self, doc: str, _id: str) -> None:
        """Leave nothing of what the page no longer says in the log's file."""
        for _ in range(TRIES):
            if await compact(self._log, doc, least=1):
                break
        else:
            raise LogError("its page is written all the time")
        if not await self._log.scrub():
            raise LogError("another process reads the log; erase it again when that has ended")


async def _problem_of(work: Awaitable[None]) -> str | None:
    """Do it; what is said about it if it failed."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the rest is erased all the same
        return describe(error)
    return None


def _holds(room: str, updates: Updates, id: str) -> bool:
    there = any(id.encode() in update for update in updates)  # keys stand in updates as they are
    return there and read_message(room, updates, id) is not None


def _tombstone(updates: Updates, id: str, by: str | None) -> bytes | None:
    """The update that deletes a message, and what was streamed of it; None if there is nothing to delete."""
    doc: Doc[Any] = Doc(client_id=secrets.randbits(CLIENT_BITS))
    doc.apply_update(as_doc(updates).get_update())
    page = Page(0, "", Store(doc))
    body = page.body(id)
    if body is not None and body.deleted and id not in page.streams:
        return None
    before = doc.get_state()
    page.put(id, Body("", deleted=True, by=by))
    return doc.get_update(before)
