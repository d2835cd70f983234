"""The door: whose token opens what, and for how long (U3)."""

import asyncio
from collections.abc import Callable

import anyio

from syncchat.core.deadlines import Deadlines
from syncchat.core.grant import Grant
from syncchat.core.ids import parse_doc
from syncchat.core.welcome import Welcome, welcome_text
from syncchat.errors import CloseCode, ProtocolError, SyncchatError
from syncchat.hub.accounts import Accounts
from syncchat.hub.limits import Limits
from syncchat.hub.seat import Line, Seat
from syncchat.wakeup import Wakeup

LONGEST_NAP = 60.0
"""Seconds after which the clock is looked at again, however far the next token's end is: clocks are set."""


class Denial(SyncchatError):
    """A token that does not open a doc; the text is told to the client, with FORBIDDEN or another `code`."""

    def __init__(self, reason: str, code: CloseCode = CloseCode.FORBIDDEN) -> None:
        super().__init__(reason)
        self.code = code


Authorize = Callable[[str, str], Grant]
"""Given a token and a doc's name, what its bearer may do there; raises Denial."""


def scope_of(grant: Grant) -> str:
    """What Hocuspocus calls it."""
    return "read-write" if grant.role.writes else "readonly"


class Door:
    """Judges tokens, and knows of each seat how long its own is good. `now` is in milliseconds since 1970."""

    def __init__(self, authorize: Authorize, limits: Limits, now: Callable[[], int]) -> None:
        self._authorize = authorize
        self._accounts = Accounts(limits)
        self._now = now
        self._ending: Deadlines[Seat] = Deadlines()
        self._wakeup = Wakeup()

    def admit(self, seat: Seat, token: str, doc: str) -> None:
        """Give a seat the grant that its token is for; raises InvalidName, Denial, and OverLimit.

        From the first good token on a link belongs to its user, and is no stranger's any more.
        """
        parse_doc(doc)
        line = seat.line
        grant = self._judge(line, token, doc)
        account = self._accounts.of(grant, asyncio.get_running_loop().time())
        if line.account is None:
            account.open_link()
            line.account = account
        line.stranger = None
        account.open_doc()
        seat.grant, seat.account = grant, account

    def renew(self, seat: Seat, token: str, doc: str) -> None:
        """A seat has sent another token; raises Denial if it is not good for the same user."""
        grant = self._judge(seat.line, token, doc)
        if grant.user != seat.user:
            raise Denial(
                "a token of somebody else: it does not go on for this one", CloseCode.UNAUTHENTICATED
            )
        seat.grant = grant
        self.watch(seat)

    def watch(self, seat: Seat) -> None:
        """End a seat when its grant does."""
        if seat.grant.expires is None:
            self._ending.drop(seat)
        else:
            self._ending.put(seat, seat.grant.expires)
            self._wakeup.call()

    def left(self, seat: Seat) -> None:
        """A seat is empty."""
        self._ending.drop(seat)

    def welcome(self, seat: Seat) -> str | None:
        """What a client is told with its admission; None in a dialect that has no word for it."""
        if not seat.line.dialect.authenticates:
            return None
        return welcome_text(Welcome(seat.user, seat.grant.role, self._now()))

    async def run(self) -> None:
        """End each seat when its token expires, until cancelled."""
        while True:
            for seat in self._ending.take(self._now() / 1000):
                seat.end(ProtocolError("the token has expired: send a new one", CloseCode.UNAUTHENTICATED))
            await self._nap()

    async def _nap(self) -> None:
        due = self._ending.next()
        if due is None:
            await self._wakeup.sleep()
            return
        with anyio.move_on_after(min(LONGEST_NAP, max(0.0, due - self._now() / 1000))):
            await self._wakeup.sleep()

    def _judge(self, line: Line, token: str, doc: str) -> Grant:
        if line.claims is None:
            grant = self._authorize(token, doc)
        else:
            found = line.claims.grant(doc)
            if found is None:
                raise Denial("this link is not for that room")
            grant = found
        if grant.expires is not None and grant.expires <= self._now() / 1000:
            raise Denial("the token has expired: send a new one", CloseCode.UNAUTHENTICATED)
        return grant
