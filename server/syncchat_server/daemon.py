"""The daemon's process: a data folder of its own, a hub on its log, uvicorn in front, signals heeded."""

import contextlib
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from functools import partial
from typing import Any

import anyio
import uvicorn
from anyio.abc import TaskStatus

from syncchat.errors import SyncchatError
from syncchat.hub import Hub
from syncchat.log import SqliteLog
from syncchat.search import drop_index
from syncchat_server.agents import AgentHost, Cast, lately_written
from syncchat_server.api import Rooms, api_routes
from syncchat_server.api.catching_up import Teller
from syncchat_server.app import make_app
from syncchat_server.auth import Authority, OpenAuthority, make_authority
from syncchat_server.books import Books
from syncchat_server.erasing import waiting_for_webhooks
from syncchat_server.folder import AGENTS_NAME, LOG_NAME, OUTBOX_NAME, SEARCH_NAME, own_folder
from syncchat_server.front_door import FrontDoorConfig, FrontDoorProtocol, is_local
from syncchat_server.handshake import Origins
from syncchat_server.logs import Traced
from syncchat_server.looking_up import DaemonHistory
from syncchat_server.notify import READY, STOPPING, notify
from syncchat_server.operations import Operations
from syncchat_server.raw_socket import RawSocketProtocol
from syncchat_server.retention import Retention
from syncchat_server.searching import Search
from syncchat_server.settings import Settings

GRACE = 3
"""Seconds that commits, and then open connections, get to end when the daemon stops."""

WATCH_SECONDS = 1.0
"""How often it looks whether the keys or the list of revoked tokens have changed."""


class CannotStart(SyncchatError):
    """The daemon cannot start: its text says why and what to do."""


