"""What the screen tells of trust, on real peers and a real hub: refusals, roles, tokens and limits."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from syncchat.core.grant import Grant, Role
from syncchat.core.refusal import Refusal
from syncchat.errors import CloseCode
from syncchat.hub import Authorize, Denial, Hub, Limits
from syncchat.log import MemoryLog
from syncchat.peer import Peer
from syncchat_tui.app import ChatApp
from syncchat_tui.composer import READ_ONLY, WRITE, Composer
from syncchat_tui.refused import Refused, kept_text, panel
from tests.tui.looking import header, screen, until

pytestmark = pytest.mark.anyio

PAGE = "lobby/0"
ROLES = {"eve": Role.READER, "mod": Role.MODERATOR}


def believe(token: str, _doc: str = "") -> Grant:
    """A token is its bearer's name."""
    return Grant(token, ROLES.get(token, Role.WRITER))


@asynccontextmanager
async def serving(authorize: Authorize = believe, limits: Limits | None = None) -> AsyncIterator[Hub]:
    async with Hub(MemoryLog(), authorize=authorize, limits=limits) as hub:
        yield hub


def refused(app: ChatApp) -> str:
    widget = app.query_one(Refused)
    return str(widget.content) if widget.display else ""


def selected(app: ChatApp) -> str | None:
    return app.transcript.selected


async def forge(peer: Peer, key: str, text: str) -> None:
    (await peer.open(PAGE)).store.table("messages").set(key, {"text": text})


async def test_G14_what_was_refused_is_told_taken_back_and_dismissed() -> None:
    async with (
        serving() as hub,
        Peer(user="ann", connect=hub.connect) as ann,
        Peer(user="bob", connect=hub.connect) as bob,
    ):
        room, app = await ann.enter("lobby"), ChatApp(await bob.enter("lobby"), bob, server=True)
        mine = room.post("mine")
        async with app.run_test(size=(100, 30)) as pilot:
            await until(lambda: "mine" in screen(app))
            assert refused(app) == ""
            assert not {"f3", "f4"} & app.active_bindings.keys()
            await forge(bob, mine, "my long\nletter [b]\x1b")
            app.room.post("honest")
            await until(lambda: "my long" in refused(app))
            assert "✗ Refused: these rows belong to somebody else" in refused(app)
            assert "letter [b]␛" in refused(app)
            await until(lambda: "mine" in screen(app) and "honest" in screen(app))
            assert "my long" not in screen(app)
            await pilot.press("f3")
            assert app.query_one(Composer).text == "my long\nletter [b]\x1b"
            assert app.clipboard == "my long\nletter [b]\x1b"
            await pilot.press("f4")
            await until(lambda: refused(app) == "")
            assert bob.refusals == []
            assert not {"f3", "f4"} & app.active_bindings.keys()
            await pilot.press("enter")
            await until(lambda: len(room.timeline) == 3)


async def test_G14_what_was_refused_before_the_start_is_told_at_once() -> None:
    log = MemoryLog()
    async with serving() as hub, Peer(user="bob", connect=hub.connect, log=log) as bob:
        await bob.enter("lobby")
        await forge(bob, "no id", "forged")
        with anyio.fail_after(20):
            await bob.until(lambda: bool(bob.refusals))
        app = ChatApp(await bob.enter("lobby"), bob, server=True)
        async with app.run_test(size=(100, 30)):
            assert "forged" in refused(app)


async def test_G11_a_reader_is_told_that_it_cannot_write_and_sees_what_comes() -> None:
    async with (
        serving() as hub,
        Peer(user="ann", connect=hub.connect) as ann,
        Peer(user="eve", connect=hub.connect) as eve,
    ):
        room, app = await ann.enter("lobby"), ChatApp(await eve.enter("lobby"), eve, server=True)
        async with app.run_test(size=(100, 30)) as pilot:
            composer = app.query_one(Composer)
            await until(lambda: composer.read_only)
            assert composer.placeholder == READ_ONLY
            await pilot.press("h", "i", "ctrl+j", "enter")
            assert composer.text == ""
            assert len(room.timeline) == 0
            room.post("for all to read")
            await until(lambda: "for all to read" in screen(app))


