"""Who is here: the states of a replica, and the desk of a hub that keeps them apart."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from syncchat.core.grant import Role
from syncchat.core.people import people
from syncchat.core.presence import (
    GONE,
    MAX_CLOCK,
    MAX_ENTRIES,
    MAX_STATE,
    Entry,
    Presence,
    PresenceDesk,
    decode,
    encode,
    vouched,
)
from syncchat.errors import MalformedUpdate

NUMBERS = st.integers(0, 2**53 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
ENTRIES = st.lists(st.builds(Entry, NUMBERS, NUMBERS, TEXTS))
FLOOR = 1000


def _said(client: int, clock: int, state: object = None) -> bytes:
    return encode([Entry(client, clock, json.dumps(state))])


def _states(data: bytes | None) -> dict[int, Any]:
    return {} if data is None else {entry.client: json.loads(entry.state) for entry in decode(data)}


def _is_taken(take: Callable[[bytes], object], data: bytes) -> bool:
    """Whether it is not refused as malformed; every other error fails the test."""
    try:
        take(data)
    except MalformedUpdate:
        return False
    return True


# The format.


def test_S11_S12_an_awareness_update_byte_by_byte() -> None:
    assert encode([Entry(5, 300, '"Zoë"')]) == b"\x01\x05\xac\x02\x06" + '"Zoë"'.encode()
    assert encode([]) == b"\x00"


@given(ENTRIES)
def test_S11_S12_entries_survive_the_wire(entries: list[Entry]) -> None:
    data = encode(entries)
    assert decode(data) == entries
    for end in range(len(data)):
        with pytest.raises(MalformedUpdate):
            decode(data[:end])
    with pytest.raises(MalformedUpdate):
        decode(data + b"\x00")


@given(st.binary(max_size=100))
@example(b"\xff\xff\xff\xff\xff\xff\xff\x0f")
def test_S3_rubbish_is_malformed_and_nothing_else(rubbish: bytes) -> None:
    presence, desk = Presence(1), PresenceDesk()
    for take in (presence.apply, lambda data: desk.accept(data, "ann")):
        assert not _is_taken(take, rubbish) or _is_taken(decode, rubbish), "only awareness updates are taken"


# A replica's side.


def test_P2_a_replica_knows_all_who_are_here_itself_included() -> None:
    ann = Presence(1)
    heard: list[dict[int, Any]] = []
    ann.listen(lambda: heard.append(dict(ann.states)))
    ann.set_local({"user": "ann"})
    ann.apply(_said(2, 1, {"user": "bob"}))
    ann.apply(_said(2, 2))
    ann.set_local(None)
    both = {1: {"user": "ann"}, 2: {"user": "bob"}}
    assert heard == [{1: both[1]}, both, {1: both[1]}, {}]


def test_P1_nobody_else_changes_the_own_state() -> None:
    ann = Presence(1)
    ann.set_local({"user": "ann"})
    before = decode(ann.announce())[0].clock
    ann.apply(_said(1, before + 100))
    assert ann.states == {1: {"user": "ann"}}
    assert decode(ann.announce())[0].clock > before + 100, "others have seen that clock"


def test_P1_an_older_state_is_ignored_and_so_is_the_same_again() -> None:
    ann = Presence(1)
    told: list[None] = []
    ann.apply(_said(2, 5, {"n": 5}))
    ann.listen(lambda: told.append(None))
    for clock, state in ((4, {"n": 4}), (5, {"n": 50}), (4, None)):
        ann.apply(_said(2, clock, state))
    assert (ann.states, told) == ({2: {"n": 5}}, [])
    ann.apply(_said(2, 5))
    assert (ann.states, len(told)) == ({}, 1), "gone wins over here at an equal clock"


def test_P2_after_a_lost_link_equal_clocks_count_again() -> None:
    ann = Presence(1)
    ann.set_local({"user": "ann"})
    ann.apply(_said(2, 5, {"n": 5}))
    ann.forget_others()
    assert ann.states == {1: {"user": "ann"}}
    ann.apply(_said(2, 5, {"n": 5}))
    assert ann.states[2] == {"n": 5}


@pytest.mark.parametrize("text", ["", "{", "[1]", '"x"', "7", "NaN", "[" * 100_000])
def test_P1_what_is_no_state_counts_as_gone(text: str) -> None:
    ann = Presence(1)
    ann.apply(_said(2, 1, {"n": 1}))
    ann.apply(encode([Entry(2, 2, text)]))
    assert ann.states == {}


def test_P3_a_listener_that_was_cancelled_hears_nothing() -> None:
    ann = Presence(1)
    told: list[None] = []
    subscription = ann.listen(lambda: told.append(None))
    subscription.cancel()
    subscription.cancel()
    ann.set_local({})
    assert told == []


@pytest.mark.parametrize(
    ("state", "why"),
    [({"x": "y" * MAX_STATE}, "small"), ({"x": float("nan")}, "not JSON"), ({"x": "\ud800"}, "not JSON")],
)
def test_G6_a_state_that_a_hub_refuses_is_refused_at_once(state: dict[str, Any], why: str) -> None:
    ann = Presence(1)
    told: list[None] = []
    ann.on_local = lambda: told.append(None)
    with pytest.raises(ValueError, match=why):
        ann.set_local(state)
    assert (ann.local, ann.states, told) == (None, {}, [])


def test_P2_renewing_says_the_same_with_a_later_clock() -> None:
    ann = Presence(1)
    said: list[Entry] = []
    ann.on_local = lambda: said.extend(decode(ann.announce()))
    ann.renew()
    ann.set_local({"user": "ann"})
    ann.renew()
    assert [entry.state for entry in said] == ['{"user":"ann"}'] * 2
    assert said[0].clock < said[1].clock


# A hub's side.


def test_P2_who_joins_gets_every_state_but_its_own() -> None:
    desk = PresenceDesk()
    assert desk.all() is None
    desk.accept(_said(1, 1, {"user": "ann"}), "ann")
    desk.accept(_said(2, 1, {"user": "bob"}), "bob")
    assert _states(desk.all()) == {1: {"user": "ann"}, 2: {"user": "bob"}}
    assert _states(desk.all(besides="ann")) == {2: {"user": "bob"}}


@pytest.mark.parametrize("state", [None, {"user": "mallory"}])
def test_P1_a_connection_cannot_change_or_clear_anothers_state(state: dict[str, Any] | None) -> None:
    desk = PresenceDesk()
    desk.accept(_said(1, 1, {"user": "ann"}), "ann")
    assert desk.accept(_said(1, 99, state), "mallory") is None
    assert _states(desk.all()) == {1: {"user": "ann"}}
    mixed = encode([Entry(1, 99, GONE), Entry(3, 1, '{"user": "m"}')])
    assert _states(desk.accept(mixed, "mallory")) == {3: {"user": "m"}}, "the honest rest goes through"
    assert _states(desk.leave("mallory")) == {3: None}
    assert _states(desk.all()) == {1: {"user": "ann"}}


def test_P3_a_connection_that_ends_takes_all_its_states_with_it() -> None:
    desk = PresenceDesk()
    for client in (1, 2):
        desk.accept(_said(client, 1, {"n": client}), "ann")
    desk.accept(_said(3, 1, {"n": 3}), "bob")
    assert _states(desk.leave("ann")) == {1: None, 2: None}
    assert desk.leave("ann") is None
    assert _states(desk.all()) == {3: {"n": 3}}


@given(
    st.lists(
        st.tuples(st.sampled_from(["ann", "bob"]), st.sampled_from(["say", "hush", "leave"])), max_size=30
    )
)
def test_P1_P3_others_see_what_the_desk_holds_whoever_comes_back(steps: list[tuple[str, str]]) -> None:
    """Stock clients begin again at the clock they had; who watched all along sees them all the same."""
    desk, watcher = PresenceDesk(floor=FLOOR), Presence(99)
    clients, clocks = {"ann": 1, "bob": 2}, {"ann": 0, "bob": 0}
    for who, what in steps:
        if what == "leave":
            news = desk.leave(who)
        else:
            clocks[who] += 1
            news = desk.accept(_said(clients[who], clocks[who], {"n": 1} if what == "say" else None), who)
        if news is not None:
            watcher.apply(news)
        assert dict(watcher.states) == _states(desk.all())


class Echo:
    """A y-websocket client: it sends back every awareness entry that is news to it."""

    def __init__(self) -> None:
        self.clocks: dict[int, int] = {}
        self.here: set[int] = set()

    def hear(self, data: bytes) -> bytes | None:
        news = []
        for entry in decode(data):
            known = self.clocks.get(entry.client, 0)
            gone = entry.state == GONE
            if known < entry.clock or (known == entry.clock and gone and entry.client in self.here):
                if not gone or entry.client in self.clocks:
                    news.append(entry)
                self.clocks[entry.client] = entry.clock
                (self.here.discard if gone else self.here.add)(entry.client)
        return encode(news) if news else None


def test_P3_S11_clients_that_echo_neither_bring_back_the_gone_nor_go_on_for_ever() -> None:
    desk = PresenceDesk(floor=FLOOR)
    echoes = {"x": Echo(), "y": Echo()}
    arrived = desk.accept(_said(1, 1, {"user": "ann"}), "ann")
    assert arrived is not None
    late = {name: echo.hear(arrived) for name, echo in echoes.items()}
    left = desk.leave("ann")
    assert left is not None
    for name, said in late.items():
        assert said is not None
        assert desk.accept(said, name) is None, "late news of who has left"
    for name, echo in echoes.items():
        said = echo.hear(left)
        assert said is not None
        assert desk.accept(said, name) is None, "told again, they would echo that as well"
    assert desk.all() is None
    again = desk.accept(_said(1, 1, {"user": "ann"}), "ann")
    assert again is not None, "a stock client comes back with the clock it had"
    assert all(echo.hear(again) is not None for echo in echoes.values())


def test_S11_a_client_that_echoes_a_full_room_is_welcome() -> None:
    desk = PresenceDesk(floor=FLOOR)
    for client in range(5 * MAX_ENTRIES):
        desk.accept(_said(client, 1, {"n": client}), f"user {client}")
    everybody = desk.all()
    assert everybody is not None
    assert desk.accept(everybody, "echo") is None


def test_G6_G15_a_flood_of_states_is_not_read_at_all() -> None:
    many = encode([Entry(client, 1, "{}") for client in range(20)])
    assert len(decode(many, most=20)) == 20
    with pytest.raises(MalformedUpdate, match="more than 19"):
        decode(many, most=19)


def test_G6_states_have_an_upper_size_and_a_connection_an_upper_number() -> None:
    desk = PresenceDesk()
    fits = encode([Entry(1, 1, json.dumps("x" * (MAX_STATE - 2)))])
    assert desk.accept(fits, "ann") is not None
    with pytest.raises(MalformedUpdate):
        desk.accept(encode([Entry(1, 2, json.dumps("x" * (MAX_STATE - 1)))]), "ann")
    for client in range(2, MAX_ENTRIES + 1):
        desk.accept(_said(client, 1, {}), "ann")
    with pytest.raises(MalformedUpdate):
        desk.accept(_said(MAX_ENTRIES + 1, 1, {}), "ann")
    desk.accept(_said(2, 2, None), "ann")
    assert desk.accept(_said(MAX_ENTRIES + 1, 1, {}), "ann") is not None


@pytest.mark.parametrize("text", ["", "{", "NaN", '"\\ud800"', "[" * 1000 + "]" * 1000, "{} {}", "undefined"])
def test_S3_P1_what_would_break_other_clients_parsers_is_told_to_nobody(text: str) -> None:
    desk = PresenceDesk()
    with pytest.raises(MalformedUpdate):
        desk.accept(encode([Entry(1, 1, text)]), "mallory")
    assert desk.all() is None


@pytest.mark.parametrize("clock", [MAX_CLOCK + 1, 2**32, 2**53 - 1])
def test_S3_P3_a_clock_that_cannot_be_counted_on_is_refused(clock: int) -> None:
    desk = PresenceDesk()
    with pytest.raises(MalformedUpdate):
        desk.accept(_said(1, clock, {}), "mallory")
    desk.accept(_said(1, MAX_CLOCK, {}), "mallory")
    gone = desk.leave("mallory")
    assert gone is not None
    assert decode(gone)[0].clock < 2**32, "what yrs can read"


@pytest.mark.parametrize("agent", [True, False])
def test_G10_G15_only_an_agent_is_shown_as_one(agent: bool) -> None:
    role = Role.AGENT if agent else Role.MODERATOR
    told = vouched(Entry(1, 1, '{"agent":true,"state":"writing"}'), "ann", "", role)
    assert json.loads(told.state) == {"state": "writing", "user": "ann"} | (
        {"agent": True} if agent else {"role": "moderator"}
    )


@pytest.mark.parametrize("role", list(Role))
def test_G15_a_moderator_is_shown_as_one_and_nobody_else_whatever_it_says(role: Role) -> None:
    told = json.loads(vouched(Entry(1, 1, '{"role":"moderator"}'), "ann", "", role).state)
    (ann,) = people({1: told})
    assert ann.is_moderator == (role is Role.MODERATOR)
