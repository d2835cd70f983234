"""What the tests of a daemon that asks for tokens share: the verbs, tokens, and raw sockets."""

import os
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import anyio
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from syncchat.core.dialect import HocuspocusDialect, YDialect
from syncchat.core.grant import Role
from syncchat.core.messages import Auth, Authenticated, Denied, Message, Step1, Step2
from syncchat.testing.program import PATIENCE, syncchat
from syncchat_server.issuing import Issuer
from syncchat_server.settings import AuthSettings

DIALECT = HocuspocusDialect()
YDIALECT = YDialect("lobby/0")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        syncchat(*arguments),
        env=os.environ | {"XDG_DATA_HOME": "/nonexistent"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def made(*arguments: object) -> str:
    """What a verb prints."""
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def token(folder: Path, user: str, rooms: Mapping[str, Role] | None = None, *, ttl: float = 600) -> str:
    """A token for the lobby, or for other rooms."""
    issuer = Issuer(folder, AuthSettings())
    return issuer.issue(user, rooms or {"lobby": Role.WRITER}, now=time.time(), ttl=ttl).token


async def opened(socket: ClientConnection, doc: str, shown: str) -> Authenticated | Denied:
    """What a token is answered for a doc on /sync."""
    await say(socket, doc, Auth(shown))
    answer = await heard(socket, doc, Authenticated, Denied)
    assert isinstance(answer, Authenticated | Denied)
    return answer


async def heard(socket: ClientConnection, doc: str, *kinds: type[Message]) -> Message:
    """The next message about a doc on /sync that is one of these."""
    with anyio.fail_after(PATIENCE):
        while True:
            frame = DIALECT.decode(await socket.recv(decode=False))
            if frame is not None and frame.key == doc and isinstance(frame.message, kinds):
                return frame.message


async def say(socket: ClientConnection, doc: str, message: Message) -> None:
    """Send a message about a doc on /sync."""
    await socket.send(DIALECT.encode(doc, message) or b"")


async def answered(socket: ClientConnection) -> None:
    """Returns when the server has answered a Step 1 on /y: the doc is open."""
    await socket.send(YDIALECT.encode("", Step1(b"\x00")) or b"")
    with anyio.fail_after(PATIENCE):
        while True:
            frame = YDIALECT.decode(await socket.recv(decode=False))
            if frame is not None and isinstance(frame.message, Step2):
                return


async def refused(socket: ClientConnection) -> tuple[int, str]:
    """The code and the reason with which the server closes a socket."""
    with anyio.fail_after(PATIENCE), suppress(ConnectionClosed):
        while True:
            await socket.recv()
    return socket.close_code or 0, socket.close_reason or ""
