"""What a token says of its bearer, and what that allows in one doc."""

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from syncchat.core.ids import parse_doc


class Role(StrEnum):
    """What somebody may do in a room; each may do what is said of it and no more."""

    READER = "reader"
    """Reads, and shows no presence."""
    WRITER = "writer"
    """Writes rows under its own name."""
    MODERATOR = "moderator"
    """A writer who may delete what others wrote."""
    AGENT = "agent"
    """A writer whose messages may say that an agent wrote them."""

    @property
    def writes(self) -> bool:
        """Whether it may change anything at all."""
        return self is not Role.READER


@dataclass(frozen=True, slots=True)
class Grant:
    """What one bearer may do in one doc.

    `user` is the id that it writes under and `name` what others are shown. After `expires`
    (seconds since 1970, None for never) it is worth nothing. `token_id` names it for revocation.
    """

    user: str
    role: Role
    name: str = ""
    expires: float | None = None
    token_id: str = ""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token that was found genuine says: `rooms` are patterns (`*`, `team-*`) with their roles.

    A doc that belongs to no room is matched by its own name.
    """

    user: str
    rooms: tuple[tuple[str, Role], ...]
    name: str = ""
    expires: float | None = None
    token_id: str = ""

    def role_in(self, room: str) -> Role | None:
        """The role of the first pattern that fits, None if none does."""
        return next((role for pattern, role in self.rooms if fnmatchcase(room, pattern)), None)

    def grant(self, doc: str) -> Grant | None:
        """What it allows in a doc, None for nothing. Raises InvalidName for what is no doc's name."""
        role = self.role_in(parse_doc(doc).room)
        return None if role is None else Grant(self.user, role, self.name, self.expires, self.token_id)
