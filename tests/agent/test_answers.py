"""Members ask the agent's books in the room itself, and are answered there, within bounds."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import count
from typing import Any

import anyio
import pytest
from pycrdt import Doc

from syncchat.agent.answers import BECAUSE, BURST, FRESH, MAX_ANSWER, MAX_WAITING, SPENT, Answers
from syncchat.agent.budget import Budget, Spend
from syncchat.agent.ledger import Entry
from syncchat.agent.notebook import Notebook
from syncchat.agent.prices import Price, Prices
from syncchat.core.codec import dump
from syncchat.core.grant import Role
from syncchat.core.ids import Hlc
from syncchat.core.presence import Presence
from syncchat.core.room import Room
from syncchat.core.store import Store
from syncchat.testing.loop import EPOCH, run, wall_clock

PRICES = Prices("EUR", {"large": Price(Decimal(1), Decimal(2))})


class World:
    """A page that ann, bob, the agent `bot` and another agent write into."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self._store = Store(Doc())
        self._rand = count()
        self.ann, self.bob, self.bot, self.other = (
            self.room(name) for name in ("ann", "bob", "bot", "other")
        )

    def room(self, user: str) -> Room:
        room = Room(
            "lobby",
            user,
            hlc=Hlc(wall_clock),
            rand=lambda: next(self._rand),
            presence=Presence(len(user) + next(self._rand)),
            is_waiting=lambda doc, root, key: False,
        )
        room.attach(0, self._store)
        return room

    async def decide(self, id: str, decision: str = "quiet", **more: Any) -> None:
        await self.notebook.record(Entry("lobby", id, EPOCH, decision, "A12", **more))

    def told(self, verb: str) -> dict[str, Any]:
        """What the agent has answered, by what it is about."""
        return {asked.what: asked.value for asked in self.ann.asked(verb) if asked.user == "bot"}

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        answers = Answers(self.bot, self.notebook, PRICES, now=wall_clock)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(answers.run)
            await anyio.sleep(0.1)
            yield
            tasks.cancel_scope.cancel()


def play(story: Callable[[World], Any], budget: Budget | None = None) -> None:
    async def main() -> None:
        async with Notebook.open(None, budget) as notebook:
            await story(World(notebook))

    run(main)


def test_A22_who_asks_why_is_told_the_rule_what_it_looked_at_and_what_it_cost() -> None:
    async def story(world: World) -> None:
        asked = world.ann.post("hello?")
        await world.decide(asked, inputs={"people": 2}, cost=Spend(1, 50, 5))
        async with world.answering():
            world.bob.ask("why", asked)
            await anyio.sleep(1)
        told = world.told(BECAUSE)[asked]
        assert (told["decision"], told["rule"], told["inputs"]) == ("quiet", "A12", {"people": 2})
        assert told["cost"] == {"calls": 1, "tokens_in": 50, "tokens_out": 5}

    play(story)


def test_A22_an_answer_is_asked_about_like_the_message_that_it_answers() -> None:
    async def story(world: World) -> None:
        asked = world.ann.post("hello?")
        stream = world.bot.stream(re=asked)
        stream.append("hello!")
        stream.finish()
        await world.decide(asked, "speak", reply=stream.id)
        async with world.answering():
            world.ann.ask("why", stream.id)
            await anyio.sleep(1)
        assert world.told(BECAUSE)[stream.id]["id"] == asked

    play(story)


def test_A22_of_what_the_ledger_has_not_it_says_so_and_of_other_agents_messages_nothing() -> None:
    async def story(world: World) -> None:
        asked = world.ann.post("hello?")
        stream = world.other.stream(re=asked)
        stream.append("I am somebody else")
        stream.finish()
        async with world.answering():
            world.bob.ask("why", asked)
            world.bob.ask("why", stream.id)
            await anyio.sleep(1)
        assert world.told(BECAUSE) == {asked: {"decision": "unknown"}}

    play(story)


