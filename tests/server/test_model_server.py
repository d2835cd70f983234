"""`syncchat model-server`: the one command with which somebody without a key tries an agent with a model."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from syncchat.agent.model import ModelFailed, whole
from syncchat.agent.openai_model import Limits, OpenAIModel, Retries
from syncchat.agent.prompt import Prompt, Turn, Who
from syncchat.cli.modelling import NAMES
from syncchat.core.message import Message
from syncchat.peer import Peer
from syncchat.testing.model_server import MISBEHAVIOURS
from syncchat.testing.program import PATIENCE, Daemon, Program, syncchat
from tests.server.letting import run

PROMPT = Prompt("reply", Who("bot", "bot"), (), (), (Turn("user", "hello, you"),))

pytestmark = pytest.mark.anyio


@contextmanager
def model_of_its_own(folder: Path, *options: object) -> Iterator[str]:
    """`syncchat model-server` as a process; its base URL."""
    with Program(
        syncchat("model-server", "--port", 0, "--pace", 1000, *options), folder / "model.err"
    ) as model:
        yield model.line().rpartition(" ")[2]


@contextmanager
def agent_of_its_own(folder: Path, address: str, base_url: str) -> Iterator[None]:
    options = ["--server", address, "--room", "lobby", "--data", folder / "agent"]
    model = ["--base-url", base_url, "--model", "any"]
    with Program(syncchat("agent", *options, *model), folder / "agent.err") as agent:
        assert "takes part in lobby" in agent.line()
        yield


async def ask(address: str, question: str) -> Message:
    """Post a question when the agent is there; returns its finished answer."""
    async with Peer(user="ada", server=address) as peer:
        room = await peer.enter("lobby")
        with anyio.fail_after(PATIENCE):
            await peer.until(lambda: any(person.state.get("agent") for person in room.people))
            id = room.post(question)
            await peer.until(lambda: any(m.agent and not m.streaming and m.re == id for m in room.timeline))
        return next(message for message in room.timeline if message.re == id)


async def test_A5_an_agent_answers_with_a_model_that_one_command_has_started(
    daemon: Daemon, tmp_path: Path
) -> None:
    with model_of_its_own(tmp_path) as base_url, agent_of_its_own(tmp_path, daemon.address, base_url):
        assert "= 42" in (await ask(daemon.address, "@agent what is 6*7?")).text


async def test_A21_it_fails_as_it_is_told_to_and_answers_whoever_asks(tmp_path: Path) -> None:
    said = {}
    for name in ("echo", "cut", "busy", "empty"):
        with model_of_its_own(tmp_path, "--behave", name) as base_url:
            model = OpenAIModel(
                model="any", base_url=base_url, limits=Limits(first=PATIENCE), retries=Retries(times=0)
            )
            try:
                said[name] = await whole(model, PROMPT, limit=1_000)
            except ModelFailed as failure:
                said[name] = failure.cause
    assert said == {
        "echo": "You said: hello, you",
        "cut": "the connection to the model's server failed or broke",
        "busy": "the model's server answered 429 (too many requests; it asks to wait 5 s)",
        "empty": "the model answered with nothing",
    }


def test_it_knows_by_name_all_that_the_server_can_do_wrong() -> None:
    assert {*NAMES} == {*MISBEHAVIOURS, "echo"}


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    with model_of_its_own(tmp_path) as base_url:
        port = base_url.removesuffix("/v1").rpartition(":")[2]
        done = run("model-server", "--port", port)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr
