"""What a daemon with a secret of its own issues: the secret, tokens, and their revocation."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jwt

from syncchat.core.grant import Role
from syncchat_server.auth import MAX_ROOMS, REVOKED_NAME, SECRET_NAME
from syncchat_server.folder import hand_over
from syncchat_server.keys import MIN_SECRET, read_secret
from syncchat_server.settings import AuthSettings, BadSetting


@dataclass(frozen=True, slots=True)
class Issued:
    """A token, the id by which it can be revoked, and when it expires (seconds since 1970)."""

    token: str
    token_id: str
    expires: int


class Issuer:
    """Makes tokens that the daemon on the same folder, with the same settings, believes.

    Raises BadSetting when made if there is no secret, or another's keys are believed instead.
    """

    def __init__(self, data: Path, settings: AuthSettings) -> None:
        if settings.public_key or settings.jwks:
            raise BadSetting(
                "tokens are issued by whoever has the private key; this daemon only believes them "
                "(--public-key, --jwks)"
            )
        path = settings.secret_file or data / SECRET_NAME
        if settings.secret_file is None and not path.exists():
            raise BadSetting(f"there is no secret in {data}: `syncchat secret` makes one")
        self._secret = read_secret(path)
        self._settings = settings

    def issue(
        self, user: str, rooms: Mapping[str, Role], *, now: float, ttl: float, name: str = ""
    ) -> Issued:
        """A token for `user` that expires `ttl` seconds after `now`. Raises BadSetting for too many rooms."""
        if not rooms or len(rooms) > MAX_ROOMS:
            raise BadSetting(f"a token is for 1 to {MAX_ROOMS} rooms or patterns")
        issued = Issued("", secrets.token_hex(8), int(now + ttl))
        claims: dict[str, object] = {
            "sub": user,
            "jti": issued.token_id,
            "iat": int(now),
            "exp": issued.expires,
            self._settings.rooms_claim: {pattern: role.value for pattern, role in rooms.items()},
        }
        optional = {"name": name, "iss": self._settings.issuer, "aud": self._settings.audience}
        claims |= {claim: value for claim, value in optional.items() if value}
        return Issued(jwt.encode(claims, self._secret, "HS256"), issued.token_id, issued.expires)


def make_secret(data: Path) -> Path:
    """Make the secret of a daemon's folder, for its owner's eyes only. Raises BadSetting if there is one."""
    path = data / SECRET_NAME
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise BadSetting(
            f"{path} is there already. Who takes it away ends every token; move it first if you want that."
        ) from error
    except OSError as error:
        raise BadSetting(f"{path} cannot be made: {error.strerror}. Choose another with --data.") from error
    with open(file, "w", encoding="ascii") as secret:
        secret.write(secrets.token_urlsafe(MIN_SECRET) + "\n")
        hand_over(secret.fileno(), data)
    return path


def revoke(data: Path, token_id: str) -> Path:
    """Put a token's id on the folder's list; a running daemon heeds it within seconds. Raises BadSetting.

    It is durable when this returns. A line may be taken out again once its token has expired.
    """
    if not token_id or token_id.split() != [token_id] or not token_id.isprintable():
        raise BadSetting("a token's id is what `syncchat token` said, without white space")
    path = data / REVOKED_NAME
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600), "ab") as file:
            file.write(f"{token_id}\n".encode())
            file.flush()
            hand_over(file.fileno(), data)
            os.fsync(file.fileno())
    except OSError as error:
        raise BadSetting(f"{path} cannot be written: {error.strerror}. Is --data right?") from error
    return path
