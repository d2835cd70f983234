"""The agent in the daemon's process and on its own: the same code, the same answers."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest

from syncchat.peer import Peer
from syncchat_server.child import Child, running

PATIENCE = 30


@contextmanager
def agent_of_its_own(address: str, data: Path, *options: str) -> Iterator[None]:
    command = [sys.executable, "-m", "syncchat", "agent", "--server", address, "--room", "lobby"]
    process = subprocess.Popen([*command, "--data", str(data), *options], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert "takes part in lobby" in process.stdout.readline()
        yield
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


async def ask(address: str, question: str) -> str:
    """Post a question when the agent is there; returns its finished answer."""
    async with Peer(user="ada", server=address) as peer:
        room = await peer.enter("lobby")
        with anyio.fail_after(PATIENCE):
            await peer.until(lambda: any(person.state.get("agent") for person in room.people))
            id = room.post(question)
            await peer.until(lambda: any(m.agent and not m.streaming and m.re == id for m in room.timeline))
    return next(message.text for message in room.timeline if message.re == id)


@pytest.mark.anyio
async def test_A5_A3_it_answers_from_the_daemons_process(tmp_path: Path) -> None:
    with running(partial(Child, tmp_path / "server", agent=True)) as daemon:
        assert "= 42" in await ask(daemon.address, "@agent what is 6*7?")


@pytest.mark.anyio
async def test_A5_A3_it_answers_on_its_own_over_a_websocket(tmp_path: Path) -> None:
    with (
        running(partial(Child, tmp_path / "server", agent=False)) as daemon,
        agent_of_its_own(daemon.address, tmp_path / "agent"),
    ):
        assert "= 42" in await ask(daemon.address, "@agent what is 6*7?")


@pytest.mark.anyio
async def test_A3_S9_it_comes_with_the_first_guest_and_leaves_with_the_last(tmp_path: Path) -> None:
    with running(partial(Child, tmp_path / "server", agent=True)) as daemon:
        for question in ("@agent what is 6*7?", "@agent what is 40+2?"):
            assert "= 42" in await ask(daemon.address, question)


def persona(folder: Path, text: str) -> Path:
    """A file with a persona."""
    folder.mkdir(exist_ok=True)
    file = folder / "one.toml"
    file.write_text(text, encoding="utf-8")
    return file


async def send_away_and_back(address: str, user: str) -> None:
    """Dismiss an agent, and summon it again, as everybody in the room sees it."""
    async with Peer(user="ada", server=address) as peer:
        room = await peer.enter("lobby")

        def is_here() -> bool:
            return any(person.user == user for person in room.people)

        with anyio.fail_after(PATIENCE):
            await peer.until(is_here)
            room.ask("dismiss", None, {"agent": user})
            await peer.until(lambda: not is_here())
            room.ask("summon", None, {"agent": user})
            await peer.until(lambda: any(p.user == user and p.state.get("agent") for p in room.people))


@pytest.mark.anyio
async def test_A24_a_folder_of_personas_runs_in_the_daemon_beside_the_built_in_agent(tmp_path: Path) -> None:
    folder = persona(tmp_path / "cast", 'user = "sums"\nname = "Sums"').parent
    start = partial(Child, tmp_path / "server", agent=True, options=("--agents", str(folder)))
    with running(start) as daemon:
        assert "= 42" in await ask(daemon.address, "@sums what is 6*7?")
        assert "= 42" in await ask(daemon.address, "@agent what is 6*7?")
        await send_away_and_back(daemon.address, "sums")
        kept = sorted(path.name for path in (tmp_path / "server" / "agents").glob("*.sqlite"))
    assert kept == ["agent.sqlite", "sums.sqlite"]


@pytest.mark.anyio
async def test_A24_A5_a_persona_runs_on_its_own_and_heeds_who_sends_it_away(tmp_path: Path) -> None:
    file = persona(tmp_path / "cast", 'user = "sums"\nname = "Sums"')
    with (
        running(partial(Child, tmp_path / "server", agent=False)) as daemon,
        agent_of_its_own(daemon.address, tmp_path / "agent", "--persona", str(file)),
    ):
        assert "= 42" in await ask(daemon.address, "@sums what is 6*7?")
        await send_away_and_back(daemon.address, "sums")


def started(folder: Path, verb: tuple[str, ...], file: Path) -> subprocess.CompletedProcess[str]:
    """What becomes of a verb that is not to start at all."""
    command = [part.format(file=file, folder=file.parent) for part in verb]
    return subprocess.run(
        [sys.executable, "-m", "syncchat", *command, "--data", str(folder / "data")],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


LIMITED = """
user = "lib"
model = "gpt-9"
base_url = "http://127.0.0.1:9/v1"
[budget]
money_per_user = 0.5
"""


@pytest.mark.parametrize("verb", [("serve", "--agents", "{folder}"), ("agent", "--persona", "{file}")])
def test_A23_a_limit_in_money_with_a_model_without_a_price_is_told_before_anything_runs(
    tmp_path: Path, verb: tuple[str, ...]
) -> None:
    file = persona(tmp_path / "cast", LIMITED)
    done = started(tmp_path, verb, file)
    assert done.returncode == 2
    told = "the agent lib has a limit in money (money_per_user), and the model 'gpt-9' has no price"
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_A23_prices_of_a_persona_in_a_daemon_are_told_to_stand_elsewhere(tmp_path: Path) -> None:
    file = persona(tmp_path / "cast", LIMITED + '[prices]\n"gpt-9" = { in = 1, out = 2 }')
    done = started(tmp_path, ("serve", "--agents", "{folder}"), file)
    assert (done.returncode, "in a daemon they stand in the daemon's file" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("verb", "why"),
    [
        (("serve", "--agents", "{folder}"), "one.toml: user is missing"),
        (("agent", "--persona", "{file}"), "one.toml: user is missing"),
        (("agent", "--persona", "{file}", "--model", "x"), "leave those options out"),
        (("agent",), "name the rooms"),
        (("serve", "--agent", "--model", "x", "--base-url", "nowhere"), "'nowhere' is no endpoint"),
    ],
)
def test_A24_what_cannot_be_is_told_before_anything_runs(
    tmp_path: Path, verb: tuple[str, ...], why: str
) -> None:
    done = started(tmp_path, verb, persona(tmp_path / "cast", ""))
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr
