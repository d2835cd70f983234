"""From a question in a room to its cost in the notebook, and to whoever is told of it, over kill -9."""

from pathlib import Path

import anyio
import pytest

from syncchat.paged_room import PagedRoom
from syncchat.peer import Peer
from syncchat.testing.program import PATIENCE, Daemon
from tests.server.letting import made
from tests.server.test_api import Api

SETTINGS = """
[budget]
calls_per_user = 1

[prices]
currency = "EUR"
"""


async def answered(ada: Peer, room: PagedRoom, question: str) -> str:
    """Post a question when the agent is there; returns its id when it is answered."""
    await ada.until(lambda: any(person.state.get("agent") for person in room.people))
    id = room.post(question)
    await ada.until(lambda: any(m.agent and not m.streaming and m.re == id for m in room.timeline))
    return id


@pytest.mark.anyio
async def test_A22_A23_what_an_answer_cost_and_why_it_was_given_is_told_over_kill_9(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(SETTINGS)
    with Daemon(tmp_path / "daemon", "--config", str(settings)) as daemon, anyio.fail_after(3 * PATIENCE):
        api = Api(daemon)
        async with Peer(user="ada", server=daemon.address) as ada:
            room = await ada.enter("lobby")
            asked = await answered(ada, room, "@agent what is 6*7?")
            [spent] = api.get("/api/v1/usage").json()["spent"]
            assert (spent["agent"], spent["user"], spent["room"]) == ("agent", "ada", "lobby")
            assert (spent["model"], spent["calls"], spent["money"]) == ("built-in", 1, "0")
            await anyio.to_thread.run_sync(daemon.restart)
            assert api.get("/api/v1/usage").json()["spent"] == [spent]
            [why] = api.get(f"/api/v1/rooms/lobby/why/{asked}").json()["decisions"]
            assert (why["agent"], why["decision"]) == ("agent", "speak")
            assert why["cost"]["calls"] == 1
            ada.go_online()
            await ada.until(lambda: ada.status.online)
            room.ask("why", asked)
            room.ask("usage")
            await ada.until(lambda: any(room.asked("because")) and any(room.asked("spent")))
            [because], [told] = room.asked("because"), room.asked("spent")
            assert (because.what, because.user, because.value["rule"]) == (asked, "agent", why["rule"])
            assert (told.value["mine"]["calls"], told.value["limit"]) == (1, "calls_per_user")
            assert told.value["currency"] == "EUR"
            assert "built-in" in made("usage", "--server", daemon.address, "--name", "ada")
            refused = room.message(await answered(ada, room, "@agent and 6*8?"))
            [notice] = [m for m in room.timeline if refused is not None and m.re == refused.id]
            assert (notice.text, notice.state) == ("", "error")
            assert "calls_per_user" in (notice.problem or "")
            assert api.get("/api/v1/usage").json()["spent"] == [spent]
