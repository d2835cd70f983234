"""Links that open a room: made, taken apart, and never with the token where a server sees it."""

import base64
import json
from urllib.parse import urlsplit

import pytest

from syncchat.cli.invitation import Invitation, bearer_of, format_link, is_link, parse_link
from syncchat.cli.tokens import rooms_of
from syncchat.core.grant import Role


def token(**claims: object) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.x"


@pytest.mark.parametrize("server", ["ws://127.0.0.1:8040", "wss://chat.example.org", "ws://[::1]:8040"])
def test_U5_a_link_leads_to_its_room_with_the_token_in_the_fragment(server: str) -> None:
    invitation = Invitation(server, "lobby", "a.b-_c")
    link = format_link(invitation)
    assert parse_link(link) == invitation
    assert urlsplit(link).fragment == "a.b-_c"
    assert "a.b-_c" not in link.partition("#")[0]
    assert is_link(link)
    assert not is_link("lobby")


@pytest.mark.parametrize("server", ["http://x", "ws://", "127.0.0.1:8040", "ws://x/path", "ws://x?a=b"])
def test_U5_a_link_to_what_is_no_server_is_not_made(server: str) -> None:
    with pytest.raises(ValueError, match="server address"):
        format_link(Invitation(server, "lobby", "t"))


@pytest.mark.parametrize(
    "link",
    [
        "https://x/lobby#secret",
        "syncchat://x/lobby?token=secret",
        "syncchat:///lobby#secret",
        "syncchat://x/lobby",
        "syncchat://[/lobby#secret",
        "syncchat://x/#secret",
        "syncchat://x/../etc#secret",
    ],
)
def test_U5_what_is_no_link_is_refused_without_its_token(link: str) -> None:
    with pytest.raises(ValueError, match=r"invitation|room") as error:
        parse_link(link)
    assert "secret" not in str(error.value)


def test_U1_a_client_reads_from_its_token_who_it_is() -> None:
    assert bearer_of(token(sub="ada")) == "ada"
    assert bearer_of(token(sub="ada@example.org")).startswith("u-")


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "..", token(), token(sub=""), token(sub=7), "a.é.c"])
def test_U1_what_says_nobody_is_no_token(text: str) -> None:
    with pytest.raises(ValueError, match="no token"):
        bearer_of(text)


def test_U1_rooms_are_given_with_roles_of_their_own_or_the_common_one() -> None:
    assert rooms_of(["team-*", "lobby:reader"], Role.WRITER) == {
        "team-*": Role.WRITER,
        "lobby": Role.READER,
    }


@pytest.mark.parametrize("room", ["lobby:king", "a/b", "", "x" * 41, ":writer"])
def test_U1_a_room_or_role_that_cannot_be_is_named(room: str) -> None:
    with pytest.raises(ValueError, match=r"no role|no room"):
        rooms_of([room], Role.WRITER)
