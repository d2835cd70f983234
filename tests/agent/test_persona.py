"""Personas by file: what can be said of an agent, and how what cannot be is told."""

from dataclasses import replace
from pathlib import Path

import pytest

from syncchat.agent.budget import Budget
from syncchat.agent.persona import MAX_PERSONAS, BadPersona, McpServer, Persona, read_persona, read_personas
from syncchat.agent.policy.manners import Manners
from syncchat.agent.resident import models_of

TOOLS = ("search", "page")
WHOLE = """
user = "librarian"
name = "The librarian"
prompt = "You know where everything is."
base_url = "http://127.0.0.1:11434/v1"
api_key_env = "LIBRARIAN_KEY"
model = "large"
judge_model = "small"
rooms = ["team-*", "lobby"]
summon = "moderators"
tools = ["search"]

[policy]
ambient = true
grace = 30
on_newer = "queue"

[room."team-*"]
grace = 300
share = 0.1

[room.team-a]
ambient = false
grace = 0

[budget]
calls_per_user = 20

[mcp.files]
command = ["files", "--root", "/srv"]
env = { MODE = "ro" }
free = ["list"]
"""


def written(folder: Path, text: str, name: str = "one.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_A24_a_file_says_who_an_agent_is_how_it_behaves_and_what_it_may(tmp_path: Path) -> None:
    assert read_persona(written(tmp_path, WHOLE), TOOLS) == Persona(
        user="librarian",
        name="The librarian",
        prompt="You know where everything is.",
        base_url="http://127.0.0.1:11434/v1",
        api_key_env="LIBRARIAN_KEY",
        model="large",
        judge_model="small",
        rooms=("team-*", "lobby"),
        summon="moderators",
        tools=("search",),
        manners=Manners(ambient=True, grace=30.0, on_newer="queue"),
        tuned={"team-*": {"grace": 300.0, "share": 0.1}, "team-a": {"ambient": False, "grace": 0.0}},
        budget=Budget(calls_per_user=20),
        mcp={"files": McpServer(("files", "--root", "/srv"), {"MODE": "ro"}, free=("list",))},
    )


def test_A24_a_name_is_enough_and_all_else_is_as_usual(tmp_path: Path) -> None:
    persona = read_persona(written(tmp_path, 'user = "bot"'))
    assert persona == Persona("bot", "bot")
    assert persona.lives_in("anywhere")


def test_A24_it_lives_in_the_rooms_that_its_patterns_fit(tmp_path: Path) -> None:
    persona = read_persona(written(tmp_path, WHOLE), TOOLS)
    assert [room for room in ("lobby", "lobby2", "team-a", "a") if persona.lives_in(room)] == [
        "lobby",
        "team-a",
    ]


def test_A27_in_the_rooms_that_a_file_names_its_manners_are_as_it_says_for_them(tmp_path: Path) -> None:
    persona = read_persona(written(tmp_path, WHOLE), TOOLS)
    usual = Manners(ambient=True, grace=30.0, on_newer="queue")
    assert persona.manners_in("lobby") == usual
    assert persona.manners_in("team-b") == replace(usual, grace=300.0, share=0.1)
    assert persona.manners_in("team-a") == replace(usual, ambient=False, grace=0.0, share=0.1)


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ("", "user", "1 to 40 of"),
        ('user = "a b"', "user", "1 to 40 of"),
        ("user = 7", "user", "a text"),
        ('user = "a"\nname = " "', "name", "what people shall see"),
        ('user = "a"\nmodle = "x"', "modle", "there are api_key_env"),
        ('user = "a"\nrooms = "lobby"', "rooms", "a list of texts"),
        ('user = "a"\nrooms = [1]', "rooms", "a list of texts"),
        ('user = "a"\nsummon = "all"', "summon", "'members' or 'moderators' or 'nobody'"),
        ('user = "a"\ntools = ["shell"]', "tools", "there are search, page"),
        ('user = "a"\nbase_url = "http://x"', "model", "name the one that answers"),
        ('user = "a"\napi_key_env = "KEY"', "model", "leave api_key_env out"),
        ('user = "a"\nmodel = "m"\napi_key_env = "sk-1"', "api_key_env", "never in this file"),
        ('user = "a"\nmodel = "m"\napi_key_env = ""', "api_key_env", "never in this file"),
        ('user = "a"\nprompt = "' + "x" * 16_001 + '"', "prompt", "pays for it"),
        ('user = "a"\npolicy = 1', "[policy]", "a table"),
        ('user = "a"\n[policy]\ngraze = 1', "graze", "there are ambient"),
        ('user = "a"\n[policy]\ngrace = "soon"', "[policy] grace", "a number"),
        ('user = "a"\n[policy]\ngrace = -1', "[policy] grace", "0 or more"),
        ('user = "a"\n[policy]\ngrace = inf', "[policy] grace", "a number"),
        ('user = "a"\n[policy]\nshare = 2', "[policy]: share", "from 0 to 1"),
        ('user = "a"\n[policy]\nambient = 1', "[policy] ambient", "true or false"),
        ('user = "a"\n[policy]\non_newer = "wait"', "[policy] on_newer", "'queue' or 'merge'"),
        ('user = "a"\n[room]\ngrace = 3', "[room.NAME]", "a pattern as in"),
        ('user = "a"\n[room."a b"]\ngrace = 3', "[room.a b]", "or a pattern like team-*"),
        ('user = "a"\n[room.lobby]\ngraze = 3', "graze", "there are ambient"),
        ('user = "a"\n[room.lobby]\ngrace = "x"', "[room.lobby] grace", "a number"),
        ('user = "a"\n[room.lobby]\nshare = 2', "[room.lobby]: share", "from 0 to 1"),
        ('user = "a"\n[budget]\ncalls = true', "[budget] calls", "a whole number"),
        ('user = "a"\n[budget]\ncalls = 1.5', "[budget] calls", "a whole number"),
        ('user = "a"\n[budget]\nmoney = "1"', "[budget] money", "a number"),
        ('user = "a"\n[prices]\nlarge = 3', "large", "in and out"),
        ('user = "a"\nprices = 3', "[prices]", "in and out"),
        ('user = "a"\n[mcp.files]\nenv = {}', "[mcp.files] command", "as a list"),
        ('user = "a"\n[mcp.files]\ncommand = "files"', "[mcp.files] command", "a list of texts"),
        ('user = "a"\n[mcp."a b"]\ncommand = ["x"]', "[mcp.a b]", "1 to 40 of"),
        ('user = "a"\n[mcp.x]\ncommand = ["x"]\nenv = { A = 1 }', "[mcp.x] env", "a table of texts"),
        ('user = "a"\nmcp = 3', "[mcp.NAME]", "a table with a command"),
    ],
)
def test_A24_what_cannot_be_is_told_with_file_key_and_remedy(
    tmp_path: Path, text: str, key: str, remedy: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BadPersona) as caught:
        read_persona(path, TOOLS)
    told = str(caught.value)
    assert told.startswith(f"{path}: ")
    assert key in told
    assert remedy in told
    assert len(told) < 400
    assert "sk-1" not in told


