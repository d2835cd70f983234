"""The messages that a prompt may know, and nothing of what is unfinished, failed or gone (A6)."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from syncchat.core.answer import Cite
from syncchat.core.message import Message


@dataclass(frozen=True, slots=True)
class Line:
    """One finished message as a prompt knows it: its time in ms since 1970, its author, its text and id.

    `cites` are the labels in the text of an agent's answer, and the ids of the messages they stand for.
    """

    at: int
    user: str
    text: str
    agent: bool
    id: str = ""
    cites: tuple[Cite, ...] = ()


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who is here: the user id, which nobody can choose for another, and a name to show."""

    user: str
    name: str


def is_finished(message: Message) -> bool:
    """Whether a message may be in a prompt: whole, neither failed nor stopped, not deleted, not empty."""
    whole = not message.streaming and message.state is None
    return whole and not message.deleted and bool(message.text.strip())


def line_of(message: Message) -> Line:
    """A finished message as a prompt knows it."""
    return Line(message.hlc, message.user, message.text, message.agent, message.id, message.cites)


def lines_of(messages: Sequence[Message]) -> list[Line]:
    """The finished ones of the messages; of an answer's versions the last one."""
    return list(lines_before(messages, len(messages)))[::-1]


def lines_before(messages: Sequence[Message], stop: int, start: int = 0) -> Iterator[Line]:
    """The finished ones of `messages[start:stop]`, newest first; of an answer's versions the last one."""
    replaced = {message.of for message in messages[stop:] if is_finished(message)}
    for index in range(min(stop, len(messages)) - 1, start - 1, -1):
        message = messages[index]
        if is_finished(message) and message.id not in replaced:
            yield line_of(message)
            replaced.add(message.of)


def one_line(text: str, limit: int) -> str:
    """`text` in one line of printable characters, at most `limit` of them."""
    kept = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in text)
    words = " ".join(kept.split())
    return words if len(words) <= limit else words[: limit - 1] + "…"
