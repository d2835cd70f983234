"""The OpenAI-compatible model: the real client against a real server on loopback that misbehaves."""

import subprocess
import sys
from collections.abc import Sequence

import anyio
import pytest

from syncchat.agent.builtin import BuiltinModel
from syncchat.agent.factory import make_model
from syncchat.agent.judge import judge
from syncchat.agent.model import ModelFailed
from syncchat.agent.openai_model import Limits, OpenAIModel
from syncchat.agent.prompt import Prompt, Turn, Who
from syncchat.testing.model_server import Behaviour, ModelServer, model_server

PROMPT = Prompt("reply", Who("bot", "bot"), (), (), (Turn("system", "be brief"), Turn("user", "hi")))

pytestmark = pytest.mark.anyio


def model_at(
    server: ModelServer, *, first: float = 5.0, between: float = 5.0, retries: int = 0
) -> OpenAIModel:
    limits = Limits(first=first, between=between)
    return OpenAIModel(
        model="m", base_url=server.base_url, api_key="sk-secret", limits=limits, retries=retries
    )


async def ask(model: OpenAIModel) -> tuple[list[str], str | None]:
    """What was answered, and why it failed if it did."""
    heard: list[str] = []
    try:
        async with model.stream(PROMPT) as tokens:
            async for token in tokens:
                heard.append(token)  # noqa: PERF401 - what came before a failure counts, too
    except ModelFailed as failure:
        return heard, failure.cause
    return heard, None


async def test_it_streams_what_the_server_says_and_sends_the_prompt_as_it_is() -> None:
    async with model_server(lambda _: Behaviour(tokens=("Hel", "lo", " ünïcode \U0001f600"))) as server:
        assert await ask(model_at(server)) == (["Hel", "lo", " ünïcode \U0001f600"], None)
    [call] = server.calls
    assert (call["model"], call["stream"]) == ("m", True)
    assert call["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "hi"},
    ]


@pytest.mark.parametrize(
    "behaviour",
    [Behaviour(), Behaviour(usage=False), Behaviour(finish_with_last=True), Behaviour(finish_reason="eos")],
)
async def test_every_way_to_end_a_whole_answer_is_understood(behaviour: Behaviour) -> None:
    async with model_server(lambda _: behaviour) as server:
        assert await ask(model_at(server)) == (["Hello", " there"], None)


async def test_an_empty_answer_is_whole() -> None:
    async with model_server(lambda _: Behaviour(tokens=())) as server:
        assert await ask(model_at(server)) == ([], None)


@pytest.mark.parametrize(
    ("behaviour", "heard", "cause"),
    [
        (Behaviour(finish_reason=None), ["Hello", " there"], "cut off: the stream ended"),
        (Behaviour(finish_reason="length"), ["Hello", " there"], "because of its length"),
        (Behaviour(cut_after=1), ["Hello"], "the connection to the model's server failed or broke"),
        (Behaviour(malformed_after=1), ["Hello"], "no JSON"),
        (Behaviour(strange_after=1), ["Hello"], "could not be understood"),
        (Behaviour(status=500), [], "answered 500"),
        (Behaviour(status=401), [], "answered 401 (check the API key)"),
        (Behaviour(status=404), [], "answered 404 (check the base URL and the model's name)"),
        (Behaviour(status=429), [], "answered 429 (too many requests"),
    ],
)  # fmt: skip
async def test_every_failure_is_a_model_failed_with_its_cause_and_no_secret(
    behaviour: Behaviour, heard: Sequence[str], cause: str
) -> None:
    async with model_server(lambda _: behaviour) as server:
        said, why = await ask(model_at(server))
    assert said == heard
    assert why is not None
    assert cause in why
    assert "secret" not in why


