"""Several agents in one daemon: each where it belongs, under its own name, summoned and sent away (A24)."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import anyio
import pytest

from syncchat.agent import BuiltinModel
from syncchat.agent.notebook import Notebook
from syncchat.agent.persona import Persona
from syncchat.agent.resident import Part
from syncchat.core.grant import Claims, Grant, Role
from syncchat.core.ids import parse_doc
from syncchat.core.people import Person
from syncchat.errors import LogFailed
from syncchat.hub import Hub
from syncchat.log import Log, MemoryLog
from syncchat.paged_room import PagedRoom
from syncchat.peer import Peer
from syncchat.testing.agent_world import VIRTUAL
from syncchat.wakeup import Wakeup
from syncchat_server import guest
from syncchat_server.agents import AgentHost, Cast
from syncchat_server.api import Rooms
from syncchat_server.books import Books
from syncchat_server.guest import MAX_VISITS, Guest
from syncchat_server.stays import LOOKOUT

pytestmark = pytest.mark.anyio
PATIENCE = 30

LIBRARIAN = Persona("librarian", "The librarian", rooms=("lobby",))
COOK = Persona("cook", "Cook", rooms=("kitchen",), summon="moderators")
HERMIT = Persona("hermit", "Hermit", rooms=(), summon="nobody")


def authorize(token: str, _doc: str) -> Grant:
    return Grant(token, Role.MODERATOR if token == "mod" else Role.WRITER)


class House:
    """A hub with agents; people come in by name."""

    def __init__(self, hub: Hub, log: Log, books: Books) -> None:
        self.hub = hub
        self.log = log
        self.books = books

    @asynccontextmanager
    async def guest(self, user: str, room: str = "lobby") -> AsyncIterator["Visitor"]:
        claims = Claims(user, (("*", authorize(user, "").role),))
        async with Peer(user=user, connect=lambda doc: self.hub.connect(doc, grant=claims)) as peer:
            yield Visitor(peer, await peer.enter(room))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when the condition holds, which is asked whenever somebody comes or goes."""
        stir = Wakeup()
        subscription = self.hub.turns.listen(lambda _: stir.call())
        try:
            with anyio.fail_after(PATIENCE):
                while not condition():
                    await stir.sleep()
        finally:
            subscription.cancel()


class Visitor:
    """Somebody in a room."""

    def __init__(self, peer: Peer, room: PagedRoom) -> None:
        self.peer = peer
        self.room = room

    @property
    def agents(self) -> dict[str, str]:
        """The agents that are shown, and their names."""
        return {p.user: p.name for p in self.room.people if p.state.get("agent") is True}

    async def until(self, condition: Callable[[], object]) -> None:
        with anyio.fail_after(PATIENCE):
            await self.peer.until(lambda: bool(condition()))

    async def sees(self, *agents: str) -> None:
        await self.until(lambda: set(self.agents) == set(agents))

    async def asks(self, verb: str, agent: str) -> None:
        self.room.ask(verb, None, {"agent": agent})
        with anyio.fail_after(PATIENCE):
            await self.peer.settled()


@asynccontextmanager
async def house(*personas: Persona, folder: Path | None = None) -> AsyncIterator[House]:
    books = Books()
    parts = [Part(persona, BuiltinModel(pace=0), BuiltinModel(pace=0)) for persona in personas]
    log = MemoryLog()
    async with Hub(log, authorize=authorize) as hub, anyio.create_task_group() as tasks:
        tasks.start_soon(AgentHost(hub, Cast(parts, books), folder=folder).run)
        yield House(hub, log, books)
        tasks.cancel_scope.cancel()


async def test_A24_each_agent_is_where_its_persona_says_and_answers_under_its_own_user() -> None:
    async with (
        house(LIBRARIAN, COOK, HERMIT) as home,
        home.guest("ann") as ann,
        home.guest("bob", "kitchen") as bob,
    ):
        await ann.sees("librarian")
        await bob.sees("cook")
        assert ann.agents == {"librarian": "The librarian"}
        id = ann.room.post("@librarian what is 6*7?")
        await ann.until(lambda: any(m.re == id and not m.streaming for m in ann.room.timeline))
        (answer,) = (message for message in ann.room.timeline if message.re == id)
        assert (answer.user, answer.agent) == ("librarian", True)


