"""The agent's own memory: its ledger, what it has spent, and small settings; never synced."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any

from syncchat.agent.budget import (
    Allowance,
    Budget,
    DayBook,
    Payer,
    Spend,
    charging,
    day_of,
    reserving,
    settling,
    telling,
)
from syncchat.agent.ledger import MAX_ENTRIES, Entry, Ledger, shortened
from syncchat.agent.prices import Prices
from syncchat.agent.tokens import Tokens
from syncchat.core.codec import dump
from syncchat.core.ids import check_name
from syncchat.journal import Journal, Journals

MAX_DAYS = 62
"""Days of spending that are kept: the newest ones on which something was spent."""

MAX_NOTES = 64
"""Settings that a room may have."""

MAX_NOTE = 4_096
"""Bytes of a setting, as JSON."""

MAX_ROOMS = 10_000
"""Rooms of which it is kept that the agent was in them; of more, those that it came into first go."""

_DECIDED, _SPENT, _NOTED = "decided/", "spent/", "noted/"
"""What the names of journals begin with; a room or a day follows."""

_STAYED = "stayed"
"""The journal of where the agent is."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """A call that may be made; it is on the disk, and counts until it is settled and after that."""

    id: str
    day: str


@dataclass
class Notes:
    """The settings of one room; a `journal.State`."""

    values: dict[str, Any] = field(default_factory=dict)

    def take(self, entry: Any) -> None:
        """See `syncchat.journal.State`."""
        match entry:
            case {"set": str(key), "to": value}:
                self.values[key] = value

    def whole(self) -> Any:
        """See `syncchat.journal.State`."""
        return self.values

    def restore(self, whole: Any) -> None:
        """See `syncchat.journal.State`."""
        self.values.update(whole)


@dataclass
class Stayed:
    """The rooms that the agent came into and did not leave, in that order; a `journal.State`."""

    rooms: dict[str, None] = field(default_factory=dict)

    def take(self, entry: Any) -> None:
        """See `syncchat.journal.State`."""
        match entry:
            case {"in": str(room)}:
                self.rooms[room] = None
                if len(self.rooms) > MAX_ROOMS:
                    del self.rooms[next(iter(self.rooms))]
            case {"out": str(room)}:
                self.rooms.pop(room, None)

    def whole(self) -> Any:
        """See `syncchat.journal.State`."""
        return list(self.rooms)

    def restore(self, whole: Any) -> None:
        """See `syncchat.journal.State`."""
        self.rooms.update(dict.fromkeys(map(str, whole)))


class Notebook:
    """What one agent keeps for itself. Several processes of the agent may have the same file open.

    `id` tells this process's words from theirs. What a method has written is durable when it returns. All
    methods raise LogFailed if the disk fails, with nothing written, and LogCorrupt if the file is damaged.
    Times are ms since 1970; a user of None stands for nobody.
    """

    def __init__(
        self, journals: Journals, budget: Budget | None = None, prices: Prices | None = None
    ) -> None:
        self.id = secrets.token_hex(8)
        self.budget = budget or Budget()
        self._prices = prices or Prices()
        self._journals = journals
        self._today: str | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: str | PathLike[str] | None, budget: Budget | None = None, prices: Prices | None = None
    ) -> "AsyncIterator[Notebook]":
        """The notebook in the file `path`, made if there is none; None is one in memory, for tests.

        By `prices` it counts the money that calls of models take.

        Raises LogCorrupt if the file is something else, LogFailed if it cannot be opened or made.
        """
        async with Journals.open(path) as journals:
            yield cls(journals, budget, prices)

    # Why

    async def record(self, entry: Entry) -> None:
        """Add a decision to the ledger. What was decided about the same message before is kept with it."""
        kept = replace(entry, inputs=shortened(entry.inputs))
        await self._ledger(entry.room).append(kept.told())

    async def entry(self, room: str, id: str) -> Entry | None:
        """What was decided about the message `id`, or about the one that it answers; None if not known."""
        return (await self._ledger(room).read()).find(id)

    # Spending

    async def allowance(self, user: str | None, room: str, now: int, *, model: str = "") -> Allowance:
        """Whether one more call may be made for `user` in `room`; `reserve` is what decides."""
        book = await self.book(day_of(now))
        return book.allowance(Payer(user, room, model), self.budget)

    async def reserve(self, payer: Payer, most: Tokens, now: int) -> Reservation | Allowance:
        """Ask to make a call that takes at most `most`; to be settled when it has ended.

        Of several processes that ask at once each is allowed only what the others have left. With a limit
        in money a model without a price is not allowed anything.
        """
        price = self._prices.of(payer.model)
        if price is None and self.budget.in_money:
            return Allowance(0, self.budget.in_money[0])
        day, id = await self._day(now), f"{self.id}.{secrets.token_hex(8)}"
        book = await self._book(day).write(reserving(id, payer, most, self.budget, price))
        if id in book.open:
            return Reservation(id, day)
        return book.allowance(payer, self.budget)

    async def settle(self, reservation: Reservation, taken: Tokens) -> None:
        """The call has ended, and has taken this."""
        await self._book(reservation.day).append(settling(reservation.id, taken))

    async def charge(self, user: str | None, room: str, at: int, spend: Spend, *, model: str = "") -> None:
        """Something was spent that was not reserved, and counts all the same."""
        money = self._prices.cost(model, Tokens(spend.tokens_in, spend.tokens_out)) or spend.money
        charge = charging(Payer(user, room, model), replace(spend, money=money))
        await self._book(await self._day(at)).append(charge)

    async def first(self, what: str, now: int) -> bool:
        """Whether nobody has said `what` today: true for one caller of all processes, once a day of UTC.

        `what` is of at most 200 characters; past budget.MAX_TOLD things in a day it is true for nobody.
        """
        me = f"{self.id}.{secrets.token_hex(4)}"
        book = await self._book(await self._day(now)).write(telling(what[:200], me))
        return book.told.get(what[:200]) == me

    async def days(self) -> list[str]:
        """The days on which something was spent, as YYYY-MM-DD, oldest first; at most MAX_DAYS."""
        names = (
            name.removeprefix(_SPENT) for name in await self._journals.names() if name.startswith(_SPENT)
        )
        return sorted(names)[-MAX_DAYS:]

    async def book(self, day: str) -> DayBook:
        """What was spent on a day (YYYY-MM-DD); an empty book if nothing is known. Not to be changed."""
        return await self._book(day).read()

    async def _day(self, now: int) -> str:
        """The day whose book takes what is spent `now`.

        That is an earlier one's if the clock has gone back before all that are kept: what is written
        there would be let go of again at once, and the budget were no limit.
        """
        day = day_of(now)
        if day != self._today:
            days = await self.days()
            if len(days) >= MAX_DAYS and day < days[0]:
                return days[0]
            if len(days) >= MAX_DAYS and day not in days:
                await self._journals.drop(_SPENT + days[0])
            self._today = day
        return day

    # Settings

    async def get(self, room: str, key: str, default: Any = None) -> Any:
        """The setting `key` of a room."""
        return (await self._notes(room).read()).values.get(key, default)

    async def set(self, room: str, key: str, value: Any) -> None:
        """Write a setting, a JSON value. Raises ValueError if it is large, or if the room has MAX_NOTES."""
        if len(dump(value).encode()) > MAX_NOTE:
            raise ValueError(f"the setting {key!r} has more than {MAX_NOTE} bytes")
        notes = self._notes(room)
        values = (await notes.read()).values
        if key not in values and len(values) >= MAX_NOTES:
            raise ValueError(f"the room {room} has {MAX_NOTES} settings: no place for {key!r}")
        if key not in values or values[key] != value:
            await notes.append({"set": key, "to": value})

    # Where it is

    async def stayed(self) -> list[str]:
        """The rooms that it came into and did not leave: after a crash it may owe something there."""
        return list((await self._stays().read()).rooms)

    async def come(self, room: str) -> None:
        """It comes into a room, whatever becomes of this process."""
        if room not in (await self._stays().read()).rooms:
            await self._stays().append({"in": check_name(room, "room")})

    async def go(self, room: str) -> None:
        """It has left a room in which it owes nothing."""
        if room in (await self._stays().read()).rooms:
            await self._stays().append({"out": room})

    # Journals

    def _stays(self) -> Journal[Stayed]:
        return self._journals.get(_STAYED, Stayed, longest=2 * MAX_ROOMS)

    def _ledger(self, room: str) -> Journal[Ledger]:
        check_name(room, "room")
        return self._journals.get(_DECIDED + room, lambda: Ledger(room), longest=2 * MAX_ENTRIES)

    def _book(self, day: str) -> Journal[DayBook]:
        return self._journals.get(_SPENT + day, DayBook)

    def _notes(self, room: str) -> Journal[Notes]:
        return self._journals.get(_NOTED + check_name(room, "room"), Notes)
