"""Posts for one caller in one room, on a link that stays open for a while."""

import secrets
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import anyio
from pycrdt import Doc, Map

from syncchat.core.codec import dump
from syncchat.core.grant import Claims
from syncchat.core.message import Body
from syncchat.core.page import MESSAGES, REQUESTS
from syncchat.hub import Hub
from syncchat_server.api.visit import CLIENT_BITS, Visit, visit

MAX_POSTS = 1000
"""Rows under one client id: a doc's client ids are bounded, and so is what is kept here."""


class Poster:
    """Writes new rows into pages without reading them: nothing that they say builds on others.

    It has one page open, the one it wrote last. `used` is when that was, in seconds of the event loop.
    """

    def __init__(self, hub: Hub, claims: Claims) -> None:
        self.used = anyio.current_time()
        self.turn = anyio.Lock()
        """Held by whoever posts: one after the other, as they share a client id."""
        self._hub = hub
        self._claims = claims
        self._page = ""
        self._stack = AsyncExitStack()
        self._visit: Visit | None = None
        self._users = 0

    @property
    def busy(self) -> bool:
        """Whether somebody posts, or waits for it."""
        return self._users > 0

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Somebody needs it while the block runs."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self.used = anyio.current_time()

    async def post(self, page: str, id: str, body: Body) -> None:
        """Return when a new message of this page is durable; see `put`."""
        await self.put(page, MESSAGES, id, body.to_json())

    async def put(self, page: str, root: str, key: str, value: Any) -> None:
        """Return when a new row of this page is durable. Raises Problem; then it may be durable or not.

        What failed is never sent again: the next row is written on a new link under a new client id.
        """
        try:
            here = await self._enter(page)
            before = self._doc.get_state()
            self._roots[root][key] = dump(value)
            await here.write(self._doc.get_update(before))
        except BaseException:
            await self.aclose()
            raise
        if sum(map(len, self._roots.values())) >= MAX_POSTS:
            await self.aclose()

    async def aclose(self) -> None:
        """Leave; it can be used again."""
        self._visit = None
        with anyio.CancelScope(shield=True):
            await self._stack.aclose()

    async def _enter(self, page: str) -> Visit:
        """Be let in, if it is not; then others see that the caller is there. Raises Problem."""
        if page != self._page:
            await self.aclose()
            self._page = page
        if self._visit is None:
            self._visit = await self._stack.enter_async_context(visit(self._hub, self._claims, page))
            self._doc: Doc[Any] = Doc(client_id=secrets.randbits(CLIENT_BITS))
            self._roots = {root: self._doc.get(root, type=Map) for root in (MESSAGES, REQUESTS)}
        return self._visit
