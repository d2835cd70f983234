"""What each user has done over HTTP since the daemon started."""

import time
from collections import Counter
from dataclasses import dataclass, field

MAX_USERS = 10_000
"""Users who are counted; past it the one who was heard of first begins anew."""

MAX_ROOMS = 1000
"""Rooms that are counted for one user; messages in further ones are counted under `*`."""


@dataclass(slots=True)
class Tally:
    """One user's: requests, and messages posted by room."""

    requests: int = 0
    messages: Counter[str] = field(default_factory=Counter)

    def count_message(self, room: str) -> None:
        """A message was posted."""
        known = room in self.messages or len(self.messages) < MAX_ROOMS
        self.messages[room if known else "*"] += 1


class Tallies:
    """Everybody's; `since` is when it began, in milliseconds since 1970."""

    def __init__(self) -> None:
        self.since = time.time_ns() // 1_000_000
        self._users: dict[str, Tally] = {}

    def of(self, user: str) -> Tally:
        """A user's tally, made if there is none."""
        if user not in self._users and len(self._users) >= MAX_USERS:
            del self._users[next(iter(self._users))]
        return self._users.setdefault(user, Tally())
