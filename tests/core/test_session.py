"""A replica's side of the conversation about a doc, and both sides over a wire that can be cut."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map

from syncchat.core.closing import closing_text
from syncchat.core.grant import Role
from syncchat.core.hub_session import AskedForState, AskedToOpen, HubSession, Offered
from syncchat.core.messages import (
    Auth,
    Authenticated,
    Awareness,
    Close,
    Denied,
    Message,
    QueryAwareness,
    Stateless,
    Status,
    Step1,
    Step2,
    Update,
)
from syncchat.core.presence import Presence
from syncchat.core.replica_session import (
    MAX_OFFER,
    WINDOW,
    Acknowledged,
    CaughtUp,
    Met,
    Received,
    Rejected,
    ReplicaSession,
    Welcomed,
)
from syncchat.core.welcome import Welcome, welcome_text
from syncchat.errors import CloseCode, ProtocolError


class Writer:
    """A replica's session, and the edits that its replica would have made."""

    def __init__(self, *, acknowledges: bool = True, follows: bool = False) -> None:
        self.presence = Presence(7)
        self.edits = 0
        self.session = ReplicaSession(
            state=lambda: b"state",
            diff=lambda state: b"all beyond " + state,
            presence=self.presence,
            token="ann",
            acknowledges=acknowledges,
            authenticates=acknowledges,
            follows=follows,
        )
        self.session.start(0)

    def edit(self) -> None:
        self.edits += 1
        self.session.edited(b"edit %d" % self.edits, self.edits)

    def said(self) -> list[Message]:
        outbox, self.session.outbox = self.session.outbox, []
        return outbox

    def met(self) -> "Writer":
        """Past the handshake, with nothing under way."""
        self.session.receive(Step1(b"theirs"))
        if self.session.acknowledges:
            self.session.receive(Status(True))
        self.said()
        return self


def test_S2_a_replica_asks_with_its_state_and_answers_with_the_difference() -> None:
    writer = Writer()
    assert writer.said() == [Auth("ann"), Step1(b"state")]
    assert writer.session.receive(Authenticated("read-write")) == []
    assert writer.session.receive(Step2(b"news")) == [Received(b"news"), CaughtUp()]
    assert writer.session.receive(Step1(b"theirs")) == [Met(b"theirs")]
    assert writer.said() == [Step2(b"all beyond theirs")]
    assert writer.session.receive(Update(b"more")) == [Received(b"more")]


def test_S11_a_dialect_without_authentication_begins_with_the_state() -> None:
    assert Writer(acknowledges=False).said() == [Step1(b"state")]


def test_O1_edits_before_the_meeting_go_with_the_difference() -> None:
    writer = Writer()
    writer.said()
    writer.edit()
    writer.edit()
    assert writer.said() == []
    writer.session.receive(Step1(b"theirs"))
    writer.edit()
    assert writer.said() == [Step2(b"all beyond theirs"), Update(b"edit 3")]
    assert writer.session.receive(Status(True)) == [Acknowledged(2)]
    assert writer.session.receive(Status(True)) == [Acknowledged(3)]


def test_S10_each_status_settles_the_oldest_offer() -> None:
    writer = Writer().met()
    for _ in range(3):
        writer.edit()
    assert [writer.session.receive(Status(True)) for _ in range(3)] == [
        [Acknowledged(1)],
        [Acknowledged(2)],
        [Acknowledged(3)],
    ]


@pytest.mark.parametrize("acknowledges", [True, False])
def test_S10_an_acknowledgement_of_nothing_is_refused(acknowledges: bool) -> None:
    writer = Writer(acknowledges=acknowledges).met()
    if not acknowledges:
        writer.edit()
    with pytest.raises(ProtocolError):
        writer.session.receive(Status(True))


def test_S4_past_the_window_a_replica_waits_and_sends_one_difference() -> None:
    writer = Writer().met()
    for _ in range(WINDOW + 50):
        writer.edit()
    assert writer.said() == [Update(b"edit %d" % number) for number in range(1, WINDOW + 1)]
    for _ in range(WINDOW - 1):
        writer.session.receive(Status(True))
        writer.edit()
    assert writer.said() == []
    assert writer.session.receive(Status(True)) == [Acknowledged(WINDOW)]
    assert writer.said() == [Step1(b"state")], "it asks where the other side stands"
    writer.edit()
    assert writer.said() == []
    writer.session.receive(Step1(b"theirs"))
    assert writer.said() == [Step2(b"all beyond theirs")]
    assert writer.session.receive(Status(True)) == [Acknowledged(writer.edits)]
    writer.edit()
    assert writer.said() == [Update(b"edit %d" % writer.edits)]


