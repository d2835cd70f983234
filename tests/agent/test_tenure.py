"""Tenure: one process of an agent at a time, whatever becomes of them and of the network (A9)."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import anyio
import pytest

from syncchat import Room
from syncchat.agent.claims import Claims
from syncchat.agent.notebook import Notebook
from syncchat.agent.tenure import FENCE, PATIENCE, Tenure
from syncchat.core.people import people
from syncchat.peer import Peer
from syncchat.testing.agent_world import World
from syncchat.testing.loop import run
from syncchat.testing.server import MemoryServer


class Process:
    """A process of the agent: it seeks the place until it is killed; `at_work` while it has it."""

    def __init__(self, peer: Peer, room: Room, notebook: Notebook, name: str) -> None:
        self.peer = peer
        self.room = room
        self.notebook = notebook
        self.tenure = Tenure(room, notebook, name)
        self.fences: list[int] = []
        self.at_work = False
        self.life = anyio.CancelScope()

    async def run(self) -> None:
        with self.life, self.tenure.seeking():
            while True:
                self.fences.append(await self.tenure.begin())
                with self._working():
                    await self.tenure.lost()

    @contextmanager
    def _working(self) -> Iterator[None]:
        self.at_work = True
        try:
            yield
        finally:
            self.at_work = False


def play(act: Callable[[MemoryServer, Process, Process], Awaitable[None]], names: str = "ab") -> None:
    """Two processes at one server, the second a while after the first."""

    async def main() -> None:
        server = MemoryServer()
        async with (
            server.running(),
            Notebook.open(None) as mine,
            Notebook.open(None) as yours,
            server.peer("bot") as here,
            server.peer("bot") as there,
            anyio.create_task_group() as tasks,
        ):
            one = Process(here, await here.enter("lobby"), mine, names[0])
            two = Process(there, await there.enter("lobby"), yours, names[1])
            tasks.start_soon(one.run)
            await anyio.sleep(2)
            tasks.start_soon(two.run)
            await anyio.sleep(30)
            await act(server, one, two)
            tasks.cancel_scope.cancel()

    run(main)


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_A9_who_comes_second_stands_by_and_takes_over_when_the_first_has_gone(names: str) -> None:
    async def act(_server: MemoryServer, one: Process, two: Process) -> None:
        assert (one.at_work, two.at_work) == (True, False)
        one.life.cancel()
        await anyio.sleep(PATIENCE + 1)
        assert (one.at_work, two.at_work) == (False, True)
        assert (one.fences, two.fences) == ([1], [2])

    play(act, names)


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_A9_after_a_partition_the_one_with_the_lower_fence_steps_down(names: str) -> None:
    async def act(_server: MemoryServer, one: Process, two: Process) -> None:
        one.peer.go_offline()
        await anyio.sleep(10)
        assert (one.at_work, two.at_work) == (True, True)
        one.peer.go_online()
        await anyio.sleep(60)
        assert (one.at_work, two.at_work) == (False, True)
        assert (one.fences, two.fences) == ([1], [2])

    play(act, names)


def test_A9_who_hears_nobody_does_not_take_over() -> None:
    async def act(_server: MemoryServer, one: Process, two: Process) -> None:
        two.peer.go_offline()
        await anyio.sleep(600)
        assert (one.at_work, two.at_work) == (True, False)
        two.peer.go_online()
        await anyio.sleep(60)
        assert (one.fences, two.fences) == ([1], [])

    play(act)


def test_A9_a_link_that_breaks_and_comes_back_hands_nothing_over() -> None:
    async def act(_server: MemoryServer, one: Process, two: Process) -> None:
        one.peer.go_offline()
        await anyio.sleep(0.5)
        one.peer.go_online()
        await anyio.sleep(30)
        assert (one.at_work, two.at_work) == (True, False)
        assert (one.fences, two.fences) == ([1], [])

    play(act)


def test_A9_of_two_who_come_at_once_one_gets_the_place() -> None:
    async def act(_server: MemoryServer, one: Process, two: Process) -> None:
        one.life.cancel()
        two.life.cancel()
        await anyio.sleep(5)
        again = [Process(p.peer, p.room, p.notebook, name) for p, name in ((one, "d"), (two, "c"))]
        async with anyio.create_task_group() as tasks:
            for process in again:
                tasks.start_soon(process.run)
            await anyio.sleep(30)
            assert [process.at_work for process in again].count(True) == 1
            tasks.cancel_scope.cancel()

    play(act)


def test_A9_a_fence_is_above_all_that_were_seen_in_presence_claims_and_notebook() -> None:
    async def main() -> None:
        world = World()
        room = world.room("bot", world.presence)
        asked = world.ann.post("hello?")
        Claims(room, "dead", 7).claim(asked, "")
        async with Notebook.open(None) as notebook:
            await notebook.set("lobby", FENCE, 9)
            tenure = Tenure(room, notebook, "one")
            with tenure.seeking():
                assert await tenure.begin() == 10
                assert await notebook.get("lobby", FENCE) == 10
                assert world.told == {"user": "bot", "agent": True, "process": "one", "fence": 10}
            assert world.told == {"user": "bot"}

    run(main)


def test_A9_a_claim_under_a_higher_fence_ends_a_tenure_though_nobody_is_to_be_seen() -> None:
    async def main() -> None:
        world = World()
        room = world.room("bot", world.presence)
        asked = world.ann.post("hello?")
        async with Notebook.open(None) as notebook:
            tenure = Tenure(room, notebook, "one")
            with tenure.seeking():
                assert await tenure.begin() == 1
                with anyio.move_on_after(30) as waited:
                    await tenure.lost()
                assert waited.cancelled_caught
                Claims(room, "two", 5).claim(asked, "")
                with anyio.fail_after(1):
                    await tenure.lost()
                assert await tenure.begin() == 6

    run(main)


def test_A9_one_that_stands_by_has_no_say_in_what_the_agent_shows() -> None:
    writing = {"user": "bot", "agent": True, "process": "one", "fence": 1, "state": "writing"}
    standing_by = {"user": "bot", "agent": True, "process": "two", "state": "standby"}
    [bot] = people({1: writing, 2: standing_by})
    assert (bot.state["state"], bot.state["fence"]) == ("writing", 1)
