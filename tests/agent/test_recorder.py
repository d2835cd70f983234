"""What a restart does to the ledger: what an earlier run has decided stays as it was."""

import pytest

from syncchat.agent import Notebook
from syncchat.agent.budget import Spend
from syncchat.agent.ledger import MAX_ENTRIES, Entry, Ledger
from syncchat.agent.policy import Judge, Quiet, Rule, Speak, Wait, Withdraw
from syncchat.agent.recorder import Recorder
from syncchat.core.ids import format_id

pytestmark = pytest.mark.anyio

ID = format_id(1_000, "ann", 1)


async def test_A22_a_restart_that_finds_a_message_old_leaves_what_was_decided_about_it() -> None:
    async with Notebook.open(None) as notebook:
        first = Recorder(notebook, "lobby", lambda: 1_000)
        async with first.running():
            first.record(Speak(ID, Rule.MENTION), reply="r")
        second = Recorder(notebook, "lobby", lambda: 9_000)
        async with second.running():
            second.record(Wait(ID, Rule.CATCHING_UP, 11_000))
            second.record(Quiet(ID, Rule.STALE))
        entry = await notebook.entry("lobby", ID)
        assert entry is not None
        assert (entry.decision, entry.rule, entry.before) == ("speak", "mention", ())
        async with second.running():
            second.record(Speak(ID, Rule.AGAIN))
        entry = await notebook.entry("lobby", ID)
        assert entry is not None
        assert entry.rule == "again"


async def test_A22_what_an_earlier_run_left_open_is_decided_after_it() -> None:
    async with Notebook.open(None) as notebook:
        first = Recorder(notebook, "lobby", lambda: 1_000)
        async with first.running():
            first.record(Wait(ID, Rule.GRACE, 2_000))
        second = Recorder(notebook, "lobby", lambda: 9_000)
        async with second.running():
            second.record(Quiet(ID, Rule.STALE))
        entry = await notebook.entry("lobby", ID)
        assert entry is not None
        assert (entry.decision, entry.rule) == ("quiet", "stale")


@pytest.mark.parametrize("now", [500, 1_000])
async def test_A22_a_clock_that_was_set_back_makes_no_earlier_decision_this_runs(now: int) -> None:
    async with Notebook.open(None) as notebook:
        first = Recorder(notebook, "lobby", lambda: 1_000)
        async with first.running():
            first.record(Speak(ID, Rule.MENTION), reply="r")
        second = Recorder(notebook, "lobby", lambda: now)
        async with second.running():
            second.record(Wait(ID, Rule.CATCHING_UP, 11_000))
            second.record(Withdraw(ID, Rule.ANSWERED))
        entry = await notebook.entry("lobby", ID)
        assert entry is not None
        assert (entry.decision, entry.reply, entry.before) == ("speak", "r", ())


async def test_A22_what_is_heard_again_when_it_was_forgotten_stays_as_it_was_decided() -> None:
    async with Notebook.open(None) as notebook:
        recorder = Recorder(notebook, "lobby", lambda: 1_000)
        async with recorder.running():
            recorder.record(Speak(ID, Rule.MENTION))
            recorder.record(Quiet(ID, Rule.STALE))
        entry = await notebook.entry("lobby", ID)
        assert entry is not None
        assert (entry.decision, entry.before) == ("speak", ())


async def test_A22_a_long_history_that_is_heard_again_pushes_no_newer_message_out_of_the_ledger() -> None:
    ledger = Ledger("lobby")
    ids = [format_id(at, "ann", at) for at in range(2 * MAX_ENTRIES)]
    for _ in range(2):
        for id in ids:
            ledger.take(Entry("lobby", id, 1, "quiet", "stale").told())
    assert sorted(ledger.entries) == ids[MAX_ENTRIES:]
    assert all(entry.before == () for entry in ledger.entries.values())


@pytest.mark.parametrize("decision", [Speak(ID, Rule.MENTION), Judge(ID, Rule.OPEN)])
async def test_A22_what_was_withdrawn_ends_with_its_withdrawal_whatever_was_recorded_first(
    decision: Speak | Judge,
) -> None:
    async with Notebook.open(None) as notebook:
        recorder = Recorder(notebook, "lobby", lambda: 1_000)
        async with recorder.running():
            recorder.begin(decision)
            recorder.record(Withdraw(ID, Rule.DELETED))
            recorder.record(decision, cost=Spend(1, 5, 0))
        entry = await notebook.entry("lobby", ID)
        assert entry is not None
        assert (entry.decision, entry.rule, entry.cost) == ("withdraw", "deleted", Spend(1, 5, 0))
        assert [step[1:] for step in entry.before] == [(type(decision).__name__.lower(), decision.rule)]


async def test_A22_what_was_withdrawn_and_decided_anew_ends_with_the_new_decision() -> None:
    async with Notebook.open(None) as notebook:
        recorder = Recorder(notebook, "lobby", lambda: 1_000)
        first, second = Judge(ID, Rule.OPEN), Judge(ID, Rule.MAYBE)
        async with recorder.running():
            recorder.begin(first)
            recorder.record(Withdraw(ID, Rule.EDITED))
            recorder.begin(second)
            recorder.record(first)
            recorder.record(second)
        entry = await notebook.entry("lobby", ID)
        assert entry is not None
        assert (entry.decision, entry.rule) == ("judge", Rule.MAYBE)


async def test_A22_what_is_cut_off_before_its_end_is_recorded_as_withdrawn() -> None:
    async with Notebook.open(None) as notebook:
        recorder = Recorder(notebook, "lobby", lambda: 1_000)
        async with recorder.running():
            recorder.begin(Speak(ID, Rule.MENTION))
            recorder.record(Withdraw(ID, Rule.DELETED))
        entry = await notebook.entry("lobby", ID)
        assert entry is not None
        assert (entry.decision, entry.rule) == ("withdraw", "deleted")