def test_S5_asked_for_a_gap_a_replica_sends_all_it_has() -> None:
    writer = Writer().met()
    writer.edit()
    writer.edit()
    writer.said()
    assert writer.session.receive(Step1(b"before the gap")) == [Met(b"before the gap")]
    assert writer.said() == [Step2(b"all beyond before the gap")]
    assert [writer.session.receive(Status(True)) for _ in range(3)] == [
        [Acknowledged(1)],
        [Acknowledged(2)],
        [Acknowledged(2)],
    ]


def test_O7_nothing_counts_as_durable_past_a_refusal_until_a_difference_was_accepted() -> None:
    writer = Writer().met()
    writer.edit()
    writer.edit()
    assert isinstance(writer.session.receive(Status(False))[0], Rejected)
    assert writer.session.receive(Status(True)) == [], "edit 1 is not durable, so 'up to 2' would be a lie"
    writer.session.receive(Step1(b"theirs"))
    assert writer.session.receive(Status(True)) == [Acknowledged(2)]
    writer.edit()
    assert writer.session.receive(Status(True)) == [Acknowledged(3)]


def test_G8_a_refusal_comes_with_its_reason() -> None:
    writer = Writer().met()
    writer.edit()
    told = closing_text(CloseCode.REFUSED, "these rows belong to somebody else", rule="G1", rows=[["m", "k"]])
    assert writer.session.receive(Stateless(told)) == []
    refused = Rejected(CloseCode.REFUSED, "these rows belong to somebody else", "G1", (("m", "k"),), edit=1)
    assert writer.session.receive(Status(False)) == [refused]
    writer.edit()
    [event] = writer.session.receive(Status(False))
    assert isinstance(event, Rejected)
    assert (event.rule, event.rows, event.edit) == ("", (), 2), "what was told before was about another one"


def test_G14_a_refused_difference_may_hold_many_edits() -> None:
    writer = Writer()
    writer.edit()
    writer.session.receive(Step1(b"theirs"))
    [event] = writer.session.receive(Status(False))
    assert isinstance(event, Rejected)
    assert event.edit is None


def test_G14_a_session_that_follows_another_passes_over_what_was_said_to_that_one() -> None:
    writer = Writer(follows=True)
    for late in (Status(False), Update(b"x"), Step1(b"y"), Close("z"), Stateless(closing_text(4422, "no"))):
        assert writer.session.receive(late) == []
    assert writer.said() == [Auth("ann"), Step1(b"state")]
    writer.session.receive(Authenticated("read-write"))
    assert writer.session.receive(Step1(b"theirs")) == [Met(b"theirs")]


def test_U3_a_renewed_token_is_sent_on_the_open_session() -> None:
    writer = Writer().met()
    writer.session.renew("fresh")
    assert writer.said() == [Auth("fresh")]


def test_G9_the_welcome_tells_who_we_are_and_what_time_it_is() -> None:
    welcome = Welcome("ann", Role.READER, 1_800_000_000_000)
    assert Writer().session.receive(Stateless(welcome_text(welcome))) == [Welcomed(welcome)]


def test_L2_a_session_that_is_closed_over_a_limit_tells_when_to_try_again() -> None:
    writer = Writer().met()
    told = closing_text(CloseCode.TOO_MANY, "too fast", limit="updates_per_second", retry=7)
    writer.session.receive(Stateless(told))
    assert writer.session.receive(Close("too fast")) == [Rejected(CloseCode.TOO_MANY, "too fast", retry=7.0)]


def test_G8_a_server_that_gives_no_reason_is_understood_too() -> None:
    writer = Writer().met()
    writer.edit()
    [event] = writer.session.receive(Status(False))
    assert isinstance(event, Rejected)
    assert event.code == CloseCode.REFUSED


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "{",
        "[]",
        "null",
        '{"syncchat": "closed"}',
        '{"syncchat":"closed","code":"x","reason":"y"}',
        "[" * 10_000,
    ],
)
def test_S3_what_others_say_beside_a_doc_is_no_harm(payload: str) -> None:
    writer = Writer().met()
    assert writer.session.receive(Stateless(payload)) == []
    assert writer.session.receive(Close("bye")) == [Rejected(CloseCode.GOING_AWAY, "bye")]


def test_S3_a_closed_session_says_why() -> None:
    writer = Writer().met()
    writer.session.receive(Stateless(closing_text(CloseCode.BAD_FRAME, "a bad frame")))
    assert writer.session.receive(Close("ignored")) == [Rejected(CloseCode.BAD_FRAME, "a bad frame")]
    assert Writer().session.receive(Denied("no")) == [Rejected(CloseCode.FORBIDDEN, "no")]


