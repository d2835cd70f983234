"""The verbs that let others in, and out again: a secret, tokens, invitations, revocation."""

import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncchat.cli.common import DEFAULT_SERVER, extra, run_verb
from syncchat.cli.invitation import Invitation, format_link
from syncchat.cli.settings import DAEMON, auth_options, config_option, data_folder, data_option
from syncchat.core.grant import Role

if TYPE_CHECKING:
    from syncchat_server.issuing import Issued

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
MAX_TTL = 10 * 366 * UNITS["d"]


class Ttl(click.ParamType[int]):
    """A length of time like 30m, 12h or 7d, in seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it; raises BadParameter."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([0-9]{1,9})([smhdw])", str(value))
        if match is None or not 0 < (seconds := int(match[1]) * UNITS[match[2]]) <= MAX_TTL:
            self.fail(f"{value!r} is no time: write 30m, 12h, 7d or 4w, at most 10 years", param, ctx)
        return seconds


ROLES = click.Choice([role.value for role in Role])
TTL = click.option(
    "--ttl", type=Ttl(), default="7d", show_default=True, help="How long it is valid: 12h, 7d."
)
ROLE = click.option("--role", type=ROLES, default="writer", show_default=True, help="What it allows.")
NAME = click.option("--name", default="", help="The name that others are shown. [default: the user]")


@click.command(context_settings=DAEMON)
@config_option
@data_option
def secret(data: Path | None) -> None:
    """Make the secret that this daemon's tokens are signed with; from then on it asks for tokens."""

    def work() -> None:
        with extra("server"):
            from syncchat_server.issuing import make_secret
        path = make_secret(data_folder(data))
        click.echo(f"syncchat: {path} was made; a daemon that is started on this folder asks for tokens")

    run_verb(work)


@click.command(context_settings=DAEMON)
@click.option(
    "--user", required=True, allow_from_autoenv=False, help="Who it is for: a name, an e-mail address."
)
@click.option(
    "--room",
    "rooms",
    required=True,
    multiple=True,
    allow_from_autoenv=False,
    metavar="PATTERN[:ROLE]",
    help="A room, or a pattern like 'team-*'; may be repeated, and the first that fits decides.",
)
@ROLE
@TTL
@NAME
@config_option
@data_option
@auth_options
def token(
    user: str, rooms: tuple[str, ...], role: str, ttl: int, name: str, data: Path | None, auth: dict[str, Any]
) -> None:
    """Make a token; it is what a client shows to be let in."""

    def work() -> None:
        issued = _issue(data, auth, user, rooms_of(rooms, Role(role)), ttl, name)
        click.echo(issued.token)

    run_verb(work)


@click.command(context_settings=DAEMON)
@click.argument("room")
@click.option("--user", default=None, allow_from_autoenv=False, help="Who it is for. [default: a new guest]")
@click.option(
    "--server", default=DEFAULT_SERVER, show_default=True, help="The daemon's address, as they reach it."
)
@ROLE
@TTL
@NAME
@config_option
@data_option
@auth_options
def invite(
    room: str,
    user: str | None,
    server: str,
    role: str,
    ttl: int,
    name: str,
    data: Path | None,
    auth: dict[str, Any],
) -> None:
    """Make a link that opens ROOM for one person: `syncchat chat LINK`."""

    def work() -> None:
        link = format_link(Invitation(server, room, "-"))  # says what is wrong before anything is issued
        issued = _issue(data, auth, user or _guest(), {room: Role(role)}, ttl, name)
        click.echo(link[:-1] + issued.token)

    run_verb(work)


@click.command(context_settings=DAEMON)
@click.argument("token_id")
@config_option
@data_option
def revoke(token_id: str, data: Path | None) -> None:
    """Take a token back by its id: it opens nothing any more, and ends what it opened."""

    def work() -> None:
        with extra("server"):
            from syncchat_server.issuing import revoke as put_on_list
        path = put_on_list(data_folder(data), token_id)
        click.echo(f"syncchat: {token_id} is on the list {path}")

    run_verb(work)


def rooms_of(given: Iterable[str], role: Role) -> dict[str, Role]:
    """The roles that `PATTERN[:ROLE]` arguments ask for. Raises ValueError."""
    rooms = {}
    for text in given:
        pattern, _, own = text.partition(":")
        if own and own not in list(Role):
            raise ValueError(f"{own[:20]!r} is no role: use one of {', '.join(Role)} (--room {text[:60]})")
        if not re.fullmatch(r"[A-Za-z0-9_*?-]{1,40}", pattern):
            raise ValueError(
                f"{pattern[:60]!r} is no room: names are of A-Z a-z 0-9 _ -, patterns have * or ?"
            )
        rooms[pattern] = Role(own or role)
    return rooms


def _issue(
    data: Path | None, auth: dict[str, Any], user: str, rooms: dict[str, Role], ttl: int, name: str
) -> "Issued":
    with extra("server"):
        from syncchat_server.issuing import Issuer
        from syncchat_server.settings import AuthSettings
    issuer = Issuer(data_folder(data), AuthSettings(**auth))
    issued = issuer.issue(user, rooms, now=time.time(), ttl=ttl, name=name)
    until = datetime.fromtimestamp(issued.expires, UTC)
    # Beside what is printed, so that a script gets the token and nothing else.
    click.echo(
        f"syncchat: token {issued.token_id} for {user}, valid until {until:%Y-%m-%d %H:%M} UTC", err=True
    )
    return issued


def _guest() -> str:
    import secrets

    return f"guest-{secrets.token_hex(4)}"
