"""What a running daemon tells of itself: health, readiness and metrics, put together."""

from collections.abc import Iterable

from starlette.routing import BaseRoute

from syncchat.agent import Metered, Model, Usage
from syncchat.hub import Hub
from syncchat.log import SqliteLog
from syncchat_server.health import Health
from syncchat_server.metrics import Metrics
from syncchat_server.searching import Search


class Operations:
    """The health and the counters of a daemon with this hub on this log; `networks` may read the counters.

    `search` is its search, None if there is none.
    """

    def __init__(
        self, hub: Hub, log: SqliteLog, networks: Iterable[str] = (), search: Search | None = None
    ) -> None:
        self._hub = hub
        self._health = Health(log.check_writable)
        self.usage = Usage()
        """What the daemon's agent has asked its models."""
        self._metrics = Metrics(hub, self.usage, networks, search)

    def metered(self, models: tuple[Model, Model]) -> tuple[Model, Model]:
        """The same models, whose calls are counted."""
        answers, judges = models
        return Metered(answers, self.usage), Metered(judges, self.usage)

    def routes(self) -> list[BaseRoute]:
        """`/healthz`, `/readyz` and `/metrics`."""
        return [*self._health.routes(), *self._metrics.routes()]

    async def drain(self, seconds: float) -> None:
        """Be unready, and end what is served; see `Hub.drain`."""
        self._health.draining = True
        await self._hub.drain(seconds)
