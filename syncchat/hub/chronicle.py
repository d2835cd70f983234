"""The chronicle of a hub: what became of its rooms, commit by commit."""

import logging
from collections.abc import Iterable

from syncchat.core.guard import Accept
from syncchat.core.listeners import Signal
from syncchat.core.page import MESSAGES
from syncchat.errors import describe

logger = logging.getLogger("syncchat.hub")

Committed = tuple[str, frozenset[str]]
"""The name of a page, and the ids of its messages that a commit added, changed or removed."""


class Chronicle:
    """Hears of every commit of every page.

    `committed` is told of those that changed messages, when they are durable and before anything else
    happens to the page; what its listeners raise is logged.
    """

    def __init__(self) -> None:
        self.committed: Signal[Committed] = Signal("listeners to commits failed")

    def tell(self, page: str, accepted: Iterable[Accept]) -> None:
        """A commit of these is durable."""
        places = (place for verdict in accepted for place in verdict.plan.places if place is not None)
        ids = frozenset(place.row[1] for place in places if place.row[0] == MESSAGES)
        if not ids:
            return
        try:
            self.committed.tell((page, ids))
        except ExceptionGroup as errors:  # one who listens must not stop the room (S7)
            logger.error("after a commit of %s: %s", page, describe(errors))
