"""What is asked of an agent about messages out of its view: it hears it, looks there, and goes back."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from syncchat.agent import Agent, Notebook, Pace
from syncchat.agent.ledger import MAX_ENTRIES
from syncchat.core.ids import format_id
from syncchat.core.message import Message
from syncchat.journal import Journals
from syncchat.log import MemoryLog, MemoryStore
from syncchat.paged_room import PagedRoom
from syncchat.peer import Peer
from syncchat.testing.history import START, Past
from syncchat.testing.loop import run
from syncchat.testing.scripted_model import ScriptedModel, Step
from syncchat.testing.server import MemoryServer
from tests.replica.paging import enter, pages, rest

PAGES = 12

LONG = 120.0
"""Seconds for which a model says nothing."""


@dataclass
class Scene:
    """A room of many pages, with ann and an agent in it that has answered questions on some of them.

    `question` and `answer` are the last on page 1. `first` is the first on page 5, and `following` its answer
    on page 6.
    """

    question: str
    answer: str
    first: str
    following: str
    model: ScriptedModel
    ann: PagedRoom
    bot: Peer
    there: PagedRoom
    away: Callable[[], AbstractAsyncContextManager[None]]

    @property
    def answers(self) -> list[Message]:
        """The new versions that the agent wrote at the end of the room."""
        return [message for message in self.ann.timeline if message.user == "bot" and message.of is not None]

    @property
    def lines(self) -> list[str]:
        """What the last prompt has of the room."""
        return [line.text for line in self.model.prompts[-1].lines]

    async def ask(self, verb: str, id: str, page: int) -> None:
        """Ann scrolls to a message, asks something about it, and goes back to the end."""
        assert await self.ann.show(id, page)
        self.ann.ask(verb, id)
        await self.ann.recent()


def live(story: Callable[[Scene], Awaitable[None]], *script: Step, **limits: Any) -> None:
    """Play a story; `script` is what the model says each time, `limits` are fields of Limits."""

    async def main() -> None:
        server = MemoryServer(**limits)
        past = Past(server.store)
        [first] = past.write(5, "@bot and then?")
        past.pages(PAGES, each=60)
        [question] = past.write(1, "@bot what is it?")
        answer = past.answer(1, "it is so", user="bot", re=question)
        following = past.answer(6, "then that", user="bot", re=first)
        model, notes = ScriptedModel(script or ("again, ", "differently")), MemoryStore()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(server.running())
            ann = await stack.enter_async_context(server.peer("ann"))
            bot = await stack.enter_async_context(server.peer("bot"))
            notebook = Notebook(Journals(await stack.enter_async_context(MemoryLog(notes))))
            here, there = await enter(ann), await enter(bot)
            assert isinstance(here, PagedRoom)
            assert isinstance(there, PagedRoom)
            tasks = await stack.enter_async_context(anyio.create_task_group())
            scope = anyio.CancelScope()

            async def work() -> None:
                nonlocal scope
                with anyio.CancelScope() as scope:
                    await Agent(there, model=model, notebook=notebook, pace=Pace(flush_every=0.0)).run()

            @asynccontextmanager
            async def away() -> AsyncIterator[None]:
                scope.cancel()
                await rest()
                yield
                tasks.start_soon(work)
                await rest()

            tasks.start_soon(work)
            await rest()
            await story(Scene(question, answer, first, following, model, here, bot, there, away))
            tasks.cancel_scope.cancel()

    run(main)


def test_A16_A29_an_old_answer_is_written_anew_with_what_was_said_before_its_question() -> None:
    async def story(scene: Scene) -> None:
        await scene.ask("again", scene.answer, 1)
        await rest()
        [answer] = scene.answers
        assert (answer.of, answer.re, answer.text) == (scene.answer, scene.question, "again, differently")
        assert scene.lines == [*(f"1/{number}" for number in range(41, 60)), "@bot what is it?"]
        assert pages(scene.bot) == [PAGES - 1], "the old page is closed again"

    live(story)


def test_A29_what_was_said_before_is_looked_for_on_the_pages_before_too() -> None:
    async def story(scene: Scene) -> None:
        await scene.ask("again", scene.following, 6)
        await rest()
        [answer] = scene.answers
        assert (answer.of, answer.re) == (scene.following, scene.first)
        assert scene.lines == [*(f"4/{number}" for number in range(41, 60)), "@bot and then?"]
        assert pages(scene.bot) == [PAGES - 1]

    live(story)


def test_A16_A29_one_new_version_is_enough_however_many_ask_and_also_after_a_restart() -> None:
    async def story(scene: Scene) -> None:
        await scene.ask("again", scene.answer, 1)
        await scene.ask("again", scene.answer, 1)
        await rest()
        await scene.ask("again", scene.answer, 1)
        async with scene.away():
            pass
        assert len(scene.answers) == len(scene.model.prompts) == 1

    live(story)


def test_A16_A29_what_was_asked_while_the_agent_was_away_is_answered_when_it_comes() -> None:
    async def story(scene: Scene) -> None:
        async with scene.away():
            await scene.ask("again", scene.answer, 1)
            await scene.ask("again", scene.following, 6)
        await rest()
        assert sorted(answer.of or "" for answer in scene.answers) == [scene.answer, scene.following]
        assert pages(scene.bot) == [PAGES - 1]

    live(story)


@pytest.mark.parametrize("names_question", [False, True])
def test_A16_A29_a_new_version_of_an_old_answer_is_stopped_like_any(names_question: bool) -> None:
    async def story(scene: Scene) -> None:
        await scene.ask("again", scene.answer, 1)
        await rest()
        [answer] = scene.answers
        if names_question:
            await scene.ask("stop", scene.question, 1)
        else:
            scene.ann.ask("stop", answer.id)
        await rest()
        [answer] = scene.answers
        assert (answer.text, answer.state, answer.stopped_by) == ("it is", "stopped", "ann")

    live(story, "it is", LONG, " endless")


def test_A22_A29_why_is_told_of_old_messages_too() -> None:
    async def story(scene: Scene) -> None:
        await scene.ask("why", scene.question, 1)
        await rest()
        [told] = scene.ann.asked("because")
        assert (told.user, told.what, told.value) == ("bot", scene.question, {"decision": "unknown"})
        assert told.page == 1

    live(story)


def test_A22_A29_why_a_new_version_was_written_is_known_however_much_was_decided_since_the_question() -> None:
    async def story(scene: Scene) -> None:
        for number in range(MAX_ENTRIES + 1):
            scene.ann.post(f"message {number}")
            if number % 100 == 0:
                await rest()
        await rest()
        await scene.ask("again", scene.answer, 1)
        await rest()
        [answer] = scene.answers
        scene.ann.ask("why", answer.id)
        await rest()
        [told] = scene.ann.asked("because")
        assert (told.value["decision"], told.value["rule"]) == ("speak", "again")

    live(story)


def test_A16_A29_what_is_no_answer_of_the_agents_was_deleted_or_is_nowhere_is_not_written_anew() -> None:
    async def story(scene: Scene) -> None:
        await scene.ask("again", scene.question, 1)
        async with scene.away():
            assert await scene.there.show(scene.answer, 1)
            scene.there.delete(scene.answer)
            await scene.there.recent()
            await scene.ask("again", scene.answer, 1)
            nowhere = format_id(START, "bot", 7)
            scene.ann.page(scene.ann.newest).requests.set(f"again|{nowhere}|ann", {"page": 3, "value": 1})
        await anyio.sleep(60)
        assert scene.answers == []
        assert scene.model.prompts == []
        scene.ann.post("@bot hello")
        await rest()
        assert len(scene.model.prompts) == 1, "it goes on"

    live(story)


def test_A11_A17_A29_a_question_whose_page_is_turned_while_it_waits_is_answered_all_the_same() -> None:
    async def story(scene: Scene) -> None:
        ann = scene.ann
        ann.post("@bot hello?")
        await anyio.sleep(1)
        waits = ann.post("@bot and what is that?")
        for newest in range(ann.newest, ann.newest + 3):
            while ann.newest == newest:
                ann.post("by the way")
                await anyio.sleep(1)
        assert scene.there.message(waits) is None
        await anyio.sleep(2 * LONG)
        await rest()
        [answer] = [message for message in ann.timeline if message.re == waits]
        assert (answer.text, answer.state) == ("it is", None)
        assert scene.lines[-1] == "@bot and what is that?"

    live(story, LONG, "it is", page_messages=8)
