"""What a restart does to the ledger: what an earlier run has decided stays as it was."""

import pytest

from syncchat.agent import Notebook
from syncchat.agent.policy import Quiet, Rule, Speak, Wait
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
