"""Where an agent belongs: by its persona, and by the latest word of those who may say so (A24)."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from syncchat.agent.notebook import Notebook
from syncchat.agent.persona import Persona
from syncchat.agent.whereabouts import DISMISS, MAX_PENDING, SUMMON, Doorkeeper, Whereabouts
from syncchat.core.asking import Asked
from syncchat.testing.agent_world import VIRTUAL, World, until

BOT = Persona("bot", "Bot", rooms=("lobby",))


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return VIRTUAL


def asked(verb: str, at: int, user: str = "ann") -> Asked:
    return Asked(verb, f"{at:010d}", user, {"agent": "bot"}, at)


@pytest.mark.anyio
async def test_A24_who_asks_while_a_request_is_written_down_does_not_keep_what_held_before() -> None:
    async with Notebook.open(None) as notebook:
        bot = Whereabouts(BOT, notebook)
        write, writing = notebook.set, anyio.Event()

        async def slowly(room: str, key: str, value: Any) -> None:
            writing.set()
            await anyio.sleep(1)
            await write(room, key, value)

        notebook.set = slowly  # type: ignore[method-assign]  # a disk that takes its time
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bot.heed, "lobby", asked(DISMISS, 5))
            await writing.wait()
            assert await bot.is_in("lobby")
        assert not await bot.is_in("lobby")


@pytest.mark.anyio
async def test_A24_the_latest_request_counts_in_whatever_order_they_come() -> None:
    async with Notebook.open(None) as notebook:
        bot = Whereabouts(BOT, notebook)
        assert await bot.is_in("lobby")
        await bot.heed("lobby", asked(DISMISS, 5))
        await bot.heed("lobby", asked(SUMMON, 4))
        assert not await bot.is_in("lobby")
        await bot.heed("lobby", asked(SUMMON, 6))
        await bot.heed("lobby", asked(DISMISS, 5))
        assert await bot.is_in("lobby")
        assert not await bot.is_in("kitchen")


@pytest.mark.parametrize("kept", [None, 7, "in", [True], [1, "x"], {"here": True}])
@pytest.mark.anyio
async def test_A24_a_note_that_nobody_can_read_says_nothing(kept: object) -> None:
    async with Notebook.open(None) as notebook:
        await notebook.set("lobby", "here", kept)
        assert await Whereabouts(BOT, notebook).is_in("lobby")


@pytest.mark.parametrize(
    ("verb", "value", "concerns"),
    [
        (SUMMON, {"agent": "bot"}, True),
        (DISMISS, {"agent": "bot"}, True),
        (SUMMON, {"agent": "other"}, False),
        (SUMMON, {"agent": ["bot"]}, False),
        (SUMMON, "bot", False),
        (SUMMON, 1, False),
        ("stop", {"agent": "bot"}, False),
    ],
)
@pytest.mark.anyio
async def test_A24_only_a_request_that_names_it_concerns_it(verb: str, value: Any, concerns: bool) -> None:
    async with Notebook.open(None) as notebook:
        bot = Whereabouts(BOT, notebook)
        assert bot.concerns(Asked(verb, "0000000001", "ann", value, 1)) == concerns


@pytest.mark.anyio
async def test_A24_what_was_asked_before_anybody_listened_is_heard() -> None:
    world = World()
    world.ann.ask(DISMISS, None, {"agent": "bot"})
    async with Notebook.open(None) as notebook, anyio.create_task_group() as tasks:
        bot, told = Whereabouts(BOT, notebook), []
        tasks.start_soon(Doorkeeper(world.bob, [bot], lambda: told.append(1)).run)
        await until(lambda: told)
        assert not await bot.is_in("lobby")
        tasks.cancel_scope.cancel()


@pytest.mark.anyio
async def test_A24_requests_that_nobody_may_make_are_not_kept_without_end() -> None:
    world = World()
    strict = Persona("bot", "Bot", rooms=("lobby",), summon="moderators")
    async with Notebook.open(None) as notebook, anyio.create_task_group() as tasks:
        keeper = Doorkeeper(world.bob, [Whereabouts(strict, notebook)], lambda: None)
        tasks.start_soon(keeper.run)
        await anyio.wait_all_tasks_blocked()
        for _ in range(3 * MAX_PENDING):
            world.ann.ask(DISMISS, None, {"agent": "bot"})
        assert len(keeper.pending) == MAX_PENDING
        tasks.cancel_scope.cancel()


def test_A24_it_is_remembered_over_restarts(tmp_path: Path) -> None:
    async def live(here: bool) -> None:
        async with Notebook.open(tmp_path / "bot.sqlite") as notebook:
            bot = Whereabouts(BOT, notebook)
            assert await bot.is_in("lobby") == here
            await bot.heed("lobby", asked(DISMISS, 5))

    for here in (True, False):
        anyio.run(live, here)
