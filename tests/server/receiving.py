"""What the tests of webhooks share: a receiver, and a hub with webhooks beside it."""

import base64
import hashlib
import hmac
import json
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio

from syncchat.hub import Hub, Limits
from syncchat.log import SqliteLog
from syncchat.peer import Peer
from syncchat.testing.program import PATIENCE
from syncchat_server.auth import OpenAuthority
from syncchat_server.folder import OUTBOX_NAME
from syncchat_server.webhooks import Hook, Pace, run_webhooks

KEY = b"k" * 32
SECRET = "whsec_" + base64.b64encode(KEY).decode()
BRIEF = Limits(idle_seconds=0.01)
QUICK = Pace(patience=5.0, first=0.01, longest=0.05)
STALL = 0
"""In place of a status: it takes the request and says nothing."""


class Receiver:
    """A web server that keeps what it is sent, and answers with what it is told to, at last always 204."""

    def __init__(self, port: int = 0) -> None:
        self.answers: list[int] = []
        self.taken: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.refused = 0
        self.paths: list[str] = []
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """Type, room and text of what was taken."""
        return [(event["type"], event["data"]["room"], event["data"]["text"]) for _, event in self.taken]

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.taken]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_answer(receiver.take(self.path, headers, body))

            def send_answer(self, status: int) -> None:
                if status == STALL:
                    receiver.released.wait(PATIENCE)
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("location", "/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        self.paths.append(path)
        status = self.answers.pop(0) if self.answers else 204
        signed = b"%s.%s.%s" % (headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body)
        signature = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{signature}"
        if status == 204:
            self.taken.append((headers, json.loads(body)))
        else:
            self.refused += 1
        return status


@asynccontextmanager
async def serving(data: Path, *hooks: Hook, pace: Pace = QUICK, limits: Limits = BRIEF) -> AsyncIterator[Hub]:
    """A hub on the log in `data`, and its webhooks beside it."""
    log = data / "log.sqlite"
    hub = Hub(SqliteLog(log), authorize=OpenAuthority(), limits=limits)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(hub)
        tasks = await stack.enter_async_context(anyio.create_task_group())
        if hooks:
            open_log = partial(SqliteLog, log, poll_seconds=0.01)
            tasks.start_soon(run_webhooks, open_log, hub, data / OUTBOX_NAME, hooks, pace)
        yield hub
        tasks.cancel_scope.cancel()


def peer_of(hub: Hub, user: str = "ada") -> Peer:
    return Peer(user=user, connect=hub.connect)


async def post(hub: Hub, *texts: str, room: str = "lobby") -> list[str]:
    """Post as somebody who leaves when everything is durable; returns the ids."""
    async with peer_of(hub) as peer:
        entered = await peer.enter(room)
        ids = [entered.post(text) for text in texts]
        await peer.settled()
    return ids


async def until(condition: Callable[[], bool]) -> None:
    """The receiver is a thread: it is asked again and again."""
    with anyio.fail_after(PATIENCE):
        while not condition():  # noqa: ASYNC110 - it is no event loop's
            await anyio.sleep(0.01)


def hooks_file(folder: Path, *tables: str) -> Path:
    path = folder / "webhooks.toml"
    path.write_text("".join(f"[[webhooks]]\n{table}\n" for table in tables))
    return path


async def told_and_known(data: Path) -> None:
    """Return when the outbox knows that all was taken: who stops before that tells the last one again."""
    with closing(sqlite3.connect(data / OUTBOX_NAME)) as outbox:
        await until(lambda: outbox.execute("SELECT count(*) FROM events").fetchone() == (0,))
