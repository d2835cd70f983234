"""Who has only HTTP asks agents to stop, to answer again, and not to wait."""

from pathlib import Path

import anyio
import pytest

from syncchat.core.grant import Role
from syncchat.peer import Peer
from syncchat.testing.model_server import Behaviour
from syncchat.testing.program import PATIENCE, Daemon
from tests.server.http_caller import Caller, Json, scene, until
from tests.server.letting import run, token
from tests.server.test_api import Api

ASK = "/api/v1/rooms/lobby/ask"
ENDLESS = Behaviour(endless=True, pace=0.01)


async def version_of(caller: Caller, id: str) -> Json:
    """The new version of an answer, as soon as it is finished."""
    found: list[Json] = []

    async def is_there() -> bool:
        found[:] = [a for a in await caller.answers() if a["of"] == id and not a["streaming"]]
        return bool(found)

    await until(is_there)
    return found[-1]


@pytest.mark.anyio
@pytest.mark.parametrize("names_answer", [True, False])
async def test_A16_W1_who_has_only_http_stops_an_answer_by_its_id_or_the_questions(
    tmp_path: Path, names_answer: bool
) -> None:
    async with scene(tmp_path, ENDLESS) as (caller, _, server):
        asked = await caller.post("@agent count, please")
        answer = await caller.answer(lambda answer: "Hello there" in answer["text"])
        assert await caller.ask("stop", answer["id"] if names_answer else asked) == 202
        answer = await caller.answer(lambda answer: not answer["streaming"])
        assert (answer["state"], answer["stopped_by"]) == ("stopped", "ada")
        with anyio.fail_after(PATIENCE):
            await server.gone.wait()
        assert await caller.ask("stop", answer["id"]) == 202, "a second stop changes nothing"


@pytest.mark.anyio
async def test_A16_W1_who_has_only_http_gets_another_version_also_when_the_agent_has_left(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, Behaviour(cut_after=1), Behaviour()) as (caller, daemon, _):
        await caller.post("@agent hello?")
        failed = await caller.answer(lambda answer: answer["state"] == "interrupted")
        await anyio.to_thread.run_sync(daemon.restart)
        await until(caller.is_alone)
        assert await caller.ask("again", failed["id"]) == 202
        answer = await version_of(caller, failed["id"])
        assert (answer["text"], answer["state"]) == ("Hello there", None)


@pytest.mark.anyio
async def test_A29_W1_who_has_only_http_gets_another_version_of_an_answer_that_is_long_ago(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, Behaviour()) as (caller, _, server):
        asked = await caller.post("@agent hello?")
        old = await caller.answer(lambda answer: not answer["streaming"])

        async def is_turned() -> bool:
            await caller.post("long " * 2_000)
            return int((await caller.get("/messages?limit=1"))["next"].partition(":")[0]) == 3

        await until(is_turned)
        assert await caller.ask("again", old["id"]) == 202
        answer = await version_of(caller, old["id"])
        assert (answer["re"], answer["text"]) == (asked, "Hello there")
        assert "@agent hello?" in server.calls[-1]["messages"][-1]["content"]


@pytest.mark.anyio
async def test_A11_W1_who_has_only_http_need_not_wait_for_the_grace_period(tmp_path: Path) -> None:
    async with scene(tmp_path, Behaviour()) as (caller, daemon, _):
        async with Peer(user="bob", server=daemon.address) as bob:
            room = await bob.enter("lobby")
            with anyio.fail_after(PATIENCE):
                await bob.until(lambda: any(p.user == "agent" for p in room.people))
                room.ask("ambient", value="on")
                await bob.until(lambda: any(p.state.get("mode") == "ambient" for p in room.people))
                asked = await caller.post("does anybody know what 6*7 is?")
                await bob.until(lambda: any(p.state.get("state") == "waiting" for p in room.people))
                assert await caller.ask("now", asked) == 202
        answer = await caller.answer(lambda answer: not answer["streaming"])
        assert (answer["re"], answer["text"]) == (asked, "Hello there")


@pytest.fixture
def api(daemon: Daemon) -> Api:
    return Api(daemon)


def test_W1_G11_a_request_goes_through_the_guard_like_every_write(folder: Path, guarded: Daemon) -> None:
    writer = Api(guarded, token(folder, "ada"))
    reader = Api(guarded, token(folder, "bob", {"lobby": Role.READER}))
    stranger = Api(guarded, token(folder, "eve", {"cellar": Role.WRITER}))
    body = {"verb": "stop", "id": writer.post("hello").json()["id"]}
    assert writer.ask("POST", ASK, json=body).json() == body
    silenced = reader.ask("POST", ASK, json=body)
    assert (silenced.status_code, silenced.json()["rule"]) == (403, "G11")
    assert stranger.ask("POST", ASK, json=body).status_code == 404
    assert Api(guarded, "").ask("POST", ASK, json=body).status_code == 401


@pytest.mark.anyio
async def test_W1_a_request_is_a_row_of_the_verified_users_beside_its_message(
    daemon: Daemon, api: Api
) -> None:
    id = api.post("hello").json()["id"]
    for page in (None, 0):
        body = {"verb": "again", "id": id} | ({} if page is None else {"page": page})
        assert api.ask("POST", ASK, json=body).status_code == 202
    async with Peer(user="bob", server=daemon.address) as peer:
        with anyio.fail_after(PATIENCE):
            room = await peer.enter("lobby")
            await peer.settled()
    assert [(asked.verb, asked.what, asked.user) for asked in room.asked()] == [("again", id, "ada")]


def test_W4_what_cannot_be_asked_is_told_so(api: Api) -> None:
    id = api.post("hello").json()["id"]
    unknown = id.replace("ada", "bob")
    bad = [{}, {"verb": "summon", "id": id}, {"verb": "stop"}, {"verb": "stop", "id": "x"}, [1]]
    bad += [{"verb": "stop", "id": id, "page": page} for page in (-1, True, "0")]
    assert {api.ask("POST", ASK, json=body).status_code for body in bad} == {422}
    gone = [{"verb": "stop", "id": unknown}, {"verb": "stop", "id": id, "page": 7}]
    answers = [api.ask("POST", ASK, json=body) for body in gone]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "no_message")] * 2


def test_W1_the_verb_asks_and_tells_what_is_wrong(daemon: Daemon, api: Api) -> None:
    id = api.post("hello").json()["id"]
    asked = run("ask", "stop", "lobby", id, "--server", daemon.address, "--name", "ada")
    assert (asked.returncode, asked.stderr) == (0, "")
    unknown = run("ask", "now", "lobby", id.replace("ada", "bob"), "--server", daemon.address)
    assert unknown.returncode != 0
    assert "no such message: check its id" in unknown.stderr
    assert len(unknown.stderr.splitlines()) == 1