@pytest.mark.parametrize(
    ("behaviour", "heard", "cause"),
    [
        (Behaviour(silent=True), [], "did not begin to answer in time"),
        (Behaviour(stall_after=0), [], "did not begin to answer in time"),
        (Behaviour(stall_after=0, keep_alive=True), [], "did not begin to answer in time"),
        (Behaviour(status=429, headers={"retry-after": "100"}), [], "did not begin to answer in time"),
    ],
)
async def test_silence_has_a_limit_that_empty_chunks_and_retries_do_not_extend(
    behaviour: Behaviour, heard: Sequence[str], cause: str
) -> None:
    async with model_server(lambda _: behaviour) as server:
        with anyio.fail_after(10):
            said, why = await ask(model_at(server, first=0.3, retries=2))
    assert (said, cause in str(why)) == (heard, True)


@pytest.mark.parametrize("keep_alive", [False, True])
async def test_silence_between_two_texts_has_a_limit_of_its_own(keep_alive: bool) -> None:
    async with model_server(lambda _: Behaviour(stall_after=1, keep_alive=keep_alive)) as server:
        with anyio.fail_after(10):
            said, why = await ask(model_at(server, first=60, between=0.2))
    assert (said, why) == (["Hello"], "the model fell silent")


async def test_a_server_that_is_busy_once_is_asked_again() -> None:
    busy = Behaviour(status=429, headers={"retry-after": "0.01"})
    async with model_server(lambda call: busy if call == 0 else Behaviour()) as server:
        assert await ask(model_at(server, retries=1)) == (["Hello", " there"], None)
    assert len(server.calls) == 2


async def test_nobody_there_is_a_model_failed() -> None:
    async with model_server(lambda _: Behaviour()) as server:
        pass
    said, why = await ask(model_at(server))
    assert (said, why) == ([], "the connection to the model's server failed or broke")


@pytest.mark.parametrize("way", ["leave", "cancel"])
async def test_leaving_or_cancelling_ends_the_servers_work(way: str) -> None:
    async with model_server(lambda _: Behaviour(endless=True)) as server:
        with anyio.CancelScope() as scope:
            async with model_at(server).stream(PROMPT) as tokens:
                assert await anext(aiter(tokens)) == "Hello"
                if way == "cancel":
                    scope.cancel()
                    await anext(aiter(tokens))
        with anyio.fail_after(5):
            await server.gone.wait()
        sent = server.sent
    assert sent == server.sent


async def test_A2_a_verdict_that_is_cut_off_means_quiet() -> None:
    cut = Behaviour(tokens=("INTERJECT",), finish_reason=None)
    whole = Behaviour(tokens=("INTERJECT",))
    async with model_server(lambda call: cut if call == 0 else whole) as server:
        model = model_at(server)
        assert not (await judge(model, PROMPT, seconds=5)).speak
        assert (await judge(model, PROMPT, seconds=5)).speak


def test_no_settings_give_the_built_in_model_and_a_url_alone_is_an_error() -> None:
    assert isinstance(make_model(), BuiltinModel)
    assert isinstance(make_model("http://127.0.0.1:1/v1", "m"), OpenAIModel)
    assert isinstance(make_model(None, "m"), OpenAIModel)
    with pytest.raises(ValueError, match="which model"):
        make_model("http://127.0.0.1:1/v1", None)


async def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with model_server(lambda _: Behaviour()) as server:
        for key in ("sk-mine", None):
            if key is None:
                monkeypatch.delenv("OPENAI_API_KEY")
            else:
                monkeypatch.setenv("OPENAI_API_KEY", key)
            async with make_model(server.base_url, "m").stream(PROMPT) as tokens:
                assert [token async for token in tokens] == ["Hello", " there"]
    assert server.keys == ["Bearer sk-mine", "Bearer none"]


def test_importing_the_model_and_its_server_loads_neither_openai_nor_a_web_server() -> None:
    program = (
        "import sys, syncchat.agent.openai_model, syncchat.testing.model_server;"
        "sys.exit(' '.join({'openai', 'httpx2', 'starlette', 'uvicorn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
