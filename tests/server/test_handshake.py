"""Where a socket comes from and how its token travels: what a handshake may say."""

import pytest
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from syncchat.errors import CloseCode, ProtocolError
from syncchat_server.handshake import Origins, bearer, subprotocol


def connection(query: str = "", protocols: tuple[str, ...] = (), **headers: str) -> HTTPConnection:
    """A handshake with these headers."""
    raw = Headers({name.replace("_", "-"): value for name, value in headers.items()}).raw
    return HTTPConnection(
        {
            "type": "websocket",
            "path": "/y/lobby/0",
            "query_string": query.encode(),
            "headers": raw,
            "subprotocols": list(protocols),
        }
    )


CLOSED = Origins.of([], any_host=False)
AUTHENTICATED = Origins.of(["https://App.example.org/"], any_host=True)


@pytest.mark.parametrize(
    ("origin", "host", "closed", "authenticated"),
    [
        ("http://127.0.0.1:8040", "127.0.0.1:8040", True, True),
        ("http://localhost:8040", "localhost:8040", True, True),
        ("http://[::1]:8040", "[::1]:8040", True, True),
        ("https://chat.example.org", "chat.example.org", False, True),
        ("http://evil.example.org", "127.0.0.1:8040", False, False),
        ("http://127.0.0.1:8041", "127.0.0.1:8040", False, False),
        ("http://127.0.0.1:8040.evil.org", "127.0.0.1:8040", False, False),
        ("https://app.example.org", "chat.example.org", False, True),
        ("https://app.example.org.evil.org", "chat.example.org", False, False),
        ("null", "127.0.0.1:8040", False, False),
        ("http://[", "127.0.0.1:8040", False, False),
        ("", "", False, False),
    ],
)
def test_U7_a_web_pages_socket_is_taken_from_the_own_host_only_unless_allowed(
    origin: str, host: str, closed: bool, authenticated: bool
) -> None:
    page = connection(origin=origin, host=host)
    assert CLOSED.allow(page) is closed
    assert AUTHENTICATED.allow(page) is authenticated


def test_U7_a_name_that_an_attacker_made_to_point_here_is_not_the_own_host() -> None:
    """DNS rebinding: origin and host agree, and are the attacker's."""
    assert not CLOSED.allow(connection(origin="http://evil.org:8040", host="evil.org:8040"))


def test_U7_programs_have_no_origin_and_everybody_may_be_allowed() -> None:
    assert CLOSED.allow(connection(host="evil.org"))
    assert Origins.of(["*"], any_host=False).allow(connection(origin="https://evil.org", host="x"))


def test_U5_a_token_comes_in_a_header_or_as_a_subprotocol() -> None:
    assert bearer(connection(authorization="Bearer a.b.c")) == "a.b.c"
    assert bearer(connection(authorization="bearer  a.b.c ")) == "a.b.c"
    assert bearer(connection(authorization="Basic YTpi")) == ""
    assert bearer(connection(protocols=("syncchat", "syncchat.token.a.b.c"))) == "a.b.c"
    assert bearer(connection()) == ""


@pytest.mark.parametrize("query", ["token=a.b.c", "user=ada&access_token=a.b.c", "jwt="])
def test_U5_a_token_in_an_address_is_refused_with_the_remedy(query: str) -> None:
    with pytest.raises(ProtocolError, match="Authorization") as error:
        bearer(connection(query, authorization="Bearer a.b.c"))
    assert error.value.code == CloseCode.UNAUTHENTICATED
    assert "a.b.c" not in str(error.value)


def test_U5_the_answer_repeats_no_token_where_another_subprotocol_is_offered() -> None:
    assert subprotocol(connection(protocols=("syncchat.token.a.b.c", "syncchat"))) == "syncchat"
    assert subprotocol(connection(protocols=("syncchat.token.a.b.c",))) == "syncchat.token.a.b.c"
    assert subprotocol(connection(protocols=("graphql-ws",))) is None
    assert subprotocol(connection()) is None
