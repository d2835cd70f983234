"""The fast link gives its frames away one by one, in order, and no further than it is told to."""

import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar

import anyio
import anyio.lowlevel
import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.datastructures import Headers

from syncchat.errors import LinkClosed, ProtocolError
from syncchat_server.app import RAW_SOCKET
from syncchat_server.raw_socket import RawLink, RawSocketProtocol
from tests.server.up import UpServer

PATIENCE = 30
FRAMES = [b"%d" % number for number in range(100)]

whose: ContextVar[str] = ContextVar("whose", default="nobody's")


def at_once(_take: Callable[[], None]) -> bool:
    """Nothing is gathered."""
    return False


def client_of(
    serve: Callable[[RawLink], Awaitable[None]],
) -> contextlib.AbstractAsyncContextManager[ClientConnection]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        whose.set("the app's")
        await serve(scope["extensions"][RAW_SOCKET]())

    return client_of_app(app)


@asynccontextmanager
async def client_of_app(app: ASGIApp) -> AsyncIterator[ClientConnection]:
    config = uvicorn.Config(app, ws=RawSocketProtocol, lifespan="off", log_config=None)
    with socket.create_server(("127.0.0.1", 0)) as listener, anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            server = UpServer(config)
            tasks.start_soon(server.serve, [listener])
            await server.up.wait()
            async with connect(f"ws://127.0.0.1:{listener.getsockname()[1]}/") as client:
                yield client
            server.should_exit = True


@pytest.mark.anyio
@pytest.mark.parametrize("each", [1, 7, 1000])
async def test_S4_frames_are_passed_on_in_their_order_and_kept_where_it_is_said_to_stop(each: int) -> None:
    heard: list[bytes] = []
    stops, contexts = [0], set()
    all_heard = anyio.Event()

    def take(frame: bytes) -> bool:
        heard.append(frame)
        contexts.add(whose.get())
        if len(heard) == len(FRAMES):
            all_heard.set()
        return len(heard) % each != 0

    async def serve(link: RawLink) -> None:
        with contextlib.suppress(LinkClosed):
            while len(heard) < len(FRAMES):
                await link.pass_on(take, at_once)
                before = len(heard)
                for _ in range(5):
                    await anyio.lowlevel.checkpoint()
                assert len(heard) == before, "nothing is given away while nobody asks for it"
                stops[0] += 1

    async with client_of(serve) as client:
        for frame in FRAMES:
            await client.send(frame)
        await all_heard.wait()
    assert heard == FRAMES
    assert stops == [len(FRAMES) // each]
    assert contexts == {"the app's"}


@pytest.mark.anyio
@pytest.mark.parametrize("frames", [[b"bad"], [b"good", b"bad", b"unheard"]])
async def test_S4_what_the_taking_of_a_frame_raises_is_raised_where_frames_are_waited_for(
    frames: list[bytes],
) -> None:
    heard: list[bytes] = []
    ended = anyio.Event()

    def take(frame: bytes) -> bool:
        heard.append(frame)
        if frame == b"bad":
            raise ProtocolError("bad")
        return True

    async def serve(link: RawLink) -> None:
        with pytest.raises(ProtocolError, match="bad"):
            await link.pass_on(take, at_once)
        ended.set()

    async with client_of(serve) as client:
        for frame in frames:
            await client.send(frame)
        await ended.wait()
    assert heard == frames[:2]


@pytest.mark.anyio
async def test_S4_a_text_frame_and_the_end_of_the_link_are_raised_there_too() -> None:
    raised: list[type[Exception]] = []
    ended = anyio.Event()

    async def serve(link: RawLink) -> None:
        for _ in range(2):
            try:
                await link.pass_on(lambda _: True, at_once)
            except (ProtocolError, LinkClosed) as error:
                raised.append(type(error))
        ended.set()

    async with client_of(serve) as client:
        await client.send(b"binary")
        await client.send("text")
        await client.close()
        await ended.wait()
    assert raised == [ProtocolError, LinkClosed]


@pytest.mark.anyio
async def test_S4_no_attribute_of_a_connection_needs_a_dict_and_nothing_of_its_handshake_is_kept() -> None:
    kept: list[object] = []
    ended = anyio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        offer = scope["extensions"][RAW_SOCKET]
        offer()
        protocol = offer.args[0]
        kept.extend([vars(protocol), scope, protocol.request.headers, protocol.response.headers])
        await protocol.writable.wait()
        ended.set()

    async with client_of_app(app):
        await ended.wait()
    assert kept == [{}, {}, Headers(), Headers()], "a name that uvicorn has added belongs into __slots__"


@pytest.mark.anyio
async def test_S4_S13_frames_that_are_gathered_are_given_away_in_order_and_no_further_than_told() -> None:
    heard: list[bytes] = []
    gathered: list[Callable[[], None]] = []
    stops, all_heard = [0], anyio.Event()

    def take(frame: bytes) -> bool:
        heard.append(frame)
        if len(heard) == len(FRAMES):
            all_heard.set()
        return len(heard) % 7 != 0

    def gather(give: Callable[[], None]) -> bool:
        gathered.append(give)
        return True

    async def serve(link: RawLink) -> None:
        with contextlib.suppress(LinkClosed):
            while len(heard) < len(FRAMES):
                await link.pass_on(take, gather)
                stops[0] += 1

    async def give_away() -> None:
        while len(heard) < len(FRAMES):
            await anyio.sleep(0.001)
            waiting = gathered[:]
            gathered.clear()
            assert len(waiting) <= 1, "what is gathered is asked for once"
            for give in waiting:
                give()

    async with client_of(serve) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(give_away)
        for frame in FRAMES:
            await client.send(frame)
        await all_heard.wait()
    assert heard == FRAMES
    assert stops == [len(FRAMES) // 7]


@pytest.mark.anyio
async def test_S4_S13_what_is_gathered_of_a_link_that_ends_is_heard_all_the_same() -> None:
    heard: list[bytes] = []
    ended = anyio.Event()

    def take(frame: bytes) -> bool:
        heard.append(frame)
        return True

    async def serve(link: RawLink) -> None:
        with pytest.raises(LinkClosed):
            await link.pass_on(take, lambda _: True)
        ended.set()

    async with client_of(serve) as client:
        for frame in FRAMES:
            await client.send(frame)
        await client.close()
        await ended.wait()
    assert heard == FRAMES


@pytest.mark.anyio
async def test_S4_a_frame_for_many_reaches_who_is_there_and_tells_who_has_not_taken_it() -> None:
    links: list[RawLink] = []
    changed = anyio.Event()

    async def serve(link: RawLink) -> None:
        nonlocal changed
        links.append(link)
        for _ in range(2):
            changed.set()
            with contextlib.suppress(LinkClosed):
                await link.pass_on(lambda _: True, at_once)

    async def until_another() -> None:
        nonlocal changed
        await changed.wait()
        changed = anyio.Event()

    async with client_of(serve) as first:
        await until_another()
        url = f"ws://127.0.0.1:{first.remote_address[1]}/"
        async with connect(url) as second:
            await until_another()
            async with connect(url):
                await until_another()
            await until_another()
            assert RawLink.send_to_each(links, b"x" * 300) == []
            assert [await first.recv(), await second.recv()] == [b"x" * 300] * 2
            backlogged = RawLink.send_to_each(links, bytes(50_000_000))
            assert backlogged == links[:2], "no socket takes as much at once"
            assert [link.backlog() > 0 for link in links] == [True, True, False]
            first.transport.abort()
            second.transport.abort()
