"""Who somebody is: tokens (JWT) are checked here, and turned into what they allow.

Any identity provider can issue them. A key decides by its type which algorithm a token may be
signed with; what the token itself says about that is never believed.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import jwt

from syncchat.core.grant import Claims, Grant, Role
from syncchat.core.ids import user_from_subject
from syncchat.errors import CloseCode
from syncchat.hub import Denial
from syncchat_server.keys import Key, jwks_keys, pem_keys, secret_keys
from syncchat_server.settings import AuthSettings, BadSetting, Settings
from syncchat_server.watched import Watched, read_revoked

SECRET_NAME = "secret"
"""The secret in a daemon's data folder, which is believed if no other key is set."""

REVOKED_NAME = "revoked"
"""The list of revoked tokens in a daemon's data folder."""

MAX_TOKEN = 8192
"""The longest token that is looked at, in characters; HTTP headers have the same bound."""

MAX_ROOMS = 256
"""Patterns in one token; longer lists belong to the identity provider's groups."""

MAX_NAME = 80
"""Characters of a display name; the rest is cut."""

LEEWAY = 5
"""Seconds by which an issuer's clock may differ from ours."""

NO_ROOM = "there is no such room, or it is not for you"
"""The one answer for an unknown and for a forbidden room: who may not enter learns nothing (U2)."""


class Authorities(Protocol):
    """What tells who somebody is, and what that allows: `Authority`, or `OpenAuthority` without one."""

    @property
    def is_open(self) -> bool:
        """Whether anybody is believed."""

    def claims(self, token: str) -> Claims:
        """What a token says; raises Denial for one that is not valid."""

    def __call__(self, token: str, doc: str) -> Grant:
        """What a token allows in a doc; raises Denial, and InvalidName for what is no doc's name."""

    def revoked(self, token_id: str) -> bool:
        """Whether a token is taken back before it expires."""


class OpenAuthority:
    """No authentication: a token is its bearer's name.

    Everybody may do what an agent may, as nobody can tell an agent from a person here.
    """

    is_open = True

    def claims(self, token: str) -> Claims:
        """Whoever the token names. Raises Denial for an empty one."""
        if not token:
            raise unauthenticated("say who you are: the token is your user name (for /y/<doc>: ?user=NAME)")
        return Claims(user_from_subject(token), (("*", Role.AGENT),))

    def __call__(self, token: str, doc: str) -> Grant:
        """Everybody may enter every doc. Raises Denial for an empty token."""
        return grant_for(self.claims(token), doc)

    def revoked(self, token_id: str) -> bool:
        """Nothing is."""
        return False