def test_A22_what_was_asked_while_it_was_away_is_answered_once() -> None:
    async def story(world: World) -> None:
        first, second = world.ann.post("one"), world.ann.post("two")
        await world.decide(first)
        world.ann.ask("why", first)
        async with world.answering():
            await anyio.sleep(1)
        assert world.told(BECAUSE).keys() == {first}
        await world.decide(first, "speak")
        world.ann.ask("why", second)
        async with world.answering():
            await anyio.sleep(1)
        assert world.told(BECAUSE)[first]["decision"] == "quiet"
        assert second in world.told(BECAUSE)

    play(story)


def test_A22_a_long_entry_is_cut_to_what_a_row_may_have() -> None:
    async def story(world: World) -> None:
        asked = world.ann.post("hello?")
        await world.decide(asked, inputs={f"{number}": "x" * 200 for number in range(24)})
        async with world.answering():
            world.bob.ask("why", asked)
            await anyio.sleep(1)
        told = world.told(BECAUSE)[asked]
        assert len(dump(told).encode()) <= MAX_ANSWER
        assert told["inputs"]

    play(story)


def test_A22_a_flood_of_questions_is_answered_slowly_and_the_oldest_not_at_all() -> None:
    async def story(world: World) -> None:
        posted = [world.ann.post(f"line {number}") for number in range(2 * MAX_WAITING)]
        async with world.answering():
            for id in posted:
                world.bob.ask("why", id)
            await anyio.sleep(1)
            assert len(world.told(BECAUSE)) == BURST
            await anyio.sleep(600)
        assert set(world.told(BECAUSE)) == set(posted[MAX_WAITING:])

    play(story)


def test_A22_who_may_only_read_answers_nothing_says_so_once_and_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(world: World) -> None:
        first, second = world.ann.post("one"), world.ann.post("two")
        world.bot.admit(Role.READER)
        async with world.answering():
            world.ann.ask("why", first)
            world.ann.ask("usage")
            await anyio.sleep(1)
            assert (world.told(BECAUSE), world.told(SPENT)) == ({}, {})
            assert [record.message for record in caplog.records] == [
                "room lobby: we may only read, so nobody is told of the agent's books"
            ]
            world.bot.admit(Role.AGENT)
            world.bob.ask("why", second)
            await anyio.sleep(1)
        assert world.told(BECAUSE).keys() == {second}

    play(story)


def test_A23_who_asks_for_the_usage_is_told_todays_of_the_room_and_the_own_part() -> None:
    async def story(world: World) -> None:
        charge = world.notebook.charge
        await charge("ann", "lobby", EPOCH, Spend(2, 1_000_000, 500_000), model="large")
        await charge("bob", "lobby", EPOCH, Spend(1, 10, 20), model="odd")
        await charge("ann", "attic", EPOCH, Spend(5, 1, 1), model="large")
        async with world.answering():
            asked = world.ann.ask("usage")
            await anyio.sleep(1)
        [told] = world.told(SPENT).values()
        assert (told["re"], told["user"], told["currency"]) == (asked, "ann", "EUR")
        assert told["mine"] == {"calls": 2, "tokens_in": 1_000_000, "tokens_out": 500_000, "money": "2"}
        assert told["room"] == {"calls": 3, "tokens_in": 1_000_010, "tokens_out": 500_020, "money": None}
        assert (told["left"], told["limit"]) == (1, None)

    play(story, Budget(calls_per_user=8))


def test_A23_an_old_question_about_the_usage_is_not_answered_and_none_twice() -> None:
    async def story(world: World) -> None:
        world.ann.ask("usage")
        async with world.answering():
            await anyio.sleep(1)
        async with world.answering():
            await anyio.sleep(1)
        assert len(world.told(SPENT)) == 1
        world.bob.ask("usage")
        await anyio.sleep(FRESH / 1000 + 1)
        async with world.answering():
            await anyio.sleep(1)
        assert len(world.told(SPENT)) == 1

    play(story)