def test_G6_more_than_a_frame_can_hold_is_not_offered() -> None:
    session = ReplicaSession(
        state=bytes,
        diff=lambda state: b"x" * (MAX_OFFER + 1),
        presence=Presence(1),
        token="ann",
        acknowledges=True,
        authenticates=True,
    )
    session.start(1)
    session.outbox.clear()
    [event] = session.receive(Step1(b"\x00"))
    assert isinstance(event, Rejected)
    assert event.code == CloseCode.TOO_BIG
    assert session.outbox == []


def test_P2_presence_is_told_at_the_start_on_change_and_when_asked() -> None:
    presence = Presence(7)
    presence.set_local({"user": "ann"})
    session = ReplicaSession(
        state=bytes, diff=bytes, presence=presence, token="t", acknowledges=True, authenticates=True
    )
    session.start(0)
    session.receive(QueryAwareness())
    session.present()
    assert [type(message) for message in session.outbox] == [Auth, Step1, Awareness, Awareness, Awareness]
    told = [message.entries for message in session.outbox if isinstance(message, Awareness)]
    assert len(set(told)) == 3, "each with a clock of its own"
    absent = Writer()
    absent.said()
    absent.session.receive(QueryAwareness())
    assert absent.said() == [], "who is away says nothing"


def test_P3_a_replica_that_is_closed_says_so() -> None:
    writer = Writer().met()
    writer.session.stop()
    assert writer.said() == [Close("")]


# Both, with a doc each and a wire that can be cut.


@given(
    st.lists(st.sampled_from(["edit", "edit", "edit", "to hub", "to replica", "cut"]), max_size=120),
    st.integers(1, 4),
)
def test_S1_S2_D1_what_is_acknowledged_is_there_and_in_the_end_everything(
    steps: list[str], window: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncchat.core.replica_session.WINDOW", window)
        pair = _Pair()
        for step in steps:
            pair.step(step)
        pair.run_dry()
    assert pair.theirs() == pair.mine()
    assert pair.acknowledged == pair.edits


class _Pair:
    """A replica and a hub whose docs are real, and whose frames wait until they are carried."""

    def __init__(self) -> None:
        self.doc: Doc[Any] = Doc()
        self.hub_doc: Doc[Any] = Doc()
        self.root = self.doc.get("m", type=Map)
        self.edits = 0
        self.acknowledged = 0
        self.keys: dict[int, str] = {}
        self.doc.observe(lambda event: self._edited(event.update))
        self._connect()

    def _connect(self) -> None:
        self.to_hub: list[Message] = []
        self.to_replica: list[Message] = []
        self.hub = HubSession(acknowledges=True)
        self.replica = ReplicaSession(
            state=self.doc.get_state,
            diff=self.doc.get_update,
            presence=Presence(1),
            token="t",
            acknowledges=True,
            authenticates=True,
        )
        self.replica.start(self.edits)
        self._flush()

    def _edited(self, update: bytes) -> None:
        self.edits += 1
        self.replica.edited(update, self.edits)
        self._flush()

    def _flush(self) -> None:
        self.to_hub += self.replica.outbox
        self.to_replica += self.hub.outbox
        self.replica.outbox, self.hub.outbox = [], []

    def step(self, step: str) -> None:
        steps: dict[str, Callable[[], None]] = {
            "edit": self._edit,
            "to hub": self._carry_to_hub,
            "to replica": self._carry_to_replica,
            "cut": self._connect,
        }
        steps[step]()

    def _edit(self) -> None:
        self.root[f"key {self.edits % 5}"] = self.edits

    def _carry_to_hub(self) -> None:
        if self.to_hub:
            events = self.hub.receive(self.to_hub.pop(0))
            for event in events:
                if isinstance(event, AskedToOpen):
                    assert self.hub.admit("read-write") == []
                elif isinstance(event, AskedForState):
                    self.hub.outbox += [
                        Step2(self.hub_doc.get_update(event.state)),
                        Step1(self.hub_doc.get_state()),
                    ]
                elif isinstance(event, Offered):
                    self.hub_doc.apply_update(event.update)
                    self.hub.settle(whole=event.whole)
        self._flush()

    def _carry_to_replica(self) -> None:
        if self.to_replica:
            for event in self.replica.receive(self.to_replica.pop(0)):
                if isinstance(event, Acknowledged):
                    self.acknowledged = max(self.acknowledged, event.edit)
        self._flush()

    def run_dry(self) -> None:
        while self.to_hub or self.to_replica:
            self._carry_to_hub()
            self._carry_to_replica()

    def mine(self) -> Any:
        return self.root.to_py()

    def theirs(self) -> Any:
        return self.hub_doc.get("m", type=Map).to_py()
