"""What each user has used of what a hub allows one user: links, docs, updates, bytes, new docs."""

from syncchat.core.bucket import TokenBucket
from syncchat.core.closing import OverLimit
from syncchat.core.grant import Grant, Role
from syncchat.hub.limits import Limits

HOUR = 3600.0
SPARE = 1000
"""Accounts of users who have left, beyond as many as there are others, before those at rest are forgotten."""

PARTS = 4
"""Structs and ranges of an update that count as much as one more update."""

FULL = 60.0
"""Seconds after which a link that was one too many may be tried again."""


class Account:
    """One user's; times are seconds of the event loop."""

    __slots__ = ("_bytes", "_limits", "_new_docs", "_prefix", "_updates", "docs", "links")

    def __init__(self, limits: Limits, *, agent: bool) -> None:
        self.links = self.docs = 0
        self._limits = limits
        if agent:
            self._prefix = "agent_"
            self._updates = TokenBucket(limits.agent_updates_per_second, limits.agent_updates_burst)
            self._bytes = TokenBucket(limits.agent_bytes_per_second, limits.agent_bytes_burst)
            docs = limits.agent_new_docs_per_hour
        else:
            self._prefix = ""
            self._updates = TokenBucket(limits.updates_per_second, limits.updates_burst)
            self._bytes = TokenBucket(limits.bytes_per_second, limits.bytes_burst)
            docs = limits.new_docs_per_hour
        self._new_docs = TokenBucket(docs / HOUR, docs)

    def open_link(self) -> None:
        """The user has one link more; raises OverLimit if that is one too many."""
        most = self._limits.agent_links_per_user if self._prefix else self._limits.links_per_user
        if self.links >= most:
            raise OverLimit(f"{self._prefix}links_per_user", f"you have {most} links already", FULL)
        self.links += 1

    def close_link(self) -> None:
        """It has one less."""
        self.links -= 1

    def open_doc(self) -> None:
        """The user has one doc more open; raises OverLimit if that is one too many."""
        most = self._limits.agent_docs_per_user if self._prefix else self._limits.docs_per_user
        if self.docs >= most:
            raise OverLimit(f"{self._prefix}docs_per_user", f"you have {most} docs open already", FULL)
        self.docs += 1

    def close_doc(self) -> None:
        """It has one less."""
        self.docs -= 1

    def charge_update(self, size: int, now: float) -> tuple[str, float]:
        """An update, question or presence of `size` bytes; returns the limit it is over and seconds to wait.

        Raises OverLimit, with nothing taken, if that would be more than throttle_seconds.
        """
        if self._updates.try_take(1, now):
            if self._bytes.try_take(size, now):
                return "", 0.0
            self._updates.take(-1, now)
        limit, wait = "updates_per_second", self._updates.delay(1, now)
        for_bytes = self._bytes.delay(size, now)
        if for_bytes > wait:
            limit, wait = "bytes_per_second", for_bytes
        if wait > 0 and self._prefix:
            limit = self._prefix + limit
        if wait > self._limits.throttle_seconds:
            raise OverLimit(limit, "you write faster than is allowed", wait)
        self._updates.take(1, now)
        self._bytes.take(size, now)
        return limit, wait

    def charge_parts(self, parts: int, now: float) -> None:
        """An update of so many structs and ranges was judged: what is beyond a few is work of its own.

        It is known too late to be refused; what follows waits for it.
        """
        self._updates.take(parts // PARTS, now)

    def charge_doc(self, now: float) -> None:
        """The user is the first to write a doc; raises OverLimit if that is one too many."""
        wait = self._new_docs.delay(1, now)
        if wait > 0:
            raise OverLimit(f"{self._prefix}new_docs_per_hour", "you have begun too many docs", wait)
        self._new_docs.take(1, now)

    def is_at_rest(self, now: float) -> bool:
        """Whether a new account would be the same."""
        buckets = (self._updates, self._bytes, self._new_docs)
        return not self.links and not self.docs and all(bucket.is_full(now) for bucket in buckets)


class Accounts:
    """One account for each user, kept for as long as it says anything: who reconnects finds it as it was."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._all: dict[tuple[str, bool], Account] = {}
        self._sweep_at = SPARE

    def of(self, grant: Grant, now: float) -> Account:
        """The account of a grant's user; as an agent it has another one than as a person."""
        key = (grant.user, grant.role is Role.AGENT)
        account = self._all.get(key)
        if account is None:
            if len(self._all) >= self._sweep_at:
                self._sweep(now)
            account = self._all[key] = Account(self._limits, agent=key[1])
        return account

    def _sweep(self, now: float) -> None:
        self._all = {key: account for key, account in self._all.items() if not account.is_at_rest(now)}
        self._sweep_at = 2 * len(self._all) + SPARE
