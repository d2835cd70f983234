"""The OpenAI-compatible model: the real client against a real server on loopback that misbehaves."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import anyio
import pytest

from syncchat.agent.builtin import BuiltinModel
from syncchat.agent.factory import make_model
from syncchat.agent.judge import judge
from syncchat.agent.model import ModelFailed, Tokens, usage_of, whole
from syncchat.agent.openai_model import Limits, OpenAIModel, Retries
from syncchat.agent.persona import Persona
from syncchat.agent.prompt import Prompt, Turn, Who
from syncchat.agent.resident import models_of
from syncchat.agent.tools.streamed import calls_of
from syncchat.agent.tools.tool import ToolCall, ToolSpec
from syncchat.testing.model_server import MISBEHAVIOURS, Behaviour, ModelServer, model_server

PROMPT = Prompt("reply", Who("bot", "bot"), (), (), (Turn("system", "be brief"), Turn("user", "hi")))

pytestmark = pytest.mark.anyio


def model_at(
    server: ModelServer, *, first: float = 30.0, between: float = 30.0, size: int = 1_000, retries: int = 0
) -> OpenAIModel:
    return OpenAIModel(
        model="m",
        base_url=server.base_url,
        api_key="sk-secret",
        limits=Limits(first=first, between=between, size=size),
        retries=Retries(times=retries, base=0.001, patience=1.0),
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


@pytest.mark.parametrize(
    ("behaviour", "heard", "cause"),
    [
        (Behaviour(finish_reason=None), ["Hello", " there"], "cut off: the stream ended"),
        (Behaviour(finish_reason="length"), ["Hello", " there"], "because of its length"),
        (Behaviour(cut_after=1), ["Hello"], "the connection to the model's server failed or broke"),
        (Behaviour(malformed_after=1), ["Hello"], "no JSON"),
        (Behaviour(strange_after=1), ["Hello"], "could not be understood"),
        (Behaviour(error_after=1), ["Hello"], "reported an error in the middle"),
        (Behaviour(finish_reason="content_filter"), ["Hello", " there"], "filtered the answer"),
        (Behaviour(refusal="No, sk-secret."), [], "the model refused to answer"),
        (Behaviour(tokens=()), [], "the model answered with nothing"),
        (Behaviour(tokens=(" ", "\n")), [" ", "\n"], "the model answered with nothing"),
        (Behaviour(tokens=("x" * 1_001,)), [], "the answer is longer than 1000 characters"),
        (Behaviour(thinks=("x" * 1_001,)), [], "the answer is longer than 1000 characters"),
        (Behaviour(status=400), [], "answered 400"),
        (Behaviour(status=500), [], "answered 500"),
        (Behaviour(status=401), [], "answered 401 (check the API key)"),
        (Behaviour(status=404), [], "answered 404 (check the base URL and the model's name)"),
        (Behaviour(status=429), [], "answered 429 (too many requests"),
        (Behaviour(status=429, code="insufficient_quota"), [], "nothing left to spend"),
        (Behaviour(status=503, headers={"retry-after": "100"}), [], "answered 503 (it asks to wait 100 s)"),
    ],
)  # fmt: skip
async def test_A21_every_failure_is_a_model_failed_with_its_cause_and_no_secret(
    behaviour: Behaviour, heard: Sequence[str], cause: str
) -> None:
    async with model_server(lambda _: behaviour) as server:
        said, why = await ask(model_at(server))
    assert said == heard
    assert why is not None
    assert cause in why
    assert "secret" not in why


@pytest.mark.parametrize(
    ("behaviour", "reached"),
    [
        (Behaviour(refusal="No."), True),
        (Behaviour(finish_reason="content_filter"), True),
        (Behaviour(tokens=()), True),
        (Behaviour(tokens=("x" * 1_001,)), True),
        (Behaviour(status=400), True),
        (Behaviour(status=401), False),
        (Behaviour(status=429), False),
        (Behaviour(status=500), False),
        (Behaviour(silent=True), False),
        (Behaviour(cut_after=1), False),
    ],
)
async def test_A17_a_failure_tells_whether_the_model_was_there(behaviour: Behaviour, reached: bool) -> None:
    async with model_server(lambda _: behaviour) as server:
        with pytest.raises(ModelFailed) as failed:
            await whole(model_at(server), PROMPT, limit=10_000)
    assert failed.value.reached is reached


@pytest.mark.parametrize(
    ("behaviour", "heard", "cause"),
    [
        (Behaviour(silent=True), [], "did not begin to answer in time"),
        (Behaviour(stall_after=0), [], "did not begin to answer in time"),
        (Behaviour(stall_after=0, keep_alive=True), [], "did not begin to answer in time"),
    ],
)
async def test_A21_silence_has_a_limit_that_empty_chunks_and_retries_do_not_extend(
    behaviour: Behaviour, heard: Sequence[str], cause: str
) -> None:
    async with model_server(lambda _: behaviour) as server:
        with anyio.fail_after(60):
            said, why = await ask(model_at(server, first=0.3, retries=2))
    assert (said, cause in str(why)) == (heard, True)


@pytest.mark.parametrize("keep_alive", [False, True])
async def test_A21_silence_between_two_texts_has_a_limit_of_its_own(keep_alive: bool) -> None:
    async with model_server(lambda _: Behaviour(stall_after=1, keep_alive=keep_alive)) as server:
        with anyio.fail_after(60):
            said, why = await ask(model_at(server, first=60, between=0.2))
    assert (said, why) == (["Hello"], "the model fell silent")


@pytest.mark.parametrize(
    "behaviour", [Behaviour(endless=True), Behaviour(status=500), Behaviour(tokens=("x" * 9_000,))]
)
async def test_A21_a_server_that_sends_too_much_is_not_read_to_its_end(behaviour: Behaviour) -> None:
    async with model_server(lambda _: behaviour) as server:
        limits = Limits(first=30, between=30, bytes=50 if behaviour.status == 500 else 5_000)
        model = OpenAIModel(model="m", base_url=server.base_url, limits=limits, retries=Retries(times=0))
        assert (await ask(model))[1] == "the model's server sent too much"


async def test_A20_the_conversation_follows_no_redirect() -> None:
    async with model_server(lambda _: Behaviour()) as elsewhere:
        moved = Behaviour(status=307, headers={"location": f"{elsewhere.base_url}/chat/completions"})
        async with model_server(lambda _: moved) as server:
            said, why = await ask(model_at(server))
    assert (said, elsewhere.calls) == ([], [])
    assert why is not None
    assert "answered 307 (it has moved" in why


async def test_A21_100_000_tokens_end_at_the_bound_and_so_does_the_servers_work() -> None:
    async with model_server(lambda _: MISBEHAVIOURS["endless"]) as server:
        said, why = await ask(model_at(server))
        with anyio.fail_after(60):
            await server.gone.wait()
    assert (len("".join(said)), why) == (1_000, "the answer is longer than 1000 characters")
    assert server.sent < 100_000


BUSY = Behaviour(status=429, headers={"retry-after": "0.01"})


@pytest.mark.parametrize(
    "failing",
    [
        BUSY,
        Behaviour(status=429, headers={"retry-after-ms": "2"}),
        Behaviour(status=503, headers={"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}),
        Behaviour(status=500, headers={"retry-after": "soon"}),
        Behaviour(cut_after=0),
        Behaviour(malformed_after=0),
        Behaviour(error_after=0),
        Behaviour(tokens=(), finish_reason=None),
    ],
)
async def test_A21_what_fails_before_its_first_token_is_tried_again(failing: Behaviour) -> None:
    async with model_server(lambda call: failing if call < 2 else Behaviour()) as server:
        assert await ask(model_at(server, retries=2)) == (["Hello", " there"], None)
        assert len(server.calls) == 3


@pytest.mark.parametrize(
    "failing",
    [
        Behaviour(cut_after=1),
        Behaviour(malformed_after=1),
        Behaviour(thinks=("hm",), cut_after=0),
        Behaviour(finish_reason="length"),
        Behaviour(refusal="no"),
        Behaviour(tokens=()),
        Behaviour(status=401),
        Behaviour(status=429, code="insufficient_quota"),
        Behaviour(status=429, headers={"retry-after": "2"}),
    ],
)
async def test_A21_what_failed_later_for_good_or_for_too_long_is_not_tried_again(failing: Behaviour) -> None:
    async with model_server(lambda _: failing) as server:
        _, why = await ask(model_at(server, retries=2))
        assert (why is None, len(server.calls)) == (False, 1)


async def test_A21_tries_end_with_the_time_for_the_first_token() -> None:
    async with model_server(lambda _: Behaviour(status=500, headers={"retry-after": "40"})) as server:
        retries = Retries(times=5, patience=60)
        model = OpenAIModel(model="m", base_url=server.base_url, limits=Limits(first=30), retries=retries)
        _, why = await ask(model)
        assert (why, len(server.calls)) == ("the model's server answered 500 (it asks to wait 40 s)", 1)


def test_A21_waits_double_to_their_cap_and_are_jittered() -> None:
    retries = Retries(base=1.0, cap=5.0)
    assert [retries.wait(attempt, lambda: 0.0) for attempt in range(4)] == [1.0, 2.0, 4.0, 5.0]
    assert [retries.wait(attempt, lambda: 1.0) for attempt in range(4)] == [0.5, 1.0, 2.0, 2.5]


async def usage_at(model: OpenAIModel, prompt: Prompt = PROMPT) -> Tokens | None:
    """What the endpoint says that an answer took, whole or not."""
    async with model.stream(prompt) as pieces:
        try:
            async for _ in pieces:
                pass
        except ModelFailed:
            return usage_of(pieces)
        return usage_of(pieces)


@pytest.mark.parametrize(
    ("behaviour", "tokens_out"),
    [(Behaviour(), 2), (Behaviour(finish_with_last=True), 2), (Behaviour(finish_reason="length"), 2)],
)
async def test_what_a_call_took_is_what_the_endpoint_reports(behaviour: Behaviour, tokens_out: int) -> None:
    async with model_server(lambda _: behaviour) as server:
        usage = await usage_at(model_at(server))
        assert usage is not None
        assert (usage.tokens_out, usage.tokens_in > 5) == (tokens_out, True)


async def test_an_endpoint_that_refuses_to_tell_what_a_call_took_is_asked_without() -> None:
    async with model_server(lambda _: MISBEHAVIOURS["no-usage"]) as server:
        model = model_at(server)
        assert await ask(model) == (["Hello", " there"], None)
        assert await usage_at(model) is None
        assert ["stream_options" in call for call in server.calls] == [True, False, False]


async def test_a_refusal_of_something_else_does_not_end_the_asking_for_usage() -> None:
    async with model_server(lambda call: Behaviour(status=400 if call < 2 else 200)) as server:
        model = model_at(server)
        assert (await ask(model))[1] is not None
        assert await usage_at(model) is not None


async def test_tool_calls_are_put_together_from_their_parts() -> None:
    parts = [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "search", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"q":'}},
        {"index": 0, "function": {"arguments": '"x"}'}},
    ]
    behaviour = Behaviour(tokens=(), tool_calls=parts, finish_reason="tool_calls")
    spec = ToolSpec("search", "Searches.", {"type": "object", "properties": {}})
    async with model_server(lambda _: behaviour) as server:
        async with model_at(server).stream(replace(PROMPT, tools=(spec,))) as pieces:
            assert [piece async for piece in pieces] == []
            assert calls_of(pieces) == (ToolCall("search", '{"q":"x"}'),)
        assert server.calls[0]["tools"] == [{"type": "function", "function": spec._asdict()}]
        await ask(model_at(server))
        assert "tools" not in server.calls[1]


async def test_a_model_that_thinks_aloud_is_not_silent_and_its_thoughts_are_no_text() -> None:
    async with model_server(lambda _: Behaviour(thinks=("so", "hm"))) as server:
        assert await ask(model_at(server)) == (["Hello", " there"], None)


async def test_A21_nobody_there_is_a_model_failed() -> None:
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
        with anyio.fail_after(60):
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


async def test_A24_two_personas_ask_with_the_keys_that_their_variables_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-shared")
    monkeypatch.setenv("ONE_KEY", "sk-one")
    async with model_server(lambda _: Behaviour()) as server:
        for variable in ("ONE_KEY", None):
            persona = Persona("one", "one", model="m", base_url=server.base_url, api_key_env=variable)
            async with models_of(persona)[0].stream(PROMPT) as tokens:
                assert [token async for token in tokens] == ["Hello", " there"]
    assert server.keys == ["Bearer sk-one", "Bearer sk-shared"]


def test_importing_the_model_and_its_server_loads_neither_openai_nor_a_web_server() -> None:
    program = (
        "import sys, syncchat.agent.openai_model, syncchat.testing.model_server;"
        "sys.exit(' '.join({'openai', 'httpx2', 'starlette', 'uvicorn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
