"""What each user has done over HTTP since the daemon started, and whether it may do more."""

import time
from collections import Counter
from dataclasses import dataclass, field

import anyio

from syncchat.core.bucket import TokenBucket
from syncchat_server.limits import DaemonLimits

MAX_USERS = 10_000
"""Users who are counted; past it the one who was heard of first begins anew."""

MAX_ROOMS = 1000
"""Rooms that are counted for one user; messages in further ones are counted under `*`."""


@dataclass(slots=True)
class Tally:
    """One user's: requests, and messages posted by room."""

    pace: TokenBucket
    requests: int = 0
    messages: Counter[str] = field(default_factory=Counter)

    def count_request(self) -> float:
        """Somebody asks for something; 0, or the seconds to wait first: then it is not counted."""
        now = anyio.current_time()
        wait = self.pace.delay(1, now)
        if wait == 0:
            self.pace.take(1, now)
            self.requests += 1
        return wait

    def count_message(self, room: str) -> None:
        """A message was posted."""
        known = room in self.messages or len(self.messages) < MAX_ROOMS
        self.messages[room if known else "*"] += 1


class Tallies:
    """Everybody's; `since` is when it began, in milliseconds since 1970."""

    def __init__(self, limits: DaemonLimits) -> None:
        self._limits = limits
        self.since = time.time_ns() // 1_000_000
        self._users: dict[str, Tally] = {}

    def of(self, user: str) -> Tally:
        """A user's tally, made if there is none."""
        if user not in self._users and len(self._users) >= MAX_USERS:
            del self._users[next(iter(self._users))]
        if user not in self._users:
            pace = TokenBucket(self._limits.requests_per_second, self._limits.requests_burst)
            self._users[user] = Tally(pace)
        return self._users[user]
