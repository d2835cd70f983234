"""Annotated conversations: who is taken for the agent, what it should have said, and what baselines get."""

from pathlib import Path

import pytest

from syncchat.agent.builtin import BuiltinModel
from syncchat.agent.lines import Who
from syncchat.agent.policy import Decision, Event, Here, Judge, Rule, Said
from syncchat.testing.manners.baselines import BASELINES, Baseline
from syncchat.testing.manners.conversing import OURS, converse, score_sessions
from syncchat.testing.manners.labelled import BadSession, read_folder, read_session
from syncchat.testing.manners.scoring import ModelJudge

TALK = """\
[23:57] <vega> evening
=== rook has joined #garden
[23:58] <moss|2> moss is what grows on my roof
[23:58] <rook> my tomatoes have yellow leaves, what is that?
[23:59] <vega> rook: too much water, most likely
[23:59] <rook> vega: and how often is right?
[00:01] <vega> rook: twice a week
[00:01] <moss|2> rook: or when the soil is dry
[00:01] <helpbot> Tip of the day: mulch!
[00:02] <moss|2> does anyone grow figs?
[00:02] * fern grows two of them
[00:03] <vega> moss|2: fern does
[00:03] <rook> thanks vega
[00:04] <fern> has somebody seen vega's pictures?
[00:04] <moss|2> fern: yes, lovely
"""
NOTES = "3 3 -\n3 4 -\n4 5 -\n5 6 -\n5 7 -\n8 8 -\n9 9 -\n9 10 -\n9 11 -\n6 12 -\n13 13 -\n13 14 -\n"


def session_files(folder: Path, name: str = "one", talk: str = TALK, notes: str = NOTES) -> Path:
    (folder / f"{name}.annotation.txt").write_text(notes)
    raw = folder / f"{name}.raw.txt"
    raw.write_text(talk)
    return raw


def test_the_helper_is_who_answered_the_most_people(tmp_path: Path) -> None:
    session = read_session(session_files(tmp_path))
    assert session.helper == Who("vega", "vega")
    assert session.first == 3
    assert [n for n in session.judged() if session.is_due(n)] == [3, 5, 9]
    assert list(session.judged()) == [3, 5, 7, 9, 10, 12, 13, 14]
    assert [n for n in (3, 5, 9) if session.is_addressed(n)] == [3, 5]
    assert [n for n in session.judged() if session.is_others(n)] == [13]


def test_midnight_passes_and_lines_of_a_minute_keep_their_order(tmp_path: Path) -> None:
    session = read_session(session_files(tmp_path))
    times = [said.at for said in session.said.values()]
    assert times == sorted(set(times))
    assert times[-1] - times[0] < 10 * 60_000


def test_a_bot_is_nobody_that_is_answered_or_answers(tmp_path: Path) -> None:
    session = read_session(session_files(tmp_path, notes=NOTES + "3 8 -\n9 8 -\n13 8 -\n"))
    assert session.helper.name == "vega"
    assert session.said[8].bot
    assert 8 not in session.judged()


@pytest.mark.anyio
async def test_a_folder_is_scored_in_two_parts_beside_the_baselines(tmp_path: Path) -> None:
    for name in "abcdef":
        session_files(tmp_path, name)
    working, held = read_folder(tmp_path)
    assert ([s.name for s in working], [s.name for s in held]) == (["a", "b", "d", "f"], ["c", "e"])
    scores = await score_sessions(held, ModelJudge(BuiltinModel(pace=0)))
    assert list(scores) == [OURS, "always", "vocative only", "name anywhere"]
    always, vocative, anywhere = (scores[name] for name in list(scores)[1:])
    assert (always.wrong, always.missed, always.human_messages, always.redundant) == (10, 0, 16, 2)
    assert (vocative.wrong, vocative.missed, vocative.missed_addressed) == (0, 4, 2)
    assert (anywhere.wrong, anywhere.missed) == (4, 4)


class Watching:
    """Asks the judge about each line, and keeps what it was told."""

    deadline: int | None = None

    def __init__(self) -> None:
        self.told: list[Event] = []

    def hear(self, event: Event, now: int) -> list[Decision]:
        self.told.append(event)
        match event:
            case Said(heard) if heard.user != "vega":
                return [Judge(heard.id, Rule.OPEN)]
            case _:
                return []


@pytest.mark.anyio
async def test_the_helpers_lines_are_told_as_the_agents_own_answers(tmp_path: Path) -> None:
    policy = Watching()
    session = read_session(session_files(tmp_path))
    score = await converse(session, policy, ModelJudge(BuiltinModel(pace=0)))
    heard = [event.heard for event in policy.told if isinstance(event, Said)]
    mine = [one for one in heard if one.user == "vega"]
    assert [one.agent for one in mine] == [True] * 4
    assert [None if one.re is None else next(h.text for h in heard if h.id == one.re) for one in mine] == [
        None,
        "my tomatoes have yellow leaves, what is that?",
        "vega: and how often is right?",
        "does anyone grow figs?",
    ]
    assert score.gate_calls == score.human_messages + 1  # the line of the bot
    people = [event.people for event in policy.told if isinstance(event, Here)]
    assert [who.name for who in people[-1]] == ["moss|2", "rook", "fern"]


@pytest.mark.anyio
async def test_lines_before_the_annotated_ones_are_heard_and_not_judged(tmp_path: Path) -> None:
    session = read_session(session_files(tmp_path))
    score = await converse(session, Baseline(BASELINES["always"], session.helper), ModelJudge(BuiltinModel()))
    assert score.replies == score.human_messages == 8


def test_what_is_no_annotated_conversation_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSession, match="no annotated conversations are there"):
        read_folder(tmp_path)
    raw = session_files(tmp_path, notes="3 3 -\n3 four -\n")
    with pytest.raises(BadSession, match=r"one.annotation.txt:2: a row is `A B -`"):
        read_session(raw)
    raw = session_files(tmp_path, notes="")
    with pytest.raises(BadSession, match="no row is there"):
        read_session(raw)
    raw = session_files(tmp_path, notes="3 3 -\n")
    with pytest.raises(BadSession, match="nobody in it answers anybody"):
        read_session(raw)
