"""What a websocket's handshake says: where it comes from, and whose it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from starlette.requests import HTTPConnection

from syncchat.errors import CloseCode, ProtocolError

SUBPROTOCOL = "syncchat"
"""What the server answers to a client that has to offer subprotocols, as its token is among them."""

TOKEN_PREFIX = "syncchat.token."
"""A browser cannot set headers on a websocket: its token comes as a subprotocol `syncchat.token.<token>`."""

USER_PARAMETER = "user"
"""Where a y-websocket client says who it is to a daemon without authentication: `?user=ada`."""

QUERY_TOKENS = frozenset({"token", "access_token", "jwt"})
"""Query parameters that are refused: proxies, histories and logs keep addresses (U5)."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Which web pages' sockets are taken (U7): those of our own host, and those in `allowed`.

    Programs send no Origin and are taken always. `any_host` is for a daemon with authentication;
    without it a host's name could be an attacker's own, made to point here (DNS rebinding), so that
    only addresses and `localhost` count as ours.
    """

    allowed: frozenset[str] = frozenset()
    any_host: bool = False

    @classmethod
    def of(cls, allowed: Iterable[str], *, any_host: bool) -> "Origins":
        """Origins as a person writes them; `*` allows all."""
        return cls(frozenset(origin.rstrip("/").lower() for origin in allowed), any_host)

    def allow(self, connection: HTTPConnection) -> bool:
        """Whether a request may come from where it says it comes from."""
        host = connection.headers.get("host", "").lower()
        return all(self._allows(origin.lower(), host) for origin in connection.headers.getlist("origin"))

    def names_us(self, connection: HTTPConnection) -> bool:
        """Whether the host that a request asks for is ours: a page reads its own host without an Origin."""
        return self.any_host or _cannot_be_rebound(connection.headers.get("host", "").lower())

    def _allows(self, origin: str, host: str) -> bool:
        if "*" in self.allowed or origin in self.allowed:
            return True
        own = origin.partition("://")[2] == host != ""
        return own and (self.any_host or _cannot_be_rebound(host))


def _cannot_be_rebound(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if name == "localhost":
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def bearer(connection: HTTPConnection) -> str:
    """The token of a request or a handshake; empty if there is none.

    Raises ProtocolError with UNAUTHENTICATED for one in the query.
    """
    if QUERY_TOKENS & connection.query_params.keys():
        raise ProtocolError(
            "a token has no place in an address: use Authorization: Bearer, "
            f"or the subprotocol {TOKEN_PREFIX}<token>",
            CloseCode.UNAUTHENTICATED,
        )
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    offered = connection.scope.get("subprotocols", [])
    return next((name[len(TOKEN_PREFIX) :] for name in offered if name.startswith(TOKEN_PREFIX)), "")


def subprotocol(connection: HTTPConnection) -> str | None:
    """What to answer to the subprotocols a client offers; browsers end a handshake without an answer."""
    offered = connection.scope.get("subprotocols", [])
    if SUBPROTOCOL in offered:
        return SUBPROTOCOL
    return next((name for name in offered if name.startswith(TOKEN_PREFIX)), None)