class _Server(uvicorn.Server):
    """uvicorn, whose signals are ours: it would raise them again and skip what has to be flushed."""

    def __init__(
        self, config: uvicorn.Config, started: Callable[[], None], drain: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(config)
        self._tell = started
        self._drain = drain

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in self.servers:
            listener.close()
        await self._drain()  # while those who are in can still be told
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tell()
        notify(READY)


async def run_daemon(settings: Settings, started: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; calls `started` with the address once clients can connect.

    Everything acknowledged is on disk whatever ends it. Raises CannotStart, BadSetting,
    FolderUnusable, LogError.
    """
    authority = make_authority(settings)
    local_only = authority.is_open and not settings.open
    with (
        _listening(settings.host, settings.port, local_only=local_only) as listener,
        own_folder(settings.data) as folder,
    ):
        log = SqliteLog(folder / LOG_NAME)
        hub = Hub(log, authorize=authority, limits=settings.limits)
        search = _search(hub, log, settings)
        books = Books(settings.prices, settings.budget)
        operations = Operations(hub, log, books, settings.allow_metrics, search)
        cast = Cast.of(settings.agent, settings.personas, books)
        async with (
            hub,
            Rooms(hub, log) as rooms,
            _beside(hub, log, authority, settings, search),
            _agents(hub, log, rooms, settings, cast, search),
        ):
            rooms.eraser.also("what waits for webhooks", waiting_for_webhooks(folder))
            if search is not None:
                rooms.eraser.also("the index of the search", search.erase)
            host, port = listener.getsockname()[:2]
            config = _config(hub, authority, settings, operations, rooms, search, cast.teller(rooms))
            server = _Server(config, lambda: started(f"ws://{host}:{port}"), lambda: operations.drain(GRACE))
            async with anyio.create_task_group() as tasks:
                await tasks.start(_stop_on_signal, server, settings.drain_seconds)
                await server.serve(sockets=[listener])
                tasks.cancel_scope.cancel()
    signal.alarm(0)


@contextlib.asynccontextmanager
async def _beside(
    hub: Hub,
    log: SqliteLog,
    authority: Authority | OpenAuthority,
    settings: Settings,
    search: Search | None,
) -> AsyncIterator[None]:
    """The tasks that the daemon owns beside its server. Raises BadSetting."""
    webhooks = _webhooks(hub, settings)
    async with anyio.create_task_group() as tasks:
        if isinstance(authority, Authority):
            tasks.start_soon(_watch, authority, hub)
        if webhooks is not None:
            tasks.start_soon(webhooks)
        if search is not None:
            tasks.start_soon(search.run)
        tasks.start_soon(_retention(hub, log, settings, search).run)
        yield
        tasks.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def _agents(
    hub: Hub, log: SqliteLog, rooms: Rooms, settings: Settings, cast: Cast, search: Search | None
) -> AsyncIterator[None]:
    """The daemon's agents, if it has any. Raises LogError."""
    folder = settings.data / AGENTS_NAME
    async with anyio.create_task_group() as tasks:
        if cast.parts:
            history, lately = partial(DaemonHistory, search, rooms.history), await lately_written(log)
            host = AgentHost(hub, cast, folder=folder, history=history, lately=lately)
            tasks.start_soon(host.run)
        yield
        tasks.cancel_scope.cancel()


def _search(hub: Hub, log: SqliteLog, settings: Settings) -> Search | None:
    """What finds messages, None if nobody is to search. Raises OSError."""
    index = settings.data / SEARCH_NAME
    if settings.search:
        return Search(hub, log, index)
    drop_index(index)  # nobody would take out of it what is erased
    return None


def _retention(hub: Hub, log: SqliteLog, settings: Settings, search: Search | None) -> Retention:
    """What drops old pages."""
    aside = None if search is None else search.refresh
    return Retention(hub, log, settings.retention, now=lambda: time.time_ns() // 1_000_000, aside=aside)


def _webhooks(hub: Hub, settings: Settings) -> Callable[[], Coroutine[Any, Any, None]] | None:
    """What tells other programs of new messages, None if nobody is to be told. Raises BadSetting."""
    if settings.webhooks is None:
        return None
    from syncchat_server.webhooks import read_hooks, run_webhooks  # it brings an HTTP client

    hooks = read_hooks(settings.webhooks)
    open_log = partial(SqliteLog, settings.data / LOG_NAME)
    return partial(run_webhooks, open_log, hub, settings.data / OUTBOX_NAME, hooks)


async def _watch(authority: Authority, hub: Hub) -> None:
    """Heed keys that were renewed and tokens that were revoked while the daemon runs (U4)."""
    while True:
        await anyio.sleep(WATCH_SECONDS)
        if authority.refresh():
            hub.recheck(authority.revoked)


def _config(
    hub: Hub,
    authority: Authority | OpenAuthority,
    settings: Settings,
    operations: Operations,
    rooms: Rooms,
    search: Search | None,
    teller: Teller | None,
) -> uvicorn.Config:
    origins = Origins.of(settings.allow_origin, any_host=not authority.is_open)
    api = api_routes(rooms, authority, origins, settings.limits, operations.books, search, teller)
    config = FrontDoorConfig(
        Traced(make_app(hub, [*operations.routes(), *api], authority=authority, origins=origins)),
        interface="asgi3",  # it would guess by whether the app is a coroutine function; Traced is none
        http=FrontDoorProtocol,
        ws=RawSocketProtocol,
        ws_max_size=settings.limits.frame_bytes,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    config.limits = settings.limits
    return config


async def _stop_on_signal(
    server: uvicorn.Server, limit: int, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            server.should_exit = True
            notify(STOPPING)
            # The kernel's own clock: nothing in here stops it, not even a thread that hangs in a write.
            signal.alarm(limit)


@contextlib.contextmanager
def _listening(host: str, port: int, *, local_only: bool) -> Iterator[socket.socket]:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        if local_only and not is_local(str(address[0])):
            raise CannotStart(
                f"{host} can be reached from other machines, and without authentication everybody could "
                "read and write everything. Make a secret with `syncchat secret`, or set --public-key or "
                "--jwks; or insist with --open."
            )
        listener = socket.socket(family, kind, proto)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise CannotStart(
            f"cannot listen on {host} port {port}: {error.strerror or error}. "
            "Is another daemon running? Choose another with --port."
        ) from error
    with listener:
        yield listener
