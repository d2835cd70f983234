"""`syncchat search`: on this machine with no server, and on a daemon; what goes wrong is told in a line."""

import json
from pathlib import Path

import anyio
import pytest

from syncchat.core.grant import Role
from syncchat.peer import Peer
from syncchat.search import BadQuery, SearchFailed
from syncchat.search.remote import search_served
from syncchat.search.wire import from_json, to_json
from syncchat.testing.program import PATIENCE, Daemon
from tests.server.letting import made, run, token
from tests.server.test_api import Api, url_of
from tests.server.test_api_search import eventually, search

EVIL = "cake \x1b[2J\x07\nand more cake"


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    """A data folder with somebody's own copy."""
    (tmp_path / "home").mkdir()
    async with Peer(tmp_path / "home" / "rooms.sqlite", user="ada") as ada:
        (await ada.enter("lobby")).post("the cake is in the cellar")
        (await ada.enter("team-a")).post(EVIL)
        await ada.saved()
    return tmp_path / "home"


@pytest.mark.anyio
async def test_H8_O1_what_is_on_this_machine_is_found_with_no_server(home: Path) -> None:
    for _ in range(2):
        [line] = made("search", "--data", home, "cake", "room:lobby").splitlines()
        assert "lobby ada: the cake is in the cellar" in line
    (home / "search.sqlite").write_bytes(b"rubbish" * 1000)
    assert len(made("search", "--data", home, "cake", "author:ada").splitlines()) == 2
    nothing = run("search", "--data", home, '"cake is the"')
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "nothing was found" in nothing.stderr


@pytest.mark.anyio
async def test_H8_what_is_shown_never_steers_the_terminal(home: Path) -> None:
    shown = made("search", "--data", home, '"more cake"')
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "cake [2J and more cake" in shown


@pytest.mark.anyio
async def test_H8_more_hits_are_led_to(home: Path) -> None:
    first = run("search", "--data", home, "cake", "--limit", 1)
    cursor = first.stderr.split()[-1]
    rest = run("search", "--data", home, "cake", "--before", cursor)
    assert sorted(line.split()[2] for line in (first.stdout + rest.stdout).splitlines()) == [
        "lobby",
        "team-a",
    ]


def test_H8_a_daemon_is_asked_as_its_api_answers(folder: Path, guarded: Daemon, tmp_path: Path) -> None:
    ada = Api(guarded, token(folder, "ada", {"*": Role.WRITER}))
    ada.post("the cake is in the cellar")
    ada.post("a secret cake", room="cellar")
    eventually(ada, "cake", ["a secret cake", "the cake is in the cellar"])
    file = tmp_path / "token"
    file.write_text(token(folder, "bob"))
    asked = ("search", "--server", guarded.address, "--token-file", file, "cake")
    told = json.loads(made(*asked, "--json"))
    bob = Api(guarded, file.read_text())
    assert told == search(bob, "cake") == json.loads(json.dumps(to_json(from_json(told))))
    assert [hit["snippet"] for hit in told["hits"]] == ["the cake is in the cellar"]
    assert "lobby ada: the cake is in the cellar" in made(*asked)
    assert "token" in run("search", "--server", guarded.address, "cake").stderr


def test_H8_W4_what_goes_wrong_is_told_in_one_line(tmp_path: Path) -> None:
    for arguments, words in (
        (("--data", tmp_path, "cake"), "no copy of any room"),
        (("--server", "ws://127.0.0.1:1", "cake"), "see whether its daemon runs"),
        (("--server", "lobby", "cake"), "no server address"),
        (("--server", "ws://127.0.0.1:1", '"cake'), "not closed"),
    ):
        refused = run("search", *arguments)
        assert refused.returncode == 2
        assert words in refused.stderr
        assert len(refused.stderr.splitlines()) == 1


def test_H8_a_query_that_cannot_be_meant_makes_no_index(tmp_path: Path) -> None:
    (tmp_path / "rooms.sqlite").touch()
    assert "not closed" in run("search", "--data", tmp_path, '"cake').stderr
    assert [path.name for path in tmp_path.iterdir()] == ["rooms.sqlite"]


def test_U5_H8_what_answers_otherwise_than_a_daemon_is_told_and_gets_no_second_request(
    daemon: Daemon,
) -> None:
    async def main() -> None:
        with anyio.fail_after(PATIENCE):
            with pytest.raises(BadQuery):
                await search_served(daemon.address, "ada", '"cake')
            with pytest.raises(SearchFailed, match="is it a daemon"):
                await search_served(url_of(daemon) + "/nowhere", "ada", "cake")
            with pytest.raises(SearchFailed, match="valid token"):
                await search_served(daemon.address, "", "cake")

    anyio.run(main)


@pytest.mark.parametrize(
    "told", [None, [], {}, {"hits": 1}, {"hits": [{}], "next": None, "complete": True}, {"hits": []}]
)
def test_H8_an_answer_that_is_none_is_no_answer(told: object) -> None:
    with pytest.raises(ValueError, match="no answer"):
        from_json(told)
