"""What a hub refuses, what ends a session or a link, and what is told of it to whom."""

from collections.abc import Callable

import anyio
import pytest

from syncchat.core.dialect import MAX_FRAME, YDialect
from syncchat.core.ids import format_id
from syncchat.core.messages import (
    Close,
    Denied,
    Message,
    QueryAwareness,
    Status,
    Step1,
    Step2,
    Update,
)
from syncchat.errors import CloseCode, LinkClosed
from syncchat.link.memory import memory_pipe
from syncchat.log import MemoryStore
from syncchat.testing.client import HeldLog, RawClient, Writer, hello, present, statuses, told, updates
from syncchat.testing.loop import run
from syncchat.testing.server import make_hub

DOC = "todo"
PAGE = "lobby/0"


def _others(writer: Writer) -> bytes:
    return writer.write(format_id(1, "bob", 1), "not mine")


def _unknown_root(_: Writer) -> bytes:
    return Writer("nonsense").write("k", "v")


def _no_key(writer: Writer) -> bytes:
    return writer.write("no id", "v")


@pytest.mark.parametrize(
    ("make", "rule"), [(_others, "G1"), (_no_key, "G1"), (_unknown_root, "G2"), (None, "G4")]
)
def test_G1_G2_G4_G8_S10_what_is_refused_is_told_to_its_sender_alone(
    make: Callable[[Writer], bytes] | None, rule: str
) -> None:
    async def main() -> None:
        store = MemoryStore()
        async with make_hub(HeldLog(store)) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = RawClient(one, "ann"), RawClient(two, "bob")
            await ann.enter(PAGE)
            await bob.enter(PAGE)
            ann.say(PAGE, Update(b"\x01\x02\x03" if make is None else make(Writer())))
            heard = await ann.said(PAGE)
            assert statuses(heard) == [False]
            [why] = told(heard)
            assert (why["syncchat"], why["code"], why["rule"]) == ("closed", CloseCode.REFUSED, rule)
            assert (why["rows"] == []) == (make is None)
            assert await bob.said(PAGE) == []
            assert store.rows(PAGE) == []
            honest = Writer().write(format_id(1, "ann", 1), {"text": "mine"})
            ann.say(PAGE, Update(honest))
            assert statuses(await ann.said(PAGE)) == [True]
            assert len(updates(await bob.said(PAGE))) == 1

    run(main)


def test_G3_a_cover_is_only_read() -> None:
    async def main() -> None:
        async with make_hub() as hub, hub.connect() as one:
            ann = RawClient(one, "ann")
            await ann.enter("lobby/cover")
            ann.say("lobby/cover", Update(Writer("about").write("title", "mine")))
            heard = await ann.said("lobby/cover")
            assert statuses(heard) == [False]
            assert told(heard)[0]["rule"] == "G3"

    run(main)


def test_S5_an_update_with_a_gap_is_asked_for_and_acknowledged_when_it_is_filled() -> None:
    async def main() -> None:
        async with make_hub() as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = RawClient(one, "ann"), RawClient(two, "bob")
            writer, _ = await ann.enter(DOC), await bob.enter(DOC)
            writer.write("lost", "v")
            ann.say(DOC, Update(writer.write("k", "v")))
            heard = await ann.said(DOC)
            assert statuses(heard) == []
            [asked] = [message for message in heard if isinstance(message, Step1)]
            assert await bob.said(DOC) == []
            ann.say(DOC, Step2(writer.doc.get_update(asked.state)))
            assert statuses(await ann.said(DOC)) == [True, True]
            assert len(updates(await bob.said(DOC))) == 1

    run(main)


@pytest.mark.parametrize("name", ["../x", "", "x" * 41, "lobby/01", "lobby/x", "a\n", "a b", "Zoë"])
def test_G7_a_name_that_cannot_be_is_denied_and_leaves_the_link_alone(name: str) -> None:
    async def main() -> None:
        store = MemoryStore()
        async with make_hub(HeldLog(store)) as hub, hub.connect() as one:
            ann = RawClient(one, "ann")
            writer = await ann.enter(DOC)
            ann.ask(name)
            [denied] = await ann.said(name)
            assert isinstance(denied, Denied)
            assert "is not allowed" in denied.reason
            ann.say(DOC, Update(writer.write("k", "v")))
            assert statuses(await ann.said(DOC)) == [True]
            assert set(store.docs()) == {DOC, f"{DOC}#owners"}

    run(main)


def test_G7_a_denied_user_hears_why_and_may_try_another_token() -> None:
    async def main() -> None:
        async with make_hub() as hub, hub.connect() as one:
            client = RawClient(one, "mallory")
            client.ask(DOC)
            assert await client.said(DOC) == [Denied("not you")]
            client.user = "ann"
            await client.enter(DOC)
            assert hub.occupants() == {DOC: {"ann"}}

    run(main)


