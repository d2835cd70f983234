"""The hub's side of the conversation, without a link: admission, one Status for each offer, gaps."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncchat.core.hub_session import (
    MAX_OWED,
    MAX_QUEUED,
    MAX_QUEUED_BYTES,
    AskedForPresence,
    AskedForState,
    AskedToOpen,
    HubSession,
    Left,
    Offered,
    Presented,
)
from syncchat.core.messages import (
    Auth,
    Authenticated,
    Awareness,
    Close,
    Denied,
    Message,
    Ping,
    QueryAwareness,
    Stateless,
    Status,
    Step1,
    Step2,
    Update,
)
from syncchat.core.replica_session import MAX_OFFER
from syncchat.errors import CloseCode, ProtocolError


def _admitted() -> HubSession:
    session = HubSession(acknowledges=True)
    session.receive(Auth("ann"))
    session.admit("read-write")
    session.outbox.clear()
    return session


def test_S6_what_comes_before_the_doc_is_open_waits_in_order() -> None:
    session = HubSession(acknowledges=True)
    assert session.receive(Step1(b"theirs")) == []
    assert session.receive(Auth("ann")) == [AskedToOpen("ann")]
    for message in (Update(b"u"), Awareness(b"a"), Step2(b"s"), QueryAwareness(), Stateless("x")):
        assert session.receive(message) == []
    assert session.receive(Auth("ann")) == [], "asked once"
    assert session.admit("read-write") == [
        AskedForState(b"theirs"),
        Offered(b"u", whole=False),
        Presented(b"a"),
        Offered(b"s", whole=True),
        AskedForPresence(),
    ]
    assert session.outbox == [Authenticated("read-write")]
    assert session.receive(Update(b"v")) == [Offered(b"v", whole=False)]


def test_S4_what_waits_for_admission_is_bounded() -> None:
    session = HubSession(acknowledges=True)
    for _ in range(MAX_QUEUED):
        session.receive(Update(b"u"))
    with pytest.raises(ProtocolError) as error:
        session.receive(Update(b"u"))
    assert error.value.code == CloseCode.TOO_MANY


def test_S4_what_waits_for_admission_is_bounded_in_bytes_too() -> None:
    session = HubSession(acknowledges=True)
    session.receive(Update(b"u" * MAX_QUEUED_BYTES))
    with pytest.raises(ProtocolError) as error:
        session.receive(Step1(b""))
    assert error.value.code == CloseCode.TOO_MANY


def test_S4_one_frame_of_any_size_may_wait() -> None:
    session = HubSession(acknowledges=True)
    session.receive(Auth("ann"))
    session.receive(Step1(b"s" * 1000))
    session.receive(Update(b"u" * (MAX_OFFER)))
    assert len(session.admit("read-write")) == 2


def test_S6_who_was_denied_may_ask_again_and_begins_anew() -> None:
    session = HubSession(acknowledges=True)
    session.receive(Auth("bad"))
    session.receive(Update(b"u"))
    session.deny("no")
    assert session.outbox == [Denied("no")]
    assert session.receive(Auth("good")) == [AskedToOpen("good")]
    assert session.admit("read-write") == []


@pytest.mark.parametrize("message", [Status(True), Denied("no"), Authenticated("x"), Ping()])
def test_S3_what_only_a_hub_says_ends_the_session(message: Message) -> None:
    with pytest.raises(ProtocolError) as error:
        _admitted().receive(message)
    assert error.value.code == CloseCode.BAD_FRAME


def test_P3_a_client_may_leave_before_and_after_admission() -> None:
    assert HubSession(acknowledges=True).receive(Close("")) == [Left()]
    assert _admitted().receive(Close("")) == [Left()]


def test_S10_each_offer_gets_one_status_and_other_dialects_none() -> None:
    session = _admitted()
    session.settle(whole=True)
    session.settle(whole=False)
    session.refuse("G1", "not yours", (), whole=False)
    assert [message for message in session.outbox if isinstance(message, Status)] == [
        Status(True),
        Status(True),
        Status(False),
    ]
    silent = HubSession(acknowledges=False)
    silent.settle(whole=True)
    assert silent.outbox == []


def test_G8_a_refusal_names_rule_reason_and_rows_before_its_status() -> None:
    session = _admitted()
    rows = tuple(("messages", f"row {number}") for number in range(1000))
    session.refuse("G1", "not Zoë's", rows, whole=False)
    told, status = session.outbox
    assert isinstance(told, Stateless)
    assert json.loads(told.payload) == {
        "syncchat": "closed",
        "code": 4422,
        "reason": "not Zoë's",
        "rule": "G1",
        "rows": [list(row) for row in rows[:100]],
    }
    assert status == Status(False)


def test_S5_S10_what_follows_a_gap_is_settled_in_order_when_it_is_filled() -> None:
    session = _admitted()
    session.ask_for_gap(b"mine")
    session.settle(whole=False)
    session.refuse("G1", "no", (), whole=False)
    session.ask_for_gap(b"mine")
    assert [message for message in session.outbox if not isinstance(message, Stateless)] == [Step1(b"mine")]
    session.outbox.clear()
    session.settle(whole=True)
    assert session.outbox == [Status(True), Status(True), Status(False), Status(True), Status(True)]
    session.outbox.clear()
    session.settle(whole=False)
    assert session.outbox == [Status(True)]


def test_S5_G8_a_gap_whose_filling_is_refused_is_refused_with_it() -> None:
    session = _admitted()
    session.ask_for_gap(b"mine")
    session.refuse("G1", "no", (), whole=True)
    assert [message for message in session.outbox if isinstance(message, Status)] == [Status(False)] * 2


@pytest.mark.parametrize("gaps", [1, MAX_OWED])
def test_S4_what_waits_for_a_gap_is_bounded(gaps: int) -> None:
    session = _admitted()
    for number in range(MAX_OWED):
        if number < gaps:
            session.ask_for_gap(b"mine")
        else:
            session.settle(whole=False)
    with pytest.raises(ProtocolError) as error:
        session.settle(whole=False)
    assert error.value.code == CloseCode.TOO_MANY


@given(st.lists(st.sampled_from(["accept", "refuse", "gap", "whole", "refuse whole"]), max_size=40))
def test_S10_S5_statuses_are_as_many_as_offers_and_in_their_order(fates: list[str]) -> None:
    session = _admitted()
    expected: list[bool] = []
    open_from: int | None = None
    for fate in fates:
        filled = fate != "refuse whole"
        if fate.endswith("whole") and open_from is not None:
            expected[open_from:] = [ok and filled for ok in expected[open_from:]]
            open_from = None
        if fate == "gap":
            open_from = len(expected) if open_from is None else open_from
        expected.append(not fate.startswith("refuse"))
        _settle(session, fate)
        told = [message.ok for message in session.outbox if isinstance(message, Status)]
        assert told == expected[:open_from]


def _settle(session: HubSession, fate: str) -> None:
    if fate == "gap":
        session.ask_for_gap(b"mine")
    elif fate.startswith("refuse"):
        session.refuse("G1", "no", (), whole=fate == "refuse whole")
    else:
        session.settle(whole=fate == "whole")
