"""Presence: who is here and what they do; the awareness states of y-protocols, without IO.

Format of an awareness update (y-protocols, PROTOCOL.md): the number of entries, then for each
its client id, its clock, and its state as a JSON string (`null` when it has gone).
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from syncchat.core.grant import Role
from syncchat.core.lib0 import Reader, write_var_string, write_var_uint
from syncchat.core.update import check_json
from syncchat.errors import MalformedUpdate

MAX_STATE = 4096
"""The largest presence state, in bytes of JSON."""

MAX_ENTRIES = 16
"""The most presence states that one connection may hold in one doc."""

MAX_CLOCK = 2**31
"""The largest clock that a hub takes: yrs reads 32 bits, and the hub counts on from it."""

MAX_REMEMBERED = 10_000
"""Client ids whose clocks a hub remembers; past it those that have gone are forgotten."""

State = Mapping[str, Any]


class Entry(NamedTuple):
    """One client's state in an awareness update: `state` is JSON text, `null` when it has gone."""

    client: int
    clock: int
    state: str


GONE = "null"


def encode(entries: Iterable[Entry]) -> bytes:
    """Encode an awareness update."""
    entries = list(entries)
    buffer = bytearray()
    write_var_uint(buffer, len(entries))
    for entry in entries:
        write_var_uint(buffer, entry.client)
        write_var_uint(buffer, entry.clock)
        write_var_string(buffer, entry.state)
    return bytes(buffer)


def decode(data: bytes, *, most: int | None = None) -> list[Entry]:
    """Decode an awareness update; raises MalformedUpdate if it is none, or has more than `most` entries."""
    reader = Reader(data)
    count = reader.count(3)
    if most is not None and count > most:
        raise MalformedUpdate(f"more than {most} presence states at once")
    entries = [Entry(reader.var_uint(), reader.var_uint(), reader.var_string()) for _ in range(count)]
    if not reader.done:
        raise MalformedUpdate("bytes behind the end of an awareness update")
    return entries


def _parse(text: str) -> dict[str, Any] | None:
    try:
        state = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return state if isinstance(state, dict) else None


def _check_state(text: str, most: int = MAX_STATE) -> None:
    """Raise MalformedUpdate for a state that one of the other parsers would fail on."""
    if len(text.encode()) > most:
        raise MalformedUpdate(f"a presence state of more than {most} bytes (presence_bytes): keep it small")
    check_json(text)


def vouched(entry: Entry, user: str, name: str, role: Role) -> Entry:
    """The entry with the `user` that the hub knows its sender to be, and the `name` if it knows one (G15).

    Who is no agent is not shown as one (G10), and `role` is there for moderators alone: others in the room
    act on what they say. Every other field stays. Editors of Yjs say `{"user":
    {"name": ..., "color": ...}}`: theirs stays an object, with `id` and `name` set in it. A state that
    says nothing, with which they begin, goes on doing so. Raises MalformedUpdate for a state that is no
    object.
    """
    if entry.state == GONE:
        return entry
    state = _parse(entry.state)
    if state is None:
        raise MalformedUpdate("a presence state that is no object")
    if not state:
        return entry
    if role is not Role.AGENT:
        state.pop("agent", None)
    state.pop("role", None)
    known = {"name": name} if name else {}
    shown = {"role": str(role)} if role is Role.MODERATOR else {}
    inner = state.get("user")
    state |= {"user": {**inner, "id": user, **known} if isinstance(inner, dict) else user} | known | shown
    return entry._replace(state=json.dumps(state, ensure_ascii=False, separators=(",", ":")))


class Subscription:
    """A listener that is registered until `cancel` is called."""

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._cancel = cancel

    def cancel(self) -> None:
        """Stop listening; calling it again does nothing."""
        self._cancel()


