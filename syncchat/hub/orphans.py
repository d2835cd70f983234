"""Messages that were begun and that nobody finishes: who wrote them has gone, and may be back (H6)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pycrdt import Doc, Map

from syncchat.core.codec import dump, load
from syncchat.core.message import Body, read_body, read_id
from syncchat.core.page import MESSAGES

STALE: Final = 600_000
"""Milliseconds after which nobody is still writing the same message."""


def ending(messages: Mapping[str, Any], streams: Mapping[str, Any], last: str, client: int) -> bytes | None:
    """The update that ends as interrupted what is in `streams` and STALE older than the message `last`.

    The streams stay: should its author come back to one, and finish it, that counts. None if there is none.
    """
    now = read_id(last)
    begun = {id: parts for id in streams.keys() - messages.keys() if (parts := read_id(id)) is not None}
    stale = [id for id, parts in begun.items() if now is not None and now.hlc - parts.hlc >= STALE]
    if not stale:
        return None
    agents = set(_agents(messages))
    page: Doc[Any] = Doc(client_id=client)
    rows = page.get(MESSAGES, type=Map)
    with page.transaction():
        for id in sorted(stale):
            body = Body(str(streams[id]), state="interrupted", agent=begun[id].user in agents)
            rows[id] = dump(body.to_json())
    return page.get_update()


def _agents(messages: Mapping[str, Any]) -> Iterator[str]:
    """Those of the authors that are agents: that stands in what they have finished alone."""
    for id, value in messages.items():
        parts, body = read_id(id), read_body(load(value))
        if parts is not None and body is not None and body.agent:
            yield parts.user
