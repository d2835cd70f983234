"""A webhook as its operator sets it up: where to, for which rooms, signed with what."""

import base64
import binascii
import hashlib
import hmac
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from syncchat_server.settings import BadSetting

SECRET_PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)
"""How long a secret may be, as Standard Webhooks has it."""

MAX_HOOKS = 32
FIELDS = frozenset({"url", "secret", "rooms"})


@dataclass(frozen=True, slots=True)
class Hook:
    """Messages of rooms that fit the pattern `rooms` go to `url`, signed with `key`."""

    url: str
    key: bytes = field(repr=False)
    rooms: str = "*"

    @property
    def id(self) -> str:
        """What the outbox knows it by: another secret makes no other hook."""
        return hashlib.sha256(f"{self.url}\n{self.rooms}".encode()).hexdigest()[:16]

    @property
    def shown(self) -> str:
        """What a log line may say of it: paths and queries of such addresses can be secrets."""
        return urlsplit(self.url).hostname or "?"

    def wants(self, room: str) -> bool:
        """Whether it hears of this room."""
        return fnmatchcase(room, self.rooms)

    def headers(self, id: str, now: int, body: bytes) -> dict[str, str]:
        """The headers of a delivery at `now` (seconds since 1970), as Standard Webhooks has them."""
        digest = hmac.digest(self.key, b"%s.%d.%s" % (id.encode(), now, body), "sha256")
        return {
            "content-type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": str(now),
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }


def read_hooks(path: Path) -> tuple[Hook, ...]:
    """The `[[webhooks]]` of a TOML file, each with `url`, `secret` and maybe `rooms`.

    Raises BadSetting, which repeats neither a secret nor an address.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetting(f"the file {path} cannot be read: {error.strerror} (--webhooks)") from error
    except ValueError as error:
        raise BadSetting(f"the file {path} is no TOML (--webhooks)") from error
    tables = table.get("webhooks")
    if table.keys() != {"webhooks"} or not isinstance(tables, list) or len(tables) > MAX_HOOKS:
        raise BadSetting(f"the file {path} has to hold [[webhooks]], at most {MAX_HOOKS}, and nothing else")
    hooks = tuple(_read_hook(number, hook) for number, hook in enumerate(tables, start=1))
    if len({hook.id for hook in hooks}) < len(hooks):
        raise BadSetting("two webhooks have the same url and rooms: one of them is enough")
    return hooks


def _read_hook(number: int, table: object) -> Hook:
    if not isinstance(table, Mapping) or not {"url", "secret"} <= table.keys() <= FIELDS:
        raise BadSetting(f"webhook {number} has to have url and secret, and may have rooms; nothing else")
    url, secret, rooms = table["url"], table["secret"], table.get("rooms", "*")
    if not isinstance(url, str) or not _is_address(url):
        raise BadSetting(f"the url of webhook {number} has to be http://... or https://...")
    if not isinstance(rooms, str) or not rooms:
        raise BadSetting(f"the rooms of webhook {number} have to be a pattern, such as 'team-*'")
    return Hook(url, _read_secret(number, secret), rooms)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _read_secret(number: int, secret: object) -> bytes:
    try:
        if not isinstance(secret, str) or not secret.startswith(SECRET_PREFIX):
            raise ValueError
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
        if len(key) not in SECRET_BYTES:
            raise ValueError
    except (ValueError, binascii.Error):
        raise BadSetting(
            f"the secret of webhook {number} has to be {SECRET_PREFIX} and the base64 of 24 to 64 bytes: "
            f'make one with echo "{SECRET_PREFIX}$(openssl rand -base64 32)"'
        ) from None
    return key