class Authority:
    """Believes tokens that one of the keys signed, and that are not on the list of revoked ones."""

    is_open = False

    def __init__(
        self, keys: Watched[dict[str, Key]], revoked: Watched[frozenset[str]], settings: AuthSettings
    ) -> None:
        self._keys = keys
        self._revoked = revoked
        self._settings = settings

    def refresh(self) -> bool:
        """Read again the files that have changed; whether any was."""
        return any([self._keys.refresh(), self._revoked.refresh()])

    def claims(self, token: str) -> Claims:
        """What a token says. Raises Denial for one that is forged, expired, revoked or malformed (U1)."""
        if not token:
            raise unauthenticated("a token is needed here, and there was none")
        if len(token) > MAX_TOKEN:
            raise unauthenticated(f"a token has at most {MAX_TOKEN} characters")
        claims = _read_claims(self._decode(token), self._settings.rooms_claim)
        if self.revoked(claims.token_id):
            raise unauthenticated("the token has been revoked: ask for a new one")
        return claims

    def __call__(self, token: str, doc: str) -> Grant:
        """What a token allows in a doc. Raises Denial, the same for unknown and forbidden rooms (U2)."""
        return grant_for(self.claims(token), doc)

    def revoked(self, token_id: str) -> bool:
        """Whether a token's id is on the list of revoked ones; one without an id cannot be."""
        return bool(token_id) and token_id in self._revoked.content

    def _decode(self, token: str) -> dict[str, Any]:
        try:
            key = self._key_for(token)
            required = ["sub"] if self._settings.endless_tokens else ["sub", "exp"]
            decoded: dict[str, Any] = jwt.decode(
                token,
                key.public,
                algorithms=[key.algorithm],
                issuer=self._settings.issuer,
                audience=self._settings.audience,
                leeway=LEEWAY,
                options={"require": required},
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise unauthenticated(_reason(error)) from None  # its text may quote the token
        return decoded

    def _key_for(self, token: str) -> Key:
        keys = self._keys.content
        name = jwt.get_unverified_header(token).get("kid")
        if name is None and len(keys) == 1:
            return next(iter(keys.values()))
        key = keys.get(name) if isinstance(name, str) else None
        if key is None and len(keys) == 1 and "" in keys:
            return keys[""]  # a key without a name of its own does for every name
        if key is None:
            raise unauthenticated("the token names no key (kid) that is known here")
        return key


def make_authority(settings: Settings) -> Authority | OpenAuthority:
    """What a daemon's settings ask for. Raises BadSetting for keys that cannot be, or contradict another."""
    auth, own = settings.auth, settings.data / SECRET_NAME
    given = {
        "--secret-file": (auth.secret_file, secret_keys),
        "--public-key": (auth.public_key, pem_keys),
        "--jwks": (auth.jwks, jwks_keys),
    }
    chosen = {option: (path, read) for option, (path, read) in given.items() if path is not None}
    if not chosen and own.exists():
        chosen = {str(own): (own, secret_keys)}
    if len(chosen) > 1:
        raise BadSetting(f"choose one of {' and '.join(chosen)}: each says alone which tokens are believed")
    if not chosen:
        return OpenAuthority()
    if settings.open:
        raise BadSetting(
            f"--open lets everybody in, and {next(iter(chosen))} only who has a token: choose one"
        )
    [(path, read)] = chosen.values()
    return Authority(Watched(path, read), Watched(settings.data / REVOKED_NAME, read_revoked), auth)


def grant_for(claims: Claims, doc: str) -> Grant:
    """What claims allow in a doc; raises Denial for nothing, and InvalidName for what is no doc's name."""
    grant = claims.grant(doc)
    if grant is None:
        raise Denial(NO_ROOM)
    return grant


def unauthenticated(reason: str) -> Denial:
    """A denial that another token could lift."""
    return Denial(reason, CloseCode.UNAUTHENTICATED)


def _reason(error: Exception) -> str:
    """What its bearer is told: which check failed, and nothing of the token."""
    match error:
        case jwt.ExpiredSignatureError():
            return "the token has expired: ask for a new one"
        case jwt.ImmatureSignatureError():
            return "the token is not valid yet: its issuer's clock or this one is wrong"
        case jwt.InvalidIssuerError():
            return "the token is from an issuer (iss) that is not believed here"
        case jwt.InvalidAudienceError():
            return "the token is for another audience (aud)"
        case jwt.MissingRequiredClaimError():
            return f"the token does not say {error.claim}, which is required"
        case jwt.InvalidSignatureError() | jwt.InvalidAlgorithmError() | jwt.InvalidKeyError():
            return "the token is not signed with a key that is believed here"
        case _:
            return "that is no valid token"


def _read_claims(decoded: Mapping[str, Any], rooms_claim: str) -> Claims:
    subject, name, expires = decoded["sub"], decoded.get("name", ""), decoded.get("exp")
    if not subject or not isinstance(name, str):
        raise unauthenticated("the token's subject (sub) or name is no text")
    return Claims(
        user=user_from_subject(subject),
        rooms=_read_rooms(decoded.get(rooms_claim), rooms_claim),
        name="".join(filter(str.isprintable, name))[:MAX_NAME],
        expires=None if expires is None else float(expires),
        token_id=decoded.get("jti") or "",
    )


def _read_rooms(rooms: object, claim: str) -> tuple[tuple[str, Role], ...]:
    """Patterns and roles in the order in which the token has them: the first that fits decides."""
    pairs: object = list(rooms.items()) if isinstance(rooms, dict) else rooms
    if not isinstance(pairs, list) or len(pairs) > MAX_ROOMS:
        raise unauthenticated(f"the token's {claim!r} is no {{pattern: role}} of at most {MAX_ROOMS}")
    return tuple(_read_room(pair) for pair in pairs)


def _read_room(pair: object) -> tuple[str, Role]:
    match pair:
        case [str(pattern), str(role)] if role in list(Role):
            return pattern, Role(role)
        case _:
            raise unauthenticated(f"the token's rooms are pairs of a pattern and one of {', '.join(Role)}")
