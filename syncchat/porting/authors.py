"""Whose messages they are: names from elsewhere as user ids."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from syncchat.core.ids import NAME, check_name
from syncchat.errors import InvalidName, SyncchatError
from syncchat.porting.input import Reading

_READABLE = 29
"""Characters of a name that are kept where it cannot stay as it is."""

_OTHERS = re.compile(r"[^A-Za-z0-9_-]+")


def readable_user(name: str) -> str:
    """A user id for anybody's name: the name itself if it is one, else what is legible of it and a hash.

    It depends on nothing but the name, so the same person is the same user in every import.
    """
    if NAME.match(name):
        return name
    legible = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    legible = _OTHERS.sub("_", legible).strip("_")[:_READABLE] or "u"
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{legible}-{digest}"


class Authors:
    """Turns names into user ids, as `table` says or else as `readable_user` does, and no two into one.

    Only the table may make one user of several names.
    """

    def __init__(self, table: Mapping[str, str] | None = None) -> None:
        self._users = dict(table or {})
        self._names = {user: name for name, user in self._users.items()}

    def user(self, name: str) -> str:
        """The user id of a name. Raises InvalidName if another name has it already."""
        user = self._users.get(name)
        if user is None:
            user = readable_user(name)
            if user in self._names:
                raise InvalidName(
                    f"{name[:40]!r} and {self._names[user][:40]!r} would both be the user {user!r}: "
                    "give one of them another with --map"
                )
            self._users[name] = user
            self._names[user] = name
        return user


def read_table(path: Path) -> dict[str, str]:
    """The table in a file of lines `name = user`; `#` begins a comment. Raises BadInput."""
    reading = Reading()
    try:
        return dict(filter(None, map(_read_row, reading.lines(path))))
    except (OSError, ValueError, SyncchatError) as error:
        raise reading.told(error) from error


def _read_row(line: bytes) -> tuple[str, str] | None:
    text = line.decode().strip()
    if not text or text.startswith("#"):
        return None
    name, equals, user = map(str.strip, text.rpartition("="))
    if not equals or not name:
        raise ValueError("write a line as `name = user`")
    return name, check_name(user, "user")
