"""Annotated conversations of people, read so that one of them can be taken for the agent.

The form is that of the corpus "irc-disentanglement": `NAME.raw.txt` has lines `[hh:mm] <author> text`,
`[hh:mm] * author text` and `=== events`; `NAME.annotation.txt` has rows `A B -`: line B answers line A,
counted from 0, and A = B begins a conversation. The lines before the first annotated one are context.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from syncchat.agent.lines import Who
from syncchat.core.ids import user_from_subject
from syncchat.errors import SyncchatError
from syncchat.testing.manners.baselines import opens_with

_LINE = re.compile(r"\[(\d\d):(\d\d)\] (?:<([^>\s]+)>|\* (\S+)) ?(.*)")
_BOT = re.compile(r"bot(?:tu|u)?[\d_]*$", re.I)

HELD_BACK = frozenset({2, 4})
"""Of every five files, sorted by name, these are held back: nothing may be tuned by them."""

MINUTE = 60_000
DAY = 24 * 60 * MINUTE


class BadSession(SyncchatError):
    """A folder or a file has no annotated conversation; the text says where and what is wrong."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a session: `at` in ms since its first line's midnight."""

    at: int
    author: Who
    text: str
    bot: bool


@dataclass(frozen=True, slots=True)
class Session:
    """One conversation: messages by the number of their line, and for each the lines that answer it.

    `first` is the first line that is annotated; `helper` is who is taken for the agent.
    """

    name: str
    said: Mapping[int, Said]
    answers: Mapping[int, frozenset[int]]
    first: int
    helper: Who

    def judged(self) -> Iterable[int]:
        """The lines that have a label: annotated ones of people other than the helper."""
        return (
            number
            for number, said in self.said.items()
            if number >= self.first and not said.bot and said.author != self.helper
        )

    def is_due(self, number: int) -> bool:
        """Whether the helper answered this line: then it is SPEAK, else QUIET."""
        return self.helper in self._answerers(number)

    def is_addressed(self, number: int) -> bool:
        """Whether the line opens with the helper's name, or nobody else has answered it."""
        return opens_with(self.said[number].text, self.helper) or self._answerers(number) == {self.helper}

    def is_others(self, number: int) -> bool:
        """Whether other people have answered the line, and the helper has not."""
        answerers = self._answerers(number)
        return bool(answerers) and self.helper not in answerers

    def _answerers(self, number: int) -> set[Who]:
        authors = {self.said[answer].author for answer in self.answers.get(number, ())}
        return authors - {self.said[number].author}


def read_folder(folder: Path) -> tuple[list[Session], list[Session]]:
    """The sessions of a folder: those to work with, and those held back. Raises BadSession, OSError."""
    files = sorted(folder.glob("*.raw.txt"))
    if not files:
        raise BadSession(f"{folder}: no annotated conversations are there (files NAME.raw.txt)")
    sessions = [read_session(file) for file in files]
    held = [session for index, session in enumerate(sessions) if index % 5 in HELD_BACK]
    return [session for session in sessions if session not in held], held


def read_session(raw: Path) -> Session:
    """One conversation with its annotation beside it. Raises BadSession, OSError."""
    said = _messages(raw.read_text(encoding="utf-8", errors="replace"))
    notes = raw.with_name(raw.name.removesuffix(".raw.txt") + ".annotation.txt")
    rows = _rows(notes)
    answers: dict[int, set[int]] = defaultdict(set)
    for asked, answer in rows:
        if asked in said and answer in said and asked != answer:
            answers[asked].add(answer)
    return Session(
        name=raw.name.removesuffix(".raw.txt"),
        said=said,
        answers={asked: frozenset(lines) for asked, lines in answers.items()},
        first=min(answer for _, answer in rows),
        helper=_helper(said, answers, raw),
    )


def _messages(text: str) -> dict[int, Said]:
    said: dict[int, Said] = {}
    last = 0
    for number, line in enumerate(text.split("\n")):
        if (match := _LINE.match(line)) and match[5].strip():
            at = (int(match[1]) * 60 + int(match[2])) * MINUTE + last // DAY * DAY
            # Minutes that step back by half a day have passed midnight; lines of one minute are in order.
            last = max(last + 1, at + DAY if at < last - DAY // 2 else at)
            nick = match[3] or match[4]
            said[number] = Said(last, _who(nick), match[5], _BOT.search(nick) is not None)
    return said


def _who(nick: str) -> Who:
    return Who(user_from_subject(nick), nick)


def _rows(notes: Path) -> list[tuple[int, int]]:
    rows = []
    for number, line in enumerate(notes.read_text(encoding="utf-8").splitlines(), start=1):
        match = re.fullmatch(r"\s*(\d+)\s+(\d+)\s+-\s*", line)
        if match is None:
            raise BadSession(f"{notes}:{number}: a row is `A B -`: line B answers line A")
        rows.append((int(match[1]), int(match[2])))
    if not rows:
        raise BadSession(f"{notes}: no row is there")
    return rows


def _helper(said: Mapping[int, Said], answers: Mapping[int, Iterable[int]], raw: Path) -> Who:
    """Who answered the most people; of several the one with the most answers, then the first by name."""
    helped: dict[Who, list[Who]] = defaultdict(list)
    for asked, lines in answers.items():
        for line in lines:
            if said[line].author != said[asked].author and not said[line].bot:
                helped[said[line].author].append(said[asked].author)
    if not helped:
        raise BadSession(f"{raw}: nobody in it answers anybody")
    return min(helped, key=lambda who: (-len(set(helped[who])), -len(helped[who]), who.name))
