"""One doc of a hub, opened as every client opens it: what a request reads and writes (W1)."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio

from syncchat.core.closing import Closing, read_closing
from syncchat.core.dialect import HocuspocusDialect
from syncchat.core.grant import Claims
from syncchat.core.messages import (
    Auth,
    Authenticated,
    Awareness,
    Close,
    Denied,
    Message,
    Stateless,
    Status,
    Step1,
    Step2,
    Update,
)
from syncchat.core.presence import Entry, encode
from syncchat.errors import CloseCode, LinkClosed
from syncchat.hub import Hub
from syncchat.link import Link
from syncchat_server.api.problems import of_closing, unavailable

PATIENCE = 10.0
"""Seconds that the hub may take for an answer; then ours is 503."""

CLIENT_BITS = 53
"""Bits of a client id, as in every client."""

EVERYTHING = b"\x00"
"""The state vector of who has nothing yet."""

M = TypeVar("M", bound=Message)


@asynccontextmanager
async def visit(hub: Hub, claims: Claims, doc: str) -> AsyncIterator["Visit"]:
    """Open `doc` on a link of its own, with what `claims` allow. Raises Problem."""
    async with hub.connect(grant=claims) as link:
        visit = Visit(link, doc)
        await visit.enter()
        yield visit


class Visit:
    """A client of the hub without a replica; every method raises Problem for what the hub says no to.

    After a Problem it is not to be used any more: what the hub says next may answer what was before it.
    """

    def __init__(self, link: Link, doc: str) -> None:
        self._link = link
        self._doc = doc
        self._dialect = HocuspocusDialect()
        self._said: Closing | None = None

    async def enter(self) -> None:
        """Be let in."""
        await self._ask(Auth(""), Authenticated)

    async def state(self) -> bytes:
        """All that the doc holds, as one update; it is durable."""
        return (await self._ask(Step1(EVERYTHING), Step2)).update

    async def present(self, state: dict[str, object]) -> None:
        """Return when the hub has heard the presence state, which goes when the visit is over."""
        entry = Entry(secrets.randbits(CLIENT_BITS), 1, json.dumps(state))
        self._say(Awareness(encode([entry])))
        await self.state()

    async def write(self, update: bytes) -> None:
        """Return when the update is durable."""
        status = await self._ask(Update(update), Status)
        if not status.ok:
            raise of_closing(self._said or Closing(CloseCode.REFUSED, "the change was refused"))

    async def _ask(self, message: Message, answer: type[M]) -> M:
        self._say(message)
        try:
            with anyio.fail_after(PATIENCE):
                while True:
                    heard = self._take(await self._link.receive())
                    if isinstance(heard, answer):
                        return heard
        except TimeoutError:
            raise unavailable(f"the room has not answered for {PATIENCE:g} s") from None
        except LinkClosed as error:
            raise of_closing(self._said or Closing(error.code, error.reason)) from error

    def _say(self, message: Message) -> None:
        frame = self._dialect.encode(self._doc, message)
        assert frame is not None, "this dialect has a word for everything"
        self._link.send(frame)

    def _take(self, data: bytes) -> Message | None:
        frame = self._dialect.decode(data)
        message = None if frame is None else frame.message
        match message:
            case Stateless(payload):
                self._said = read_closing(payload) or self._said
            case Denied(reason):
                raise of_closing(read_closing(reason) or Closing(CloseCode.FORBIDDEN, reason))
            case Close(reason):
                raise of_closing(self._said or Closing(CloseCode.TRY_LATER, reason))
        return message