@pytest.mark.parametrize(
    "bad",
    [
        b"\x04todo\x00\x02\xff",
        b"\x04todo\x0b",
        b"\x04todo\x01\x03abc",  # no awareness update
        b"\x04todo\x00\x00\x02\xff\xff",  # no state vector
        b"\x04todo\x08\x01",  # a status is for the hub to say
    ],
)
def test_S3_S7_P3_a_bad_frame_ends_the_session_of_its_doc_and_nothing_else(bad: bytes) -> None:
    async def main() -> None:
        async with make_hub() as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = RawClient(one, "ann"), RawClient(two, "bob")
            writer = await ann.enter("other")
            for client in (ann, bob):
                await client.enter(DOC)
            ann.say(DOC, hello(7))
            assert present(await bob.said(DOC)) == {7: {"n": 7, "user": "ann"}}
            await ann.heard()
            ann.link.send(bad)
            heard = await ann.said(DOC)
            assert isinstance(heard[-1], Close)
            assert told(heard)[-1]["code"] == CloseCode.BAD_FRAME
            assert present(await bob.said(DOC)) == {7: None}
            ann.say("other", Update(writer.write("k", "v")))
            assert statuses(await ann.said("other")) == [True]
            assert hub.occupants() == {"other": {"ann"}, DOC: {"bob"}}
            await ann.enter(DOC)

    run(main)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"", CloseCode.BAD_FRAME),
        (b"\xff\xff\xff", CloseCode.BAD_FRAME),
        (b"\x05never\x0b", CloseCode.BAD_FRAME),
        (b"\x00" * (MAX_FRAME + 1), CloseCode.TOO_BIG),
    ],
)
def test_S3_S7_a_frame_about_no_open_doc_ends_its_link_and_no_other(bad: bytes, code: int) -> None:
    async def main() -> None:
        async with make_hub() as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = RawClient(one, "ann"), RawClient(two, "bob")
            writer, _ = await bob.enter(DOC), await ann.enter(DOC)
            ann.link.send(bad)
            with pytest.raises(LinkClosed) as closed:
                await ann.heard()
            assert closed.value.code == code
            bob.say(DOC, Update(writer.write("k", "v")))
            assert statuses(await bob.said(DOC)) == [True]
            assert hub.occupants() == {DOC: {"bob"}}

    run(main)


def test_S7_at_the_limit_of_docs_the_next_is_denied_and_the_others_go_on() -> None:
    async def main() -> None:
        async with make_hub(docs_per_link=2) as hub, hub.connect() as one:
            ann = RawClient(one, "ann")
            first, _ = await ann.enter("first"), await ann.enter("second")
            ann.ask("third")
            [denied] = await ann.said("third")
            assert isinstance(denied, Denied)
            ann.say("first", Update(first.write("k", "v")))
            assert statuses(await ann.said("first")) == [True]
            ann.say("second", Close(""))
            await anyio.sleep(1)
            await ann.enter("third")

    run(main)


def test_P1_P2_P3_presence_over_a_hub() -> None:
    async def main() -> None:
        async with make_hub() as hub, hub.connect() as one, hub.connect() as two, hub.connect() as three:
            ann, bob, late = RawClient(one, "ann"), RawClient(two, "bob"), RawClient(three, "late")
            await ann.enter(DOC)
            await bob.enter(DOC)
            ann.say(DOC, hello(1))
            bob.say(DOC, hello(1, 99, {"forged": True}), hello(2))
            both = {1: {"n": 1, "user": "ann"}, 2: {"n": 2, "user": "bob"}}
            assert present(await ann.said(DOC)) == both
            late.ask(DOC)
            assert present(await late.said(DOC)) == both
            late.say(DOC, QueryAwareness())
            assert present(await late.said(DOC)) == both
            await bob.link.aclose()
            for client in (ann, late):
                assert present(await client.said(DOC)) == {2: None}

    run(main)


def test_S11_y_websocket_gets_no_status_and_its_token_opens_its_one_doc() -> None:
    async def main() -> None:
        here, there = memory_pipe()
        dialect = YDialect(PAGE)

        async def said() -> list[Message]:
            frames: list[Message] = []
            with anyio.move_on_after(0.001):
                while frame := dialect.decode(await here.receive()):
                    frames.append(frame.message)
            return frames

        async with make_hub() as hub, anyio.create_task_group() as tasks:
            tasks.start_soon(hub.serve, there, YDialect(PAGE), "ann", PAGE)
            here.send(dialect.encode(PAGE, Step1(b"\x00")) or b"")
            assert [type(message) for message in await said()] == [Step2, Step1]
            written = Writer().write(format_id(1, "ann", 1), {"text": "x"})
            here.send(dialect.encode(PAGE, Update(written)) or b"")
            assert [m for m in await said() if isinstance(m, Status)] == []
            assert hub.occupants()[PAGE] == {"ann"}
            here.send(b"\xff")
            with pytest.raises(LinkClosed) as closed:
                await here.receive()
            assert closed.value.code == CloseCode.BAD_FRAME

    run(main)


def test_S7_links_are_pinged_and_answer_pings() -> None:
    async def main() -> None:
        async with make_hub(ping_seconds=15) as hub, hub.connect() as link:
            link.send(b"\x09")
            assert await link.receive() == b"\x0a"
            assert await link.receive() == b"\x09"
            assert anyio.current_time() == pytest.approx(15)

    run(main)
