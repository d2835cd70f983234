"""Where an agent's words lead: to what an answer cites however far it is, and to what one has missed."""

from pathlib import Path

import anyio
import pytest
from textual.widgets import OptionList, Static

from syncchat.log import MemoryLog
from syncchat.peer import Peer
from syncchat.served import NotServed
from syncchat.testing.history import Past
from syncchat.testing.program import Daemon
from syncchat.testing.server import MemoryServer
from syncchat_tui.app import ChatApp
from syncchat_tui.catch_up_panel import CatchUpPanel
from syncchat_tui.catching_up import CatchUp
from tests.tui.looking import screen, until

pytestmark = pytest.mark.anyio

GONE = "0000000009.bob.00000000"


async def test_A6_H5_what_an_answer_cites_is_found_many_pages_up_and_the_answer_again() -> None:
    server = MemoryServer()
    ids = Past(server.store).pages(14, 20)
    cited = ids[3 * 20 + 7]
    async with server.running(), server.peer("bot") as bot, server.peer("ann", MemoryLog()) as ann:
        reply = (await bot.enter("lobby")).stream()
        reply.append("as said in [m1], and in [m2]")
        reply.finish(cites=[("m1", cited), ("m2", GONE)])
        app = ChatApp(await ann.enter("lobby"), ann, server=True)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(lambda: "↗ [m1] bob" in screen(app))
            await pilot.press("ctrl+g")
            await until(lambda: app.transcript.selected == cited)
            assert "3/7" in screen(app)
            assert "as said in" not in screen(app)
            await pilot.press("ctrl+g")
            await until(lambda: any("there no more" in note.message for note in app._notifications))
            await pilot.press("ctrl+g")
            await until(lambda: app.transcript.selected == reply.id)
            assert "as said in [m1]" in screen(app)


async def test_A26_a_daemon_tells_what_was_missed_and_enter_leads_there(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        async with Peer(user="bob", server=daemon.address) as bob:
            room = await bob.enter("lobby")
            first = room.post("the release is on friday")
            room.post("and there will be cake")
            with anyio.fail_after(30):
                await bob.settled()
        async with Peer(log=MemoryLog(), user="ann", server=daemon.address) as ann:
            catch_up = CatchUp(daemon.address, lambda: "ann")
            app = ChatApp(await ann.enter("lobby"), ann, server=True, catching_up=catch_up)
            async with app.run_test(size=(80, 24)) as pilot:
                await until(lambda: app.peer.status.online and "cake" in screen(app))
                await pilot.press(*"/catchup", "enter")
                await until(lambda: isinstance(app.screen, CatchUpPanel) and _points(app) > 0)
                assert "from 2 messages" in str(app.screen.query_one("#about", Static).content)
                await pilot.press("enter")
                await until(lambda: app.transcript.selected == first)


def _points(app: ChatApp) -> int:
    return app.screen.query_one(OptionList).option_count


async def test_A26_a_daemon_that_is_away_is_told_as_such() -> None:
    with pytest.raises(NotServed, match="daemon"):
        await CatchUp("ws://127.0.0.1:1", lambda: "ann").ask("lobby", None)
