"""Links that open a room, and what a client reads from a token of its own."""

import base64
import json
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from syncchat.core.ids import check_name, user_from_subject

SCHEMES = {"syncchat": "ws", "syncchats": "wss"}
"""The schemes of links, and the websocket's that each stands for: plain, and with TLS."""


class Invitation(NamedTuple):
    """Where a room is, and the token that opens it."""

    server: str
    room: str
    token: str


def is_link(text: str) -> bool:
    """Whether it is meant as a link, and not as a room's name."""
    return "://" in text


def format_link(invitation: Invitation) -> str:
    """A link; its token is in the fragment, which no client ever sends to a server (U5).

    Raises ValueError if the server's address is none.
    """
    server = urlsplit(invitation.server)
    scheme = next((link for link, socket in SCHEMES.items() if socket == server.scheme), None)
    if scheme is None or not server.hostname or server.path.strip("/") or server.query:
        raise ValueError(f"{invitation.server!r} is no server address: write ws://HOST:PORT or wss://HOST")
    room = check_name(invitation.room, "room")
    return f"{scheme}://{server.netloc}/{room}#{quote(invitation.token, safe='')}"


def parse_link(link: str) -> Invitation:
    """Take a link apart. Raises ValueError, without the token, for what is none."""
    try:
        parts = urlsplit(link)
        if parts.scheme not in SCHEMES or not parts.hostname or parts.query or not parts.fragment:
            raise ValueError
    except ValueError:
        raise ValueError("that is no invitation: it reads syncchat://HOST:PORT/ROOM#TOKEN") from None
    room = check_name(parts.path.strip("/"), "room")
    return Invitation(f"{SCHEMES[parts.scheme]}://{parts.netloc}", room, unquote(parts.fragment))


def bearer_of(token: str) -> str:
    """The user id a token is for, as its daemon reads it; nothing is verified here.

    Raises ValueError, without the token, for what is no token.
    """
    try:
        body = token.split(".")[1]
        subject = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["sub"]
        if not isinstance(subject, str) or not subject:
            raise ValueError
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        raise ValueError("that is no token that says who it is for") from None
    return user_from_subject(subject)