async def test_A24_a_member_summons_it_where_it_is_not_and_sends_it_away() -> None:
    async with house(LIBRARIAN) as home, home.guest("bob", "kitchen") as bob:
        await bob.asks("summon", "librarian")
        await bob.sees("librarian")
        await bob.asks("dismiss", "librarian")
        await bob.sees()
        await bob.asks("summon", "librarian")
        await bob.sees("librarian")


async def test_A24_sent_away_it_stays_away_over_restarts_until_it_is_summoned(tmp_path: Path) -> None:
    async with house(LIBRARIAN, folder=tmp_path) as home, home.guest("ann") as ann:
        await ann.sees("librarian")
        await ann.asks("dismiss", "librarian")
        await ann.sees()
    always = Persona("always", "Always")
    async with house(LIBRARIAN, always, folder=tmp_path) as home, home.guest("ann") as ann:
        await ann.sees("always")
        await ann.asks("summon", "librarian")
        await ann.sees("always", "librarian")
    assert sorted(name for name in os.listdir(tmp_path) if name.endswith(".sqlite")) == [
        "always.sqlite",
        "librarian.sqlite",
    ]


async def test_A24_one_that_moderators_summon_heeds_nobody_else() -> None:
    async with (
        house(COOK, LIBRARIAN) as home,
        home.guest("ann") as ann,
        home.guest("mod") as mod,
    ):
        await ann.sees("librarian")
        await ann.asks("summon", "cook")
        await ann.asks("dismiss", "librarian")
        await ann.sees()
        await mod.asks("summon", "cook")
        await ann.sees("cook")
        await ann.asks("dismiss", "cook")
        await ann.asks("summon", "librarian")
        await ann.sees("cook", "librarian")
        await mod.asks("dismiss", "cook")
        await ann.sees("librarian")


async def test_A24_one_that_nobody_summons_does_not_come() -> None:
    async with house(HERMIT, LIBRARIAN) as home, home.guest("mod", "kitchen") as mod:
        await mod.asks("summon", "hermit")
        await mod.asks("summon", "librarian")
        await mod.sees("librarian")


async def test_A24_who_looks_out_for_a_summons_is_shown_to_nobody() -> None:
    async with house(LIBRARIAN) as home, home.guest("bob", "kitchen") as bob:
        await bob.until(lambda: LOOKOUT in home.hub.occupants().get("kitchen/cover", ()))
        assert Rooms(home.hub, home.log).people() == {"kitchen": {"bob"}}
        await bob.asks("summon", "librarian")
        await bob.sees("librarian")
        assert {person.user for person in bob.room.people} == {"bob", "librarian"}
        await home.until(lambda: LOOKOUT not in home.hub.occupants()["kitchen/cover"])


async def test_A24_agents_keep_each_other_in_no_room() -> None:
    always, ever = Persona("always", "Always"), Persona("ever", "Ever")
    async with house(always, ever) as home:
        async with home.guest("ann") as ann:
            await ann.sees("always", "ever")
        await home.until(lambda: not any(home.hub.occupants().values()))


async def test_A24_an_agent_whose_notebook_is_damaged_is_told_and_the_others_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cook.sqlite").write_bytes(b"no notebook at all" * 100)
    always = Persona("always", "Always")
    async with house(COOK, always, folder=tmp_path) as home, home.guest("ann", "kitchen") as ann:
        await ann.sees("always")
        assert home.books.notebook("cook") is None
        assert home.books.notebook("always") is not None
    assert "the agent cook cannot run" in caplog.text