class Presence:
    """A replica's view of everybody's presence in one doc, its own state included.

    `client` is the id under which its own state is known to others.
    """

    def __init__(self, client: int) -> None:
        self.client = client
        self.local: State | None = None
        self.on_local: Callable[[], None] | None = None
        self._clock = 0
        self._clocks: dict[int, int] = {}
        self._states: dict[int, State] = {}
        self._listeners: list[Callable[[], None]] = []

    @property
    def states(self) -> Mapping[int, State]:
        """The state of every client that is present, by client id."""
        return self._states

    def listen(self, callback: Callable[[], None]) -> Subscription:
        """Call `callback` after each change of `states`."""
        self._listeners.append(callback)

        def cancel() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)

        return Subscription(cancel)

    def set_local(self, state: State | None) -> None:
        """Set the own state (None: gone) and tell the others.

        Raises ValueError if it is over MAX_STATE bytes of JSON, or what JSON cannot say (NaN).
        """
        try:
            _check_state(GONE if state is None else json.dumps(state))
        except MalformedUpdate as error:
            raise ValueError(str(error)) from error
        self.local = state
        self._put(self.client, state)
        self._tell()
        if self.on_local is not None:
            self.on_local()

    def renew(self) -> None:
        """Tell the own state again, if there is one: others forget whom they do not hear of."""
        if self.local is not None and self.on_local is not None:
            self.on_local()

    def announce(self) -> bytes:
        """The own state as an awareness update with a clock nobody has seen yet."""
        # By two: the hub clears a lost connection's state with the next clock, and an equal one is ignored.
        self._clock += 2
        state = GONE if self.local is None else json.dumps(self.local, separators=(",", ":"))
        return encode([Entry(self.client, self._clock, state)])

    def apply(self, data: bytes) -> None:
        """Take in an awareness update; a state with an older clock than the known one is ignored.

        Raises MalformedUpdate if it is none.
        """
        changed = False
        for client, clock, text in decode(data):
            if client == self.client:
                self._clock = max(self._clock, clock)
                continue
            known = self._clocks.get(client, -1)
            state = _parse(text)
            if clock < known or (clock == known and (state is None) != (client in self._states)):
                continue
            self._clocks[client] = clock
            changed = changed or self._states.get(client) != state
            self._put(client, state)
        if changed:
            self._tell()

    def forget_others(self) -> None:
        """Forget everybody else: the link is down, and nobody can say who is there."""
        self._clocks.clear()
        self._states = {k: v for k, v in self._states.items() if k == self.client}
        self._tell()

    def _put(self, client: int, state: State | None) -> None:
        if state is None:
            self._states.pop(client, None)
        else:
            self._states[client] = state

    def _tell(self) -> None:
        for callback in list(self._listeners):
            callback()


class PresenceDesk:
    """The hub's side: which connection set which state (P1, P2, P3).

    `Owner` is whatever stands for a connection; it is compared by identity. `floor` is a clock
    that is later than any this desk's predecessors told: a daemon that restarts has no other memory.
    `max_state` is the largest state in bytes.
    """

    __slots__ = ("_entries", "_floor", "_max_state", "_told")

    def __init__(self, *, floor: int = 0, max_state: int = MAX_STATE) -> None:
        self._floor = floor
        self._max_state = max_state
        self._entries: dict[int, tuple[Entry, object]] = {}
        self._told: dict[int, int] = {}

    def accept(self, data: bytes, owner: object) -> bytes | None:
        """Take in what a connection says of itself; return what to send to all others.

        None if there is nothing to be told. Raises MalformedUpdate if it is no awareness update
        or over the limits.
        """
        entries = self.own(decode(data), owner)
        return encode(self.put(entries, owner)) if entries else None

    def own(self, entries: Iterable[Entry], owner: object) -> list[Entry]:
        """Those entries that a connection may set; changes nothing.

        Entries for a client id that another live connection set are left out (P1), and so are
        echoes: y-websocket sends back all that it hears. Raises MalformedUpdate for what is over
        the limits.
        """
        kept = []
        for entry in entries:
            known = self._entries.get(entry.client)
            if known is not None and (known[1] is not owner or entry.clock < known[0].clock):
                continue
            if known is None and self._is_echo(entry):
                continue
            _check_state(entry.state, self._max_state)
            if entry.clock > MAX_CLOCK:
                raise MalformedUpdate(f"a presence clock over {MAX_CLOCK}")
            kept.append(entry)
        if kept:
            held = {client for client, (_, holder) in self._entries.items() if holder is owner}
            if len(held.union(entry.client for entry in kept)) > MAX_ENTRIES:
                raise MalformedUpdate(f"more than {MAX_ENTRIES} presence states on one connection")
        return kept

    def put(self, entries: Iterable[Entry], owner: object) -> list[Entry]:
        """Set entries that `own` returned; they are returned as others are to be told them."""
        told = []
        for entry in entries:
            if entry.state == GONE:
                self._entries.pop(entry.client, None)
            else:
                self._entries[entry.client] = (entry, owner)
            told.append(self._afresh(entry))
        return told

    def _is_echo(self, entry: Entry) -> bool:
        """Whether it is late news of one who has left; told again, two echoing clients would never end."""
        return entry.state == GONE or self._floor <= entry.clock <= self._told.get(entry.client, -1)

    def all(self, *, besides: object = None) -> bytes | None:
        """Every state there is, for somebody who joins, without its own; None if there is none."""
        others = [entry for entry, holder in self._entries.values() if holder is not besides]
        return encode(map(self._afresh, others)) if others else None

    def leave(self, owner: object) -> bytes | None:
        """Clear what a connection set; return what tells everybody, None if it had set nothing."""
        gone = [entry for entry, holder in self._entries.values() if holder is owner]
        for entry in gone:
            del self._entries[entry.client]
        return encode(self._afresh(entry._replace(state=GONE)) for entry in gone) if gone else None

    def _afresh(self, entry: Entry) -> Entry:
        # A stock client remembers the clocks it has seen, also over a broken link, and ignores what is not
        # later: a state that comes back would stay invisible until its owner renews it, up to 18 seconds.
        clock = max(entry.clock, self._floor, self._told.get(entry.client, 0) + 1)
        if len(self._told) >= MAX_REMEMBERED:
            self._told = {client: told for client, told in self._told.items() if client in self._entries}
        self._told[entry.client] = clock
        return entry._replace(clock=clock)
