"""No model is called that nobody may pay for, and what a call took is in the book however it ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from syncchat.agent import BuiltinModel, ModelFailed, Prompt, Turn, Who
from syncchat.agent.budget import Budget, Payer, Spend, day_of
from syncchat.agent.model import Tokens, usage_of, whole
from syncchat.agent.notebook import Notebook
from syncchat.agent.prices import BUILTIN
from syncchat.agent.spending import MOST_OUT, Charged, OverBudget, notice
from syncchat.agent.tools.tool import ToolSpec
from syncchat.agent.usage import size_of
from syncchat.journal import Journals
from syncchat.log import MemoryLog, MemoryStore
from syncchat.testing.loop import EPOCH, run, wall_clock

PROMPT = Prompt("reply", Who("bot", "bot"), (), (), (Turn("system", "12345"), Turn("user", "1234")))
READ = 4
ZOE = Payer("zoe", "lobby", "large")
TODAY = day_of(EPOCH)


class Pieces:
    """Says its pieces one by one, then tells what that took, and then fails if it is told to."""

    def __init__(self, model: "Scripted") -> None:
        self._model = model
        self._left = list(model.pieces)
        self.usage: Tokens | None = None
        self.calls = ("a tool call",)

    def __aiter__(self) -> "Pieces":
        return self

    async def __anext__(self) -> str:
        await anyio.sleep(self._model.pause)
        if self._left:
            return self._left.pop(0)
        self.usage = self._model.usage
        if self._model.fails:
            raise ModelFailed("it is broken")
        raise StopAsyncIteration


class Scripted:
    """A model that notes what the book says when it is called."""

    def __init__(
        self,
        notebook: Notebook,
        *pieces: str,
        usage: Tokens | None = None,
        fails: bool = False,
        pause: float = 0.0,
    ) -> None:
        self.pieces, self.usage, self.fails, self.pause = pieces, usage, fails, pause
        self.booked: list[Spend] = []
        self._notebook = notebook

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[str]]:
        self.booked.append((await self._notebook.book(TODAY)).total)
        yield Pieces(self)


@asynccontextmanager
async def charged(
    *pieces: str,
    budget: Budget | None = None,
    usage: Tokens | None = None,
    fails: bool = False,
    pause: float = 0.0,
) -> AsyncIterator[tuple[Charged, Notebook, Scripted]]:
    async with Notebook.open(None, budget) as notebook:
        model = Scripted(notebook, *pieces, usage=usage, fails=fails, pause=pause)
        yield Charged(model, notebook, ZOE, wall_clock), notebook, model


async def booked(notebook: Notebook) -> Spend:
    return (await notebook.book(TODAY)).total


def test_A23_a_call_is_in_the_book_before_it_is_made_and_with_what_it_took_afterwards() -> None:
    async def story() -> None:
        async with charged("a", "b", usage=Tokens(11, 22)) as (model, notebook, inner):
            assert await whole(model, PROMPT, limit=99) == "ab"
            assert inner.booked == [Spend(1, READ, MOST_OUT)]
            assert await booked(notebook) == model.spent == Spend(1, 11, 22)
            assert (await notebook.book(TODAY)).cells.keys() == {ZOE}

    run(story)


def test_A23_what_no_endpoint_reports_is_counted() -> None:
    async def story() -> None:
        async with charged("abcdef", "ghi") as (model, notebook, _):
            await whole(model, PROMPT, limit=99)
            assert await booked(notebook) == Spend(1, READ, 3)

    run(story)


def test_A23_a_call_that_is_stopped_or_fails_is_settled_with_what_came() -> None:
    async def story() -> None:
        async with charged("abcdef", "ghi", pause=1.0) as (model, notebook, _):
            with anyio.move_on_after(1.5):
                await whole(model, PROMPT, limit=99)
            assert await booked(notebook) == Spend(1, READ, 2)
        async with charged("abc", fails=True) as (model, notebook, _):
            with pytest.raises(ModelFailed, match="broken"):
                await whole(model, PROMPT, limit=99)
            assert await booked(notebook) == model.spent == Spend(1, READ, 1)

    run(story)


def test_A23_over_budget_no_model_is_called() -> None:
    async def story() -> None:
        async with charged("a", budget=Budget(calls_per_user=1)) as (model, notebook, inner):
            await whole(model, PROMPT, limit=99)
            with pytest.raises(OverBudget) as over:
                await whole(model, PROMPT, limit=99)
            assert over.value.limit == "calls_per_user"
            assert len(inner.booked) == 1
            assert await booked(notebook) == Spend(1, READ, 1)

    run(story)


def test_A23_a_call_waits_while_another_may_leave_it_enough() -> None:
    async def story() -> None:
        budget = Budget(tokens=1_000)
        async with charged("a", budget=budget, pause=3.0) as (model, notebook, inner):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lambda: whole(model, PROMPT, limit=99))
                tasks.start_soon(lambda: whole(model, PROMPT, limit=99))
            assert len(inner.booked) == 2
            assert await booked(notebook) == Spend(2, 2 * READ, 2)

    run(story)


def test_A23_a_call_that_waits_for_one_that_never_ends_is_over_budget() -> None:
    async def story() -> None:
        async with charged("a", budget=Budget(tokens=1_000)) as (model, notebook, inner):
            await notebook.reserve(ZOE, Tokens(0, 2_000), EPOCH)
            with pytest.raises(OverBudget):
                await whole(model, PROMPT, limit=99)
            assert inner.booked == []

    run(story)


def test_A23_what_cannot_be_noted_is_not_spent_and_what_came_stays() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with MemoryLog(store) as log:
            notebook = Notebook(Journals(log))
            model = Scripted(notebook, "a")
            charging = Charged(model, notebook, ZOE, wall_clock)
            store.failure = "full"
            with pytest.raises(ModelFailed, match="notebook cannot be written"):
                await whole(charging, PROMPT, limit=99)
            assert model.booked == []
            store.failure = None
            async with charging.stream(PROMPT) as pieces:
                store.failure = "full again"
                assert [piece async for piece in pieces] == ["a"]
            assert await booked(notebook) == Spend(1, READ, MOST_OUT)

    run(story)


def test_A23_a_call_stands_in_the_book_under_the_name_of_its_model() -> None:
    async def story() -> None:
        async with Notebook.open(None) as notebook:
            model = Charged(BuiltinModel(pace=0), notebook, Payer("zoe", "lobby"), wall_clock)
            with pytest.raises(LookupError):
                async with model.stream(PROMPT):
                    raise LookupError
            assert (await notebook.book(TODAY)).cells.keys() == {Payer("zoe", "lobby", BUILTIN)}

    run(story)


def test_what_an_answer_brings_beside_its_text_passes_through() -> None:
    async def story() -> None:
        async with charged("a", usage=Tokens(1, 2)) as (model, _, _), model.stream(PROMPT) as pieces:
            assert usage_of(pieces) is None
            assert [piece async for piece in pieces] == ["a"]
            assert usage_of(pieces) == Tokens(1, 2)
            assert getattr(pieces, "calls", None) == ("a tool call",)

    run(story)


def test_tools_in_a_prompt_are_read_too() -> None:
    tools = (ToolSpec("search", "Finds messages.", {"type": "object"}),)
    with_tools = Prompt("reply", Who("bot", "bot"), (), (), PROMPT.turns, tools=tools)
    assert size_of(with_tools) > size_of(PROMPT) + 10


@pytest.mark.parametrize(
    ("limit", "whose"),
    [("calls", "for me"), ("tokens_per_room", "for this room"), ("calls_per_user", "for zoe")],
)
def test_A23_the_notice_names_the_limit_and_when_it_ends(limit: str, whose: str) -> None:
    said = notice(limit, "zoe")
    assert f"budget {whose} " in said
    assert f"({limit})" in said
    assert "00:00 UTC" in said
