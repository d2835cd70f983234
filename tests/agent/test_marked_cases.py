"""What people marked becomes cases that the manners set can score."""

import json
import subprocess
from pathlib import Path
from typing import Any

import anyio
import pytest
from pycrdt import Doc

from syncchat.agent.lines import Who
from syncchat.core.ids import format_id
from syncchat.core.message import Body
from syncchat.core.page import Page
from syncchat.core.store import Store
from syncchat.peer import Peer
from syncchat.testing.manners import Case, own_cases
from syncchat.testing.manners.marked import CONTEXT, marked_cases
from syncchat.testing.manners.reading import parse_case
from syncchat.testing.manners.writing import case_line
from syncchat.testing.program import PATIENCE, syncchat

PIXEL = Who("pixel", "Pixel")
BEGIN = 1_800_000_000_000


class Story:
    """A room's pages, filled by hand; times are seconds after its beginning."""

    def __init__(self, page: Page | None = None) -> None:
        doc: Doc[Any] = Doc()
        self.pages = [page or Page(0, "lobby/0", Store(doc))]

    def turn(self) -> None:
        """Go on with the next page."""
        number = len(self.pages)
        doc: Doc[Any] = Doc()
        self.pages.append(Page(number, f"lobby/{number}", Store(doc)))

    def say(self, user: str, text: str, at: float, re: str | None = None, **more: Any) -> str:
        id = format_id(BEGIN + int(at * 1000), user, 7)
        self.pages[-1].put(id, Body(text, re=re, **more))
        return id

    def ask(self, verb: str, what: str, user: str, value: object) -> None:
        self.pages[-1].requests.set(f"{verb}|{what}|{user}", value)

    def cases(self) -> list[Case]:
        """The cases, each of which can be written and read again."""
        cases = list(marked_cases("lobby", self.pages, PIXEL))
        assert [parse_case(case_line(case).encode()) for case in cases] == cases
        return cases


def test_A22_an_answer_that_should_not_have_been_is_a_case_about_what_it_answers() -> None:
    story = Story()
    story.say("ana", "hello", 0)
    asked = story.say("ana", "bob: does the import work?", 10)
    story.say("bob", "yes it does", 12, re=asked)
    reply = story.say("pixel", "It does.", 14, re=asked, agent=True)
    story.say("bob", "nobody asked you", 16)
    story.ask("should", reply, "bob", "quiet")
    [case] = story.cases()
    assert (case.label, case.slice, case.mode, case.about) == (
        "QUIET",
        "to another person",
        "addressed",
        (asked,),
    )
    assert [(event.time, event.author, event.text) for event in case.events] == [
        (0, "ana", "hello"),
        (10, "ana", "bob: does the import work?"),
        (12, "bob", "yes it does"),
    ]
    assert case.events[2].reply_to == asked
    assert (case.me, case.why) == (PIXEL, "bob: quiet")


def test_A22_a_silence_that_should_not_have_been_is_a_case_that_ends_with_the_message() -> None:
    story = Story()
    mode = format_id(BEGIN - 1000, "ana", 1)[:10]
    story.ask("ambient", mode, "ana", "on")
    asked = story.say("ana", "does anybody know error E1132?", 10)
    story.say("bob", "no idea", 12)
    story.ask("should", asked, "ana", "speak")
    [case] = story.cases()
    assert (case.label, case.slice, case.mode, case.addressed) == ("SPEAK", "open question", "ambient", False)
    assert [event.id for event in case.events] == [asked]
    assert case.deadline == 180


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("@pixel what is 6*7?", "mention"),
        ("pixel: what is 6*7?", "name without @"),
        ("@bob what is 6*7?", "to another person"),
        ("what is 6*7?", "open question"),
        ("nice weather", "banter"),
    ],
)
def test_A22_the_slice_of_a_case_is_what_its_form_tells(text: str, kind: str) -> None:
    story = Story()
    story.ask("should", story.say("ana", text, 0), "ana", "quiet")
    assert [case.slice for case in story.cases()] == [kind]


def test_A22_who_answers_the_agent_or_is_one_has_slices_of_their_own() -> None:
    story = Story()
    answer = story.say("pixel", "Try again.", 0, agent=True)
    for id in (story.say("ana", "and then?", 1, re=answer), story.say("bot", "beep", 2, agent=True)):
        story.ask("should", id, "ana", "quiet")
    assert [case.slice for case in story.cases()] == ["reply to the agent", "other bot"]


def test_A22_where_people_do_not_agree_the_agent_may_do_either() -> None:
    story = Story()
    asked = story.say("ana", "what now?", 0)
    story.ask("should", asked, "ana", "speak")
    story.ask("should", asked, "bob", "quiet")
    assert [case.label for case in story.cases()] == ["EITHER"]


def test_A22_what_was_said_before_is_bounded_and_crosses_pages() -> None:
    story = Story()
    asked = ""
    for number in range(2 * CONTEXT):
        asked = story.say("ana", f"line {number}", number)
    story.turn()
    reply = story.say("pixel", "I see.", 2 * CONTEXT, re=asked, agent=True)
    story.ask("should", reply, "ana", "quiet")
    [case] = story.cases()
    assert len(case.events) == CONTEXT + 1
    assert case.about == (asked,)


def test_A22_deleted_failed_and_unknown_messages_make_no_case_and_a_failed_answer_makes_one() -> None:
    story = Story()
    asked = story.say("ana", "what now?", 0)
    failed = story.say("pixel", "", 1, re=asked, agent=True, state="error")
    gone = story.say("ana", "", 2, deleted=True)
    for id in (gone, format_id(BEGIN, "eve", 3)):
        story.ask("should", id, "ana", "quiet")
    assert story.cases() == []
    story.ask("should", failed, "ana", "quiet")
    [case] = story.cases()
    assert [event.id for event in case.events] == [asked]


def test_A22_marks_on_an_answer_and_on_its_message_make_one_case() -> None:
    story = Story()
    asked = story.say("ana", "what now?", 0)
    reply = story.say("pixel", "This.", 1, re=asked, agent=True)
    story.ask("should", asked, "ana", "quiet")
    story.ask("should", reply, "bob", "quiet")
    assert len(story.cases()) == 1


def test_every_case_of_our_own_is_written_as_it_was_read() -> None:
    for case in own_cases():
        assert parse_case(case_line(case).encode()) == case


def test_A22_the_verb_writes_a_file_that_manners_can_score(tmp_path: Path) -> None:
    async def talk() -> None:
        async with Peer(tmp_path / "rooms.sqlite", user="ana") as peer:
            replica = await peer.open("lobby/0")
            story = Story(Page(0, "lobby/0", replica.store))
            story.ask("should", story.say("ana", "@pixel what is 6*7?", 0), "ana", "speak")
            await peer.saved()

    anyio.run(talk)
    out = tmp_path / "cases.jsonl"
    done = verb("cases", "lobby", "--agent", "pixel", "--name", "Pixel", "--data", tmp_path, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "1 cases of lobby" in done.stderr
    scored = verb("manners", "--json", out)
    assert scored.returncode == 0, scored.stderr
    assert set(json.loads(scored.stdout)["slices"]) == {"mention"}
    assert verb("cases", "lobby", "--data", tmp_path, "--out", out).returncode != 0, "it overwrites nothing"
    assert verb("cases", "attic", "--data", tmp_path).returncode != 0


def verb(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(syncchat(*arguments), capture_output=True, text=True, timeout=PATIENCE, check=False)