async def test_G12_what_a_moderator_deleted_says_so() -> None:
    async with (
        serving() as hub,
        Peer(user="ann", connect=hub.connect) as ann,
        Peer(user="mod", connect=hub.connect) as mod,
    ):
        theirs, app = await mod.enter("lobby"), ChatApp(await ann.enter("lobby"), ann, server=True)
        async with app.run_test(size=(100, 30)):
            rude = app.room.post("rude")
            with anyio.fail_after(20):
                await mod.until(lambda: theirs.message(rude) is not None)
            theirs.delete(rude)
            await until(lambda: "deleted by mod" in screen(app))
            assert app.query_one(Composer).placeholder == WRITE
            assert "rude" not in screen(app)


async def test_G12_a_moderator_deletes_a_selected_message_of_another_and_a_writer_only_its_own() -> None:
    async with (
        serving() as hub,
        Peer(user="ann", connect=hub.connect) as ann,
        Peer(user="mod", connect=hub.connect) as mod,
    ):
        room, app = await ann.enter("lobby"), ChatApp(await mod.enter("lobby"), mod, server=True)
        first, _ = room.post("rude"), room.post("kind")
        await until(lambda: len(app.room.timeline) == 2)
        last = app.room.post("from the moderator")
        async with app.run_test(size=(100, 30)) as pilot:
            await until(lambda: "kind" in screen(app) and app.room.role is Role.MODERATOR)
            await pilot.press("f8")
            assert "f8" not in app.active_bindings
            await pilot.press("ctrl+up")
            assert selected(app) == last
            await pilot.press("ctrl+up", "ctrl+up", "ctrl+up")
            assert selected(app) == first
            await pilot.press("f8")
            await until(lambda: "deleted by mod" in screen(app) and room.timeline[0].deleted)
            assert "f8" not in app.active_bindings, "it is deleted"
            assert "kind" in screen(app)
            await pilot.press("escape")
            assert selected(app) is None
        app = ChatApp(room, ann, server=True)
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.press("ctrl+up")
            assert selected(app) == last
            assert "f8" not in app.active_bindings, "it is another's"
            await pilot.press("ctrl+up", "f8")
            assert [message.deleted for message in room.timeline] == [True, True, False]
            await pilot.press("ctrl+down", "ctrl+down")
            assert selected(app) is None


async def test_U3_an_expired_token_is_told_and_so_is_another_users() -> None:
    expires = time.time() + 0.5

    def authorize(token: str, _doc: str) -> Grant:
        if time.time() > expires:
            raise Denial("the token has expired: ask for another one", CloseCode.UNAUTHENTICATED)
        return Grant(token, Role.WRITER, expires=expires)

    async with (
        serving(authorize) as hub,
        Peer(user="ann", connect=hub.connect) as ann,
    ):
        app = ChatApp(await ann.enter("lobby"), ann, server=True)
        async with app.run_test(size=(160, 30)):
            await until(lambda: "expired" in header(app))
    async with serving() as hub, Peer(user="ann", token="bob", connect=hub.connect) as ann:
        app = ChatApp(await ann.enter("lobby"), ann, server=True)
        async with app.run_test(size=(160, 30)):
            await until(lambda: "knows the bearer of this token as 'bob'" in header(app))


async def test_L2_a_limit_is_told_by_its_name_and_when_it_is_tried_again() -> None:
    async with (
        serving(limits=Limits(links_per_user=1)) as hub,
        Peer(user="ann", connect=hub.connect) as first,
        Peer(user="ann", connect=hub.connect) as second,
    ):
        await first.enter("lobby")
        with anyio.fail_after(20):
            await first.settled()
        app = ChatApp(await second.enter("lobby"), second, server=True)
        async with app.run_test(size=(160, 30)):
            await until(lambda: "(links_per_user): try again in" in header(app))
            app.room.post("kept here until then")
            await until(lambda: "kept here" in screen(app))


def refusal(text: str = "text", root: str = "messages") -> Refusal:
    return Refusal("G1", "no", PAGE, (root, "key"), text, 0)


def test_G14_a_long_text_is_shown_in_part_and_taken_back_whole() -> None:
    long = refusal("x" * 1000 + "\n" * 10 + "end")
    assert len(str(panel([long]))) < 400
    assert str(panel([long])).endswith("…")
    assert kept_text(long).endswith("end")
    assert "(and 2 more)" in str(panel([refusal(), long, long]))


def test_G14_what_has_no_text_says_what_it_was() -> None:
    assert kept_text(refusal("1", root="reactions")) == ""
    assert "a change to reactions" in str(panel([refusal("1", root="reactions")]))
    assert "a change to messages" in str(panel([refusal("")]))
