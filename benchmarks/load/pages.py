"""Rooms of pages, as clients of ours follow them: the cover and the pages that are looked at, on one link."""

import asyncio
from collections.abc import Mapping
from typing import Any

from pycrdt import Doc

from benchmarks.load.client import Client, Failed
from benchmarks.load.updates import NUMBER, state_of
from benchmarks.load.wire import EMPTY_STATE, Wire
from syncchat.core.cover import Cover
from syncchat.core.ids import cover_name, page_name, parse_doc
from syncchat.core.messages import Close, Step2
from syncchat.core.store import Store
from syncchat.pager import SCREEN

ROOM = "lobby"
COVER = cover_name(ROOM)
OPEN = 2
"""Pages that stay open: the newest, and the one before."""

PATIENCE = 60.0


class Follower(Client):
    """A client of a room of ours: it has open what a peer has who has entered it, and goes on with it.

    It has joined when all it has to open has been answered. With `keep`, `kept` has the updates by doc.
    `states` are those of the docs that it had open when it left, `cover` what the cover said then.
    """

    def __init__(
        self,
        wire: Wire,
        *,
        keep: bool = False,
        states: Mapping[str, bytes] | None = None,
        cover: bytes | None = None,
    ) -> None:
        self._states = dict(states or {})
        super().__init__(wire, COVER, state=self._states.pop(COVER, EMPTY_STATE), keep=keep)
        self.kept: dict[str, list[bytes]] = {}
        self._cover_doc: Doc[Any] = Doc()
        self._cover = Cover(Store(self._cover_doc))
        if cover is not None:
            self._cover_doc.apply_update(cover)
        self._pages: list[int] = []
        self._asked = {COVER}
        self._turned = asyncio.Event()

    @property
    def newest(self) -> int:
        """The newest page."""
        return self._cover.newest

    async def turn_to(self, page: int) -> None:
        """Return when the cover names this page as the newest, and it is open. Raises Failed."""
        while self.newest < page or page_name(ROOM, page) in self._asked:
            self._turned.clear()
            try:
                await asyncio.wait_for(self._turned.wait(), PATIENCE)
            except TimeoutError:
                raise Failed(f"page {page} was not opened: {self.failure or self.newest}") from None

    def leave(self) -> tuple[dict[str, bytes], bytes]:
        """The states of what it has open, and the cover: for who comes back."""
        states = {COVER: self._cover_doc.get_state()}
        for doc in (page_name(ROOM, page) for page in self._pages):
            states[doc] = state_of(self.kept[doc])
        return states, self._cover_doc.get_update()

    def _greet(self) -> None:
        super()._greet()
        for doc, state in self._states.items():
            self._pages.append(parse_doc(doc).page or 0)
            self._ask(doc, state)

    def _ask(self, doc: str, state: bytes = EMPTY_STATE) -> None:
        self._asked.add(doc)
        self.say(self._wire.hello(doc, self._user, state))

    def _take(self, doc: str, update: bytes) -> None:
        if self.updates is not None:
            self.kept.setdefault(doc, []).append(update)
        if doc == COVER:
            self._cover_doc.apply_update(update)
            self._follow()

    def _converse(self, doc: str, message: object) -> None:
        if not isinstance(message, Step2):
            super()._converse(doc, message)
            return
        self._take(doc, message.update)
        self._asked.discard(doc)
        self._turned.set()
        if doc == page_name(ROOM, self.newest) and doc not in self._states and not self.joined.done():
            self._fill(len(NUMBER.findall(message.update)))
        if not self._asked and not self.joined.done():
            self.joined.set_result(None)

    def _follow(self) -> None:
        """Open the newest page, if it is another now."""
        if self.newest in self._pages:
            return
        self._open(self.newest)
        for page in sorted(self._pages)[:-OPEN]:
            self._pages.remove(page)
            self.say(self._wire.frame(page_name(ROOM, page), Close("")))

    def _fill(self, messages: int) -> None:
        """Open the page before as well, if the newest does not fill a screen."""
        if messages < SCREEN and self.newest > 0 and self.newest - 1 not in self._pages:
            self._open(self.newest - 1)

    def _open(self, page: int) -> None:
        self._pages.append(page)
        self._ask(page_name(ROOM, page))
