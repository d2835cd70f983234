"""What a running daemon tells of itself: health, readiness and metrics, put together."""

from collections.abc import Iterable

from starlette.routing import BaseRoute

from syncchat.hub import Hub
from syncchat.log import SqliteLog
from syncchat_server.books import Books
from syncchat_server.health import Health
from syncchat_server.metrics import Metrics
from syncchat_server.searching import Search


class Operations:
    """The health and the counters of a daemon with this hub on this log; `networks` may read the counters.

    `books` are those of its agents; `search` is its search, None if there is none.
    """

    def __init__(
        self,
        hub: Hub,
        log: SqliteLog,
        books: Books,
        networks: Iterable[str] = (),
        search: Search | None = None,
    ) -> None:
        self._hub = hub
        self._health = Health(log.check_writable)
        self.books = books
        self._metrics = Metrics(hub, books, networks, search)

    def routes(self) -> list[BaseRoute]:
        """`/healthz`, `/readyz` and `/metrics`."""
        return [*self._health.routes(), *self._metrics.routes()]

    async def drain(self, seconds: float) -> None:
        """Be unready, and end what is served; see `Hub.drain`."""
        self._health.draining = True
        await self._hub.drain(seconds)
