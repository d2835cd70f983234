"""Whether the daemon lives, and whether it can do its work: what load balancers and supervisors ask."""

from collections.abc import Awaitable, Callable

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from syncchat.errors import LogError

FRESH_SECONDS = 1.0
"""A verdict is given again for so long: however often they ask, the log is tried once a second."""

PATIENCE = 2.0
"""Seconds that the log may take to store something."""

UNAVAILABLE = 503


class Health:
    """What `/healthz` and `/readyz` answer; `try_log` raises LogError unless the log can be written now."""

    def __init__(self, try_log: Callable[[], Awaitable[None]]) -> None:
        self._try_log = try_log
        self._asking = anyio.Lock()
        self._fresh_until = 0.0
        self._problem: str | None = None
        self.draining = False
        """Set when the daemon is about to end: it is alive, but no new connection should come to it."""

    async def problem(self) -> str | None:
        """Why the daemon should get no new connections, None if it may."""
        if self.draining:
            return "draining: the daemon is about to end"
        async with self._asking:
            if anyio.current_time() >= self._fresh_until:
                self._problem = await self._problem_of_log()
                self._fresh_until = anyio.current_time() + FRESH_SECONDS
        return self._problem

    async def _problem_of_log(self) -> str | None:
        try:
            with anyio.fail_after(PATIENCE):
                await self._try_log()
        except TimeoutError:
            return f"the log has not answered for {PATIENCE:g} s: see whether the disk hangs"
        except LogError as error:
            return str(error)
        return None

    def routes(self) -> list[Route]:
        """`/healthz` answers 200 while the event loop turns, `/readyz` 200 or 503 with the reason."""
        return [Route("/healthz", _alive), Route("/readyz", self._ready)]

    async def _ready(self, _request: Request) -> Response:
        problem = await self.problem()
        if problem is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready", "reason": problem}, UNAVAILABLE)


async def _alive(_request: Request) -> Response:
    return JSONResponse({"status": "alive"})
