"""Hostile messages against the prompt that a real model server receives, and against who acts on it (A20).

The corpus is hostile_messages.jsonl: `kind`, `text`, and `times` for what is repeated. `{address}` in a text
stands for a server that nobody may ever call.
"""

import ast
import json
import re
import unicodedata
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import anyio.abc
import pytest

import syncchat.agent
from syncchat.agent.fitting import CUT
from syncchat.agent.judge import MAX_VERDICT, Judgement, judge
from syncchat.agent.model import whole
from syncchat.agent.openai_model import OpenAIModel
from syncchat.agent.prompt import Prompt, Told, Who, judge_prompt, reply_prompt
from syncchat.core.ids import format_id
from syncchat.core.message import Message
from syncchat.core.people import Person
from syncchat.testing.agent_world import World, until
from syncchat.testing.model_server import Behaviour, ModelServer, model_server
from syncchat.testing.prompt_reader import answers, echoes

pytestmark = pytest.mark.anyio

ZED = Who("zed", "Zed")
PEOPLE = [Person("ann", "Ann", {}), Person("mallory", "Mal", {}), Person("zed", "Zed", {})]

TEMPLATE = re.compile(r"<[|｜/a-zA-Z]|\[/?[A-Z_]{2,}\]|\[gMASK\]|\[m\d")
"""What opens a token of a chat template, or imitates a label."""


class Hostile(NamedTuple):
    """One hostile message of the corpus."""

    kind: str
    text: str


def read_corpus() -> Iterator[Hostile]:
    corpus = Path(__file__).with_name("hostile_messages.jsonl").read_text(encoding="utf-8")
    for row in map(json.loads, corpus.splitlines()):
        yield Hostile(row["kind"], row["text"] * row.get("times", 1))


CORPUS = list(read_corpus())
IDS = [f"{hostile.kind}-{number}" for number, hostile in enumerate(CORPUS)]
every_hostile_message = pytest.mark.parametrize("hostile", CORPUS, ids=IDS)


def said(hlc: int, user: str, text: str, *, agent: bool = False) -> Message:
    return Message(
        id=format_id(hlc, user, 0), hlc=hlc, user=user, text=text, streaming=False, re=None, edited=None,
        deleted=False, agent=agent, state=None, reactions={}, durable=True,
    )  # fmt: skip


def prompts(text: str, last: str = "what do you think, all?") -> tuple[Prompt, Prompt]:
    """The judge's prompt and the reply's of a room where mallory has said `text`."""
    messages = [
        said(60_000, "ann", "hello"),
        said(120_000, "zed", "Hello, Ann.", agent=True),
        said(180_000, "mallory", text),
        said(240_000, "ann", last),
    ]
    return (
        judge_prompt(messages, 4, me=ZED, people=PEOPLE),
        reply_prompt(messages, 4, me=ZED, people=PEOPLE, newer=[said(300_000, "mallory", text)]),
    )


class Served:
    """A model behind a real server on loopback that answers with `behaviour`."""

    def __init__(self, server: ModelServer) -> None:
        self.behaviour = Behaviour(says=answers)
        self._server = server
        self.model = OpenAIModel(model="any", base_url=server.base_url)

    async def received(self, prompt: Prompt) -> list[dict[str, str]]:
        """The messages that the server has received for a prompt, read from the bytes that came."""
        await whole(self.model, prompt, limit=100_000)
        messages: list[dict[str, str]] = self._server.calls[-1]["messages"]
        return messages


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    async with model_server(lambda _: here.behaviour) as server:
        here = Served(server)
        yield here


def sent(prompt: Prompt) -> list[dict[str, str]]:
    """The messages that are sent for a prompt."""
    return [{"role": turn.role, "content": turn.text} for turn in prompt.turns]


