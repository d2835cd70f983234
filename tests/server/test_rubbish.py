"""Bytes no honest client sends: what sent them ends with a code, everybody else goes on."""

from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import quote

import anyio
import anyio.to_thread
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from syncchat.core.dialect import MAX_FRAME, HocuspocusDialect, YDialect
from syncchat.core.messages import (
    Auth,
    Authenticated,
    Close,
    Denied,
    Message,
    Stateless,
    Status,
    Step1,
    Update,
)
from syncchat.errors import CloseCode
from syncchat.testing.program import Daemon
from syncchat.testing.updates import item, number, text, update
from tests.server.honest import honest

HOCUSPOCUS = HocuspocusDialect()
PAGE = "lobby/0"

ZERO_LENGTH = update((7, 0, [item(4, text(""), parent="messages", key="x")]))
"""A struct that holds nothing: it makes yrs panic."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("rubbish") / "daemon", "--no-agent") as daemon:
        yield daemon


def say(key: str, message: Message) -> bytes:
    frame = HOCUSPOCUS.encode(key, message)
    assert frame is not None
    return frame


async def hear(socket: ClientConnection, kind: type[Message]) -> Message:
    """The next message of a kind; others are passed over."""
    while True:
        data = await socket.recv()
        assert isinstance(data, bytes)
        frame = HOCUSPOCUS.decode(data)
        if frame is not None and isinstance(frame.message, kind):
            return frame.message


async def closed_with(socket: ClientConnection) -> tuple[int, str]:
    """Read until the server closes the link; the code and the reason."""
    with suppress(ConnectionClosed):
        while True:
            await socket.recv()
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


async def opened(socket: ClientConnection, doc: str = PAGE) -> None:
    await socket.send(say(doc, Auth("mallory")))
    await hear(socket, Authenticated)
    await hear(socket, Stateless)  # the welcome


# Frames from which no doc can be told, or on a link that has one doc only: the link ends.

NO_DOC = {
    "empty": (b"", "end"),
    "truncated key": (b"\x20lob", "end"),
    "key that is no UTF-8": (b"\x02\xff\xfe\x00", "UTF-8"),
    "key of 2**60 characters": (b"\x80\x80\x80\x80\x80\x80\x80\x80\x10", "8 bytes"),
    "number without end": (b"\xff" * 40, ""),
    "a key over the limit": (text("x" * 301) + b"\x00\x00\x00", "300"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", NO_DOC)
async def test_S3_a_frame_without_a_doc_ends_the_link(served: Daemon, name: str) -> None:
    frame, cause = NO_DOC[name]
    async with honest(served), connect(f"{served.address}/sync") as socket:
        await socket.send(frame)
        code, reason = await closed_with(socket)
        assert code == CloseCode.BAD_FRAME
        assert reason
        assert cause in reason


Y_FRAMES = {
    "empty": b"",
    "one byte": b"\x00",
    "truncated update": b"\x00\x02\x7fabc",
    "unknown message": number(77) + b"\x01",
    "unknown sync message": b"\x00\x09\x00",
    "trailing bytes": b"\x00\x00\x01\x00\x99",
    "presence that is none": b"\x01\x03\xff\xff\xff",
    "state vector that is none": b"\x00\x00\x03\xff\xff\xff",
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", Y_FRAMES)
async def test_S3_a_bad_frame_ends_a_link_of_one_doc(served: Daemon, name: str) -> None:
    async with honest(served), connect(f"{served.address}/y/{PAGE}?user=mallory") as socket:
        await socket.send(Y_FRAMES[name])
        code, reason = await closed_with(socket)
        assert code == CloseCode.BAD_FRAME
        assert reason


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["sync", f"y/{PAGE}?user=mallory"])
async def test_S3_a_text_frame_ends_the_link(served: Daemon, path: str) -> None:
    async with honest(served), connect(f"{served.address}/{path}") as socket:
        await socket.send("hello")
        code, reason = await closed_with(socket)
        assert code == CloseCode.BAD_FRAME
        assert "text" in reason


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["sync", f"y/{PAGE}?user=mallory"])
async def test_S3_L2_an_oversized_frame_ends_the_link(served: Daemon, path: str) -> None:
    async with honest(served), connect(f"{served.address}/{path}") as socket:
        with suppress(ConnectionClosed):  # it hears that the frame is too long before it has sent it all
            await socket.send(b"\x00" * (MAX_FRAME + 1))
        code, reason = await closed_with(socket)
        assert code == CloseCode.TOO_BIG
        assert "frame_bytes" in reason


# Frames about a doc: its session ends, and the link and its other docs live on.

SESSION_FRAMES = {
    "unknown message": text(PAGE) + number(77),
    "unknown sync message": text(PAGE) + b"\x00\x09\x00",
    "truncated update": text(PAGE) + b"\x00\x02\x7fabc",
    "no message": text(PAGE),
    "presence that is none": text(PAGE) + b"\x01\x03\xff\xff\xff",
    "state vector that is none": text(PAGE) + b"\x00\x00\x03\xff\xff\xff",
    "what only a server says": say(PAGE, Status(True)),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", SESSION_FRAMES)
async def test_S3_a_bad_frame_about_a_doc_ends_its_session_and_no_other(served: Daemon, name: str) -> None:
    async with honest(served), connect(f"{served.address}/sync") as socket:
        await opened(socket, "todo")
        await opened(socket)
        await socket.send(SESSION_FRAMES[name])
        told = await hear(socket, Stateless)
        assert isinstance(told, Stateless)
        assert f'"code": {CloseCode.BAD_FRAME:d}' in told.payload
        closed = await hear(socket, Close)
        assert isinstance(closed, Close)
        assert closed.reason
        assert closed.reason in told.payload
        await socket.send(say("todo", Step1(b"\x00")))
        await hear(socket, Step1)


UPDATES = {
    "zero-length struct": ZERO_LENGTH,
    "truncated": ZERO_LENGTH[:-3],
    "not an update": b"\xff\xfe\xfd\xfc" * 10,
    "empty": b"",
    "2**50 structs": number(1) + number(1 << 50) + number(7) + number(0),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", UPDATES)
async def test_S3_G4_G8_a_bad_update_is_refused_with_its_rule_and_the_session_goes_on(
    served: Daemon, name: str
) -> None:
    async with honest(served), connect(f"{served.address}/sync") as socket:
        await opened(socket)
        await socket.send(say(PAGE, Update(UPDATES[name])))
        told = await hear(socket, Stateless)
        assert isinstance(told, Stateless)
        assert f'"code": {CloseCode.REFUSED:d}' in told.payload
        assert '"rule": "G' in told.payload
        assert await hear(socket, Status) == Status(False)
        await socket.send(say(PAGE, Step1(b"\x00")))
        await hear(socket, Step1)


@pytest.mark.anyio
async def test_S3_G4_a_bad_update_of_the_other_dialect_is_not_applied_and_its_link_stays(
    served: Daemon,
) -> None:
    dialect = YDialect(PAGE)
    async with honest(served) as both, connect(f"{served.address}/y/{PAGE}?user=mallory") as socket:
        for rubbish in UPDATES.values():
            await socket.send(dialect.encode(PAGE, Update(rubbish)) or b"")
            await both.go_on()
        await socket.send(dialect.encode(PAGE, Step1(b"\x00")) or b"")
        while True:
            data = await socket.recv()
            assert isinstance(data, bytes)
            frame = dialect.decode(data)
            if frame is not None and isinstance(frame.message, Step1):
                return


# Names

BAD_NAMES = {
    "up": "../x",
    "empty": "",
    "300 characters": "x" * 300,
    "41 characters": "x" * 41,
    "control characters": "a\x07\x1b[2Jb",
    "a line end": "lobby\n",
    "page 01": "lobby/01",
    "page -1": "lobby/-1",
    "no page": "lobby/",
    "path": "/etc/passwd",
    "SQL": "x'; DROP TABLE entries; --",
    "umlaut": "größe",
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", BAD_NAMES)
async def test_S3_G7_a_bad_doc_name_is_denied_and_the_link_lives_on(served: Daemon, name: str) -> None:
    async with honest(served), connect(f"{served.address}/sync") as socket:
        await socket.send(say(BAD_NAMES[name], Auth("mallory")))
        denied = await hear(socket, Denied)
        assert isinstance(denied, Denied)
        assert "doc name" in denied.reason
        assert "\x1b" not in denied.reason
        await opened(socket)


@pytest.mark.anyio
@pytest.mark.parametrize("name", BAD_NAMES)
async def test_S3_G7_a_bad_doc_name_in_the_address_closes_with_its_code(served: Daemon, name: str) -> None:
    address = f"{served.address}/y/{quote(BAD_NAMES[name], safe='')}?user=mallory"
    async with honest(served), connect(address) as socket:
        code, reason = await closed_with(socket)
        assert code == CloseCode.BAD_NAME
        assert "doc name" in reason


@pytest.mark.anyio
async def test_S3_U1_a_client_that_does_not_say_who_it_is_opens_nothing(served: Daemon) -> None:
    async with honest(served), connect(f"{served.address}/y/{PAGE}") as socket:
        code, reason = await closed_with(socket)
        assert code == CloseCode.UNAUTHENTICATED
        assert "user" in reason


@pytest.mark.anyio
async def test_S3_a_path_that_is_none_is_no_websocket(served: Daemon) -> None:
    async with honest(served):
        with pytest.raises(InvalidStatus, match=r"40[34]"):
            async with connect(f"{served.address}/other"):
                pass


# Nothing, next to nothing, and much of it


@pytest.mark.anyio
async def test_S3_who_says_nothing_or_one_byte_is_in_nobodys_way(served: Daemon) -> None:
    host, port = served.address.removeprefix("ws://").split(":")
    async with (
        honest(served) as both,
        connect(f"{served.address}/sync"),
        await anyio.connect_tcp(host, int(port)),
        await anyio.connect_tcp(host, int(port)) as one_byte,
        await anyio.connect_tcp(host, int(port)) as no_http,
    ):
        await one_byte.send(b"G")
        await no_http.send(b"\x00\xff\r\n\r\n")
        await both.go_on()


async def come_and_go(daemon: Daemon, halfway: bool) -> None:
    async with connect(f"{daemon.address}/sync") as socket:
        await socket.send(say(PAGE, Auth("mallory")))
        if halfway:
            socket.transport.abort()


@pytest.mark.anyio
async def test_S7_200_connections_opened_and_dropped(served: Daemon) -> None:
    async with honest(served) as both:
        for _ in range(10):
            async with anyio.create_task_group() as tasks:
                for number_ in range(20):
                    tasks.start_soon(come_and_go, served, number_ % 2 == 0)
            await both.go_on()