async def test_A24_one_with_tools_that_cannot_be_had_is_told_and_the_others_run(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from syncchat.agent.persona import McpServer
    from syncchat.agent.tools import mcp_source

    monkeypatch.setattr(mcp_source, "find_spec", lambda _: None)
    broken = Persona("broken", "Broken", mcp={"x": McpServer(("x",))})
    always = Persona("always", "Always")
    async with house(broken, always) as home, home.guest("ann") as ann:
        await ann.sees("always")
    assert "the agent broken cannot run: tools of MCP servers need the mcp extra: pip install" in caplog.text


async def test_A27_an_agent_is_tuned_in_one_room_for_all_who_are_there_and_as_its_file_says_elsewhere(
    tmp_path: Path,
) -> None:
    def sees(guest: Visitor, grace: float) -> Callable[[], bool]:
        return lambda: any(_grace_of(person) == grace for person in guest.room.people)

    persona = replace(LIBRARIAN, rooms=("*",), tuned={"team-*": {"grace": 300.0}})
    for before, grace in ((120, 7), (7, 9)):
        async with (
            house(persona, folder=tmp_path) as home,
            home.guest("ann") as ann,
            home.guest("bob") as bob,
            home.guest("cyd", "team-a") as cyd,
        ):
            await ann.until(sees(ann, before))
            ann.room.ask("tune", value={"grace": grace})
            await ann.until(sees(ann, grace))
            await bob.until(sees(bob, grace))
            await cyd.until(sees(cyd, 300))


def _grace_of(person: Person) -> object:
    manners = person.state.get("manners")
    return manners.get("grace") if isinstance(manners, dict) else None


async def test_A19_rooms_that_a_killed_process_had_come_into_are_looked_at_a_few_at_a_time(
    tmp_path: Path,
) -> None:
    rooms = [f"room{number}" for number in range(5 * MAX_VISITS)]
    async with Notebook.open(tmp_path / "librarian.sqlite") as notebook:
        for room in rooms:
            await notebook.come(room)
    seen: set[str] = set()
    most = 0
    anywhere = Persona("librarian", "The librarian")
    async with house(anywhere, folder=tmp_path) as home:

        def are_all_looked_at() -> bool:
            nonlocal most
            now = {parse_doc(doc).room for doc, users in home.hub.occupants().items() if users}
            seen.update(now)
            most = max(most, len(now))
            return seen == set(rooms) and not now

        await home.until(are_all_looked_at)
    assert most <= 2 * MAX_VISITS, "those that are looked at, and those that are being left"
    async with Notebook.open(tmp_path / "librarian.sqlite") as notebook:
        assert await notebook.stayed() == []


async def test_A24_an_agent_that_could_not_run_comes_by_itself_when_that_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guest, "FIRST_PAUSE", 0.05)
    file = tmp_path / "cook.sqlite"
    file.write_bytes(b"no notebook at all" * 100)
    always = Persona("always", "Always")
    async with house(COOK, always, folder=tmp_path) as home, home.guest("ann", "kitchen") as ann:
        await ann.sees("always")
        async with home.guest("bob", "kitchen") as bob:
            id = bob.room.post("@cook what is 6*7?")
            with anyio.fail_after(PATIENCE):
                await bob.peer.settled()
        file.unlink()
        await ann.sees("always", "cook")
        assert home.books.notebook("cook") is not None
        await ann.until(lambda: any(m.re == id and not m.streaming for m in ann.room.timeline))


async def test_A24_who_asked_while_it_could_not_run_and_has_left_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guest, "FIRST_PAUSE", 0.05)
    file = tmp_path / "cook.sqlite"
    file.write_bytes(b"no notebook at all" * 100)
    async with house(COOK, folder=tmp_path) as home:
        async with home.guest("bob", "kitchen") as bob:
            bob.room.post("@cook what is 6*7?")
            with anyio.fail_after(PATIENCE):
                await bob.peer.settled()
        file.unlink()
        await home.until(lambda: "cook" in home.hub.occupants().get("kitchen/cover", ()))
        await home.until(lambda: not any(home.hub.occupants().values()))
        async with home.guest("mod", "kitchen") as mod:
            await mod.until(lambda: len(mod.room.timeline) == 2)
            assert "= 42" in mod.room.timeline[-1].text
            assert not mod.room.timeline[-1].streaming


@pytest.mark.parametrize("anyio_backend", [VIRTUAL])
async def test_A24_an_agent_that_cannot_run_is_tried_ever_later_and_its_cause_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tries: list[float] = []

    @asynccontextmanager
    async def notebook() -> AsyncIterator[Notebook]:
        tries.append(anyio.current_time())
        if tries:
            raise LogFailed("the disk is full: make room on it")
        async with Notebook.open(None) as opened:
            yield opened

    part = Part(COOK, BuiltinModel(), BuiltinModel())
    cook = Guest(
        part,
        notebook=notebook,
        peer=lambda: Peer(user="cook"),
        history=lambda: None,
        known=[],
        changed=lambda: None,
    )
    with anyio.move_on_after(3600):
        await cook.live()
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert pauses[:3] == pytest.approx([1, 2, 4])
    assert max(pauses) == pytest.approx(guest.LAST_PAUSE)
    assert caplog.text.count("the agent cook cannot run: the disk is full: make room on it") == 1