@pytest.mark.parametrize("data", [b"user = ", b"\xff\xfe", None])
def test_A24_a_file_that_cannot_be_read_is_told(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "one.toml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BadPersona, match=r"no TOML|cannot be read"):
        read_persona(path)


def test_A24_a_folder_has_an_agent_for_each_file(tmp_path: Path) -> None:
    for name in ("b", "a"):
        written(tmp_path, f'user = "{name}"', f"{name}.toml")
    written(tmp_path, "not meant", "README")
    assert [persona.user for persona in read_personas(tmp_path)] == ["a", "b"]


def test_A24_a_folder_without_personas_with_too_many_or_two_of_one_user_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadPersona, match=r"put a file NAME\.toml there"):
        read_personas(tmp_path)
    written(tmp_path, 'user = "a"', "1.toml")
    written(tmp_path, 'user = "a"', "2.toml")
    with pytest.raises(BadPersona, match=r"2\.toml.*as in .*1\.toml; give each its own"):
        read_personas(tmp_path)
    for number in range(MAX_PERSONAS + 1):
        written(tmp_path, f'user = "a{number}"', f"{number}.toml")
    with pytest.raises(BadPersona, match="at most"):
        read_personas(tmp_path)


@pytest.mark.parametrize("value", [None, "", " "])
def test_A24_a_key_that_is_not_in_its_variable_is_told_with_the_variable(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-shared")
    monkeypatch.delenv("LIBRARIAN_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("LIBRARIAN_KEY", value)
    with pytest.raises(
        BadPersona, match="the persona lib: the environment variable LIBRARIAN_KEY is not set"
    ):
        models_of(Persona("lib", "lib", model="m", api_key_env="LIBRARIAN_KEY"))
