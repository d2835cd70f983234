"""The app under an ASGI server that is not ours: what the two functions of ASGI are called with."""

from typing import Any

import anyio.lowlevel
import pytest

from syncchat.core.dialect import HocuspocusDialect
from syncchat.core.messages import Auth, Authenticated, Message, Status, Step1, Step2, Update
from syncchat.core.packing import UnpackingDialect
from syncchat.errors import CloseCode
from syncchat.hub import Hub
from syncchat.testing.client import HeldLog, Writer
from syncchat.testing.loop import run
from syncchat.testing.server import believe
from syncchat_server.app import make_app

DOC = "todo"
DIALECT = HocuspocusDialect()


class Socket:
    """A client's end of an ASGI websocket on /sync; `lost` makes the server's sends fail."""

    def __init__(self, query: bytes = b"") -> None:
        self._query = query
        self._tell, self._told = anyio.create_memory_object_stream[dict[str, Any]](100)
        self.events: list[dict[str, Any]] = []
        self.lost = False
        self._tell.send_nowait({"type": "websocket.connect"})

    async def serve(self, hub: Hub) -> None:
        scope = {"type": "websocket", "path": "/sync", "headers": [], "query_string": self._query}
        with self._tell, self._told:
            await make_app(hub)(scope, self._told.receive, self._send)

    def tell(self, **event: object) -> None:
        self._tell.send_nowait(event)

    def say(self, *messages: Message) -> None:
        for message in messages:
            self.tell(type="websocket.receive", bytes=DIALECT.encode(DOC, message))

    def heard(self) -> list[Message]:
        frames = [
            DIALECT.decode(event["bytes"]) for event in self.events if event["type"] == "websocket.send"
        ]
        return [frame.message for frame in frames if frame is not None]

    async def _send(self, event: Any) -> None:
        await anyio.lowlevel.checkpoint()
        if self.lost:
            raise OSError("the connection was lost")
        self.events.append(event)


def test_S7_S10_an_offer_is_answered_in_order_and_the_goodbye_comes_last() -> None:
    async def main() -> None:
        socket = Socket()
        async with anyio.create_task_group() as tasks:
            async with Hub(HeldLog(), authorize=believe) as hub:
                tasks.start_soon(socket.serve, hub)
                socket.say(
                    Auth("ann"), Step1(b"\x00"), Step2(b"\x00\x00"), Update(Writer().write("milk", "x"))
                )
                await anyio.sleep(1)
            await anyio.wait_all_tasks_blocked()
        kinds = [type(message) for message in socket.heard()]
        assert kinds[0] is Authenticated
        assert [kind for kind in kinds if kind is Status] == [Status, Status]
        last = socket.events[-1]
        assert (last["type"], last["code"]) == ("websocket.close", CloseCode.RESTART)

    run(main)


def test_S3_a_text_frame_ends_the_link_with_its_code() -> None:
    async def main() -> None:
        socket = Socket()
        async with Hub(HeldLog(), authorize=believe) as hub:
            socket.tell(type="websocket.receive", text="hello")
            await socket.serve(hub)
        assert (socket.events[-1]["type"], socket.events[-1]["code"]) == (
            "websocket.close",
            CloseCode.BAD_FRAME,
        )

    run(main)


@pytest.mark.parametrize("how", ["told", "found out"])
def test_S7_a_client_that_is_gone_is_served_no_longer(how: str) -> None:
    async def main() -> None:
        socket = Socket()
        async with (
            Hub(HeldLog(), authorize=believe) as hub,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(socket.serve, hub)
            socket.say(Auth("ann"), Step1(b"\x00"))
            await anyio.sleep(1)
            assert hub.occupants() == {DOC: {"ann"}}
            socket.lost = True
            if how == "told":
                socket.tell(type="websocket.disconnect", code=1001)
            else:
                socket.say(Step1(b"\x00"))
                await anyio.sleep(1)
                socket.tell(type="websocket.disconnect", code=1006)
            await anyio.sleep(1)
            assert hub.occupants() == {DOC: set()}
        assert all(event["type"] != "websocket.close" for event in socket.events)

    run(main)


@pytest.mark.parametrize("query", [b"", b"pack=zlib", b"x=y&pack=zlib", b"pack=brotli", b"unpack=zlib"])
def test_S14_large_updates_come_packed_to_who_asked_for_it_and_to_nobody_else(query: bytes) -> None:
    async def main() -> None:
        writer, other = Socket(), Socket(query)
        async with Hub(HeldLog(), authorize=believe) as hub, anyio.create_task_group() as tasks:
            tasks.start_soon(writer.serve, hub)
            writer.say(Auth("ann"), Step1(b"\x00"), Step2(b"\x00\x00"))
            anns = Writer()
            writer.say(Update(anns.write("milk", "x" * 5000)))
            await anyio.sleep(1)
            tasks.start_soon(other.serve, hub)
            other.say(Auth("bob"), Step1(b"\x00"), Step2(b"\x00\x00"))
            await anyio.sleep(1)
            writer.say(Update(anns.write("eggs", "y" * 5000)))
            await anyio.sleep(1)
            tasks.cancel_scope.cancel()
        frames = [event["bytes"] for event in other.events if event["type"] == "websocket.send"]
        packs = b"pack=zlib" in query.split(b"&")
        assert sum(len(frame) > 5000 for frame in frames) == (0 if packs else 2)
        bobs = Writer()
        for frame in map(UnpackingDialect().decode, frames):
            if frame is not None and isinstance(frame.message, Step2 | Update):
                bobs.take(frame.message.update)
        assert bobs.rows() == anns.rows()

    run(main)