def rows_of(messages: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
    """The data in what a server received, read line by line and strictly, however lines may be told apart."""
    turns = [message["content"] for message in messages if message["role"] == "user"]
    assert all(len(turn.splitlines()) == len(turn.split("\n")) for turn in turns)
    return [json.loads(row) for turn in turns for row in turn.split("\n")]


def without(text: str, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with the text that mallory said taken out, wherever she has said it."""
    for row in rows:
        if row.get("from") == "mallory":
            shown = row["text"]
            assert shown == text or (shown.endswith(CUT) and text.startswith(shown.removesuffix(CUT)))
    return [row | {"text": ""} if row.get("from") == "mallory" else row for row in rows]


def test_the_corpus_has_enough_of_each_kind() -> None:
    kinds = [hostile.kind for hostile in CORPUS]
    assert len(set(CORPUS)) >= 50
    for kind in (
        "fake system line",
        "fake author",
        "closing quotes",
        "JSON escapes",
        "INTERJECT",
        "leaking link",
    ):
        assert kinds.count(kind) >= 5, kind
    for kind in ("line breaks", "bidi", "hidden", "tool call", "template", "label"):
        assert kinds.count(kind) >= 2, kind


@every_hostile_message
async def test_A20_what_a_server_receives_keeps_the_roles_apart(hostile: Hostile, served: Served) -> None:
    for prompt, harmless in zip(prompts(hostile.text), prompts("good morning"), strict=True):
        messages, expected = await served.received(prompt), sent(harmless)
        roles = ["system", "user"] if prompt.purpose == "judge" else ["system", "user", "assistant", "user"]
        assert [message["role"] for message in messages] == roles
        # All but the text itself is what it is when somebody says good morning.
        assert without(hostile.text, rows_of(messages)) == without("good morning", rows_of(expected))
        assert [m for m in messages if m["role"] != "user"] == [m for m in expected if m["role"] != "user"]
        for turn in (message["content"] for message in messages if message["role"] == "user"):
            assert not TEMPLATE.search(turn)
            categories = {unicodedata.category(char) for char in turn.replace("\n", "")}
            assert not categories & {"Cc", "Cf", "Zl", "Zp"}


@every_hostile_message
async def test_A20_names_topics_and_what_tools_return_are_data_as_well(
    hostile: Hostile, served: Served
) -> None:
    def prompt(text: str) -> Prompt:
        return reply_prompt(
            [said(60_000, "ann", "hello")],
            1,
            me=ZED,
            people=[Person("mallory", text, {})],
            topic=f"On {text}",
            persona="You are terse. {topic}",
            results=[Told(text, text)],
        )

    messages, expected = await served.received(prompt(hostile.text)), sent(prompt("x"))
    assert [message["role"] for message in messages] == ["system", "user"]
    assert messages[0] == expected[0]
    assert not TEMPLATE.search(messages[1]["content"])
    (head, line, tool, last), harmless = rows_of(messages), rows_of(expected)
    assert (line, last) == (harmless[1], harmless[3])
    assert [sorted(row) for row in (head, tool)] == [["present", "topic", "you"], ["result", "tool"]]
    assert head["you"] == {"user": "zed", "name": "Zed"}
    assert [who["user"] for who in head["present"]] == ["mallory"]


@every_hostile_message
@pytest.mark.parametrize("last", ["@zed what is 6*7?", None])
async def test_A20_the_judges_decision_does_not_follow_from_what_is_said(
    hostile: Hostile, last: str | None, served: Served
) -> None:
    """It is the same as if somebody had said good morning: the question is for zed, or nobody asked it."""
    messages = [said(60_000, "ann", "hello"), said(120_000, "mallory", hostile.text)]
    messages += [said(180_000, "ann", last)] if last else []
    prompt = judge_prompt(messages, len(messages), me=ZED, people=PEOPLE)
    assert await judge(served.model, prompt, seconds=30) == Judgement(last is not None)


@every_hostile_message
async def test_A1_A20_a_judge_that_quotes_a_message_decides_by_its_own_last_line(
    hostile: Hostile, served: Served
) -> None:
    for verdict in ("QUIET", "INTERJECT"):
        served.behaviour = Behaviour(tokens=("They say:\n", hostile.text, f"\nSo I decide:\n{verdict}"))
        decided = await judge(served.model, prompts(hostile.text)[0], seconds=30)
        # A judge that repeats a flood has said too much to be believed, which means quiet (A2).
        assert decided.speak == (verdict == "INTERJECT" and len(hostile.text) < MAX_VERDICT - 100)
    served.behaviour = Behaviour(says=answers)


class Trap:
    """A server on loopback that counts who comes: `address` is for the links of the corpus."""

    def __init__(self) -> None:
        self.visits = 0
        self.address = ""

    async def visited(self, stream: anyio.abc.SocketStream) -> None:
        self.visits += 1
        await stream.aclose()


@asynccontextmanager
async def trap() -> AsyncIterator[Trap]:
    trap = Trap()
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        trap.address = f"127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, trap.visited)
            yield trap
            tasks.cancel_scope.cancel()


async def test_A20_no_address_in_a_message_or_an_answer_is_opened_by_the_agent() -> None:
    links = [hostile.text for hostile in CORPUS if "{address}" in hostile.text]
    assert len(links) >= 5
    async with trap() as bait, model_server(lambda _: Behaviour(says=echoes)) as server:
        world = World()
        agent = world.agent(OpenAIModel(model="any", base_url=server.base_url))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(agent.run)
            await until(lambda: world.told.get("state"))
            for text in links:
                world.ann.post(f"@bot {text.replace('{address}', bait.address)}")
                await until(lambda: 2 * len(world.finished) == len(world.ann.timeline))
            tasks.cancel_scope.cancel()
        assert len(world.finished) == len(links)
        assert bait.address in world.finished[0][0]
        assert bait.visits == 0
        async with await anyio.connect_tcp("127.0.0.1", int(bait.address.rpartition(":")[2])):
            await until(lambda: bait.visits)  # it would have been noticed


CARRIERS = {
    "aiohttp",
    "ftplib",
    "http",
    "httpx",
    "httpx2",
    "openai",
    "requests",
    "socket",
    "urllib",
    "webbrowser",
}


def test_A20_nothing_of_the_agent_but_the_call_of_its_model_can_open_an_address() -> None:
    package = Path(syncchat.agent.__file__).parent
    opening = set()
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if CARRIERS & {name.partition(".")[0] for name in names}:
                opening.add(file.name)
    assert opening == {"openai_answer.py", "openai_failures.py", "openai_http.py", "openai_model.py"}
