"""The daemon's process: a data folder of its own, a hub on its log, uvicorn in front, signals heeded."""

import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import uvicorn
from anyio.abc import TaskStatus

from syncchat.agent import Model
from syncchat.core.dialect import MAX_FRAME
from syncchat.core.ids import user_from_subject
from syncchat.errors import SyncchatError
from syncchat.hub import Denial, Hub, Limits
from syncchat.log import SqliteLog
from syncchat_server.agents import AgentHost
from syncchat_server.app import make_app
from syncchat_server.folder import LOG_NAME, own_folder
from syncchat_server.raw_socket import RawSocketProtocol

GRACE = 3
"""Seconds that open connections get to end when the daemon stops."""


class CannotStart(SyncchatError):
    """The daemon cannot start: its text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a daemon needs to know; `agent` is the model and the judge's model, None for no agent."""

    host: str
    port: int
    data: Path
    agent: tuple[Model, Model] | None = None
    limits: Limits | None = None


def user_of_token(token: str, _doc: str) -> str:
    """Without authentication the token is the user's name. Raises Denial for an empty one."""
    if not token:
        raise Denial("say who you are: the token is your user name (for /y/<doc>: ?user=NAME)")
    return user_from_subject(token)


class _Server(uvicorn.Server):
    """uvicorn, whose signals are ours: it would raise them again and skip what has to be flushed."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tell()


async def run_daemon(settings: Settings, started: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; calls `started` with the address once clients can connect.

    Everything acknowledged is on disk whatever ends it. Raises CannotStart, FolderUnusable, LogError.
    """
    with _listening(settings.host, settings.port) as listener, own_folder(settings.data) as folder:
        hub = Hub(SqliteLog(folder / LOG_NAME), authorize=user_of_token, limits=settings.limits)
        async with hub, _agent(hub, settings.agent):
            host, port = listener.getsockname()[:2]
            server = _Server(_config(hub), lambda: started(f"ws://{host}:{port}"))
            async with anyio.create_task_group() as tasks:
                await tasks.start(_stop_on_signal, server)
                await server.serve(sockets=[listener])
                tasks.cancel_scope.cancel()


def _config(hub: Hub) -> uvicorn.Config:
    return uvicorn.Config(
        make_app(hub),
        ws=RawSocketProtocol,
        ws_max_size=MAX_FRAME,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )


async def _stop_on_signal(
    server: uvicorn.Server, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            server.should_exit = True


@contextlib.asynccontextmanager
async def _agent(hub: Hub, models: tuple[Model, Model] | None) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        if models is not None:
            tasks.start_soon(AgentHost(hub, *models).run)
        yield
        tasks.cancel_scope.cancel()


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
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
