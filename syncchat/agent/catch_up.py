"""Catch me up: what happened in a room since somebody left, told to that one alone (A26).

It is made from the reader's own replica, or by the daemon for who may read the room, and is never written
into the room.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import anyio

from syncchat.agent.citing import cites, labelled, unlabelled
from syncchat.agent.fitting import fit
from syncchat.agent.lines import Line, Who, is_finished, line_of, one_line
from syncchat.agent.model import Model, ModelFailed, usage_of
from syncchat.agent.prompt import Prompt
from syncchat.agent.quoting import quoted
from syncchat.agent.tokens import Tokens
from syncchat.agent.transcript import Turn, row
from syncchat.agent.wording import tells
from syncchat.core.ids import parse_id
from syncchat.core.room import Room

MAX_MESSAGES = 200
"""How many messages are looked at: the newest."""

BUDGET = 8_000
"""Tokens (estimated) that they may take."""

MAX_POINTS = 20
MAX_POINT = 400
"""Characters of one point."""

MAX_ANSWER = 20_000
"""Characters that a model may write before it counts as failed."""

SECONDS = 120.0
"""How long a model may take for all of it."""


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that happened: a sentence, the ids of the messages it is from, and their authors.

    The authors are read from the ids, which nobody can write in another's name; no model is asked for them.
    """

    text: str
    users: tuple[str, ...]
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CatchUp:
    """What happened: points in the order of the conversation, from the messages `first` to `last`.

    Of `messages` that were to be told of, the oldest `left_out` were not looked at. `first` and `last` are
    None if there was nothing. `late` are further ones that came, but stand before where it begins, nobody
    knows where. `usage` is what the model's endpoint reports.
    """

    points: tuple[Point, ...]
    first: str | None
    last: str | None
    messages: int
    left_out: int
    usage: Tokens | None = None
    late: int = 0

    @property
    def told(self) -> frozenset[str]:
        """The messages that are told of."""
        return frozenset(id for point in self.points for id in point.messages)

    def without(self, gone: Collection[str]) -> "CatchUp":
        """The same, but for the points that tell of one of these messages: they were deleted meanwhile."""
        return replace(self, points=tuple(p for p in self.points if not set(p.messages) & set(gone)))


async def catch_up(
    room: Room, model: Model, *, since: str | None = None, seconds: float = SECONDS
) -> CatchUp:
    """What came after the message `since` (None: all there is), for the room's own user, of what is shown.

    Late messages that came to older pages since then are told, too. Scroll up first for what is not shown.
    Raises InvalidName for a `since` that is no id, and ModelFailed.
    """
    if since is not None:
        parse_id(since)
    late = set() if since is None else room.late_since(since)
    new = (m for m in room.timeline if since is None or m.id > since or m.id in late)
    lines = [line_of(m) for m in new if is_finished(m)]
    told = await tell(lines, model, reader=room.user, seconds=seconds)
    messages = {id: room.message(id) for id in told.told}
    return told.without([id for id, m in messages.items() if m is None or not is_finished(m)])


async def tell(lines: Sequence[Line], model: Model, *, reader: str, seconds: float = SECONDS) -> CatchUp:
    """What `lines`, sorted by their ids, say to `reader`; see `CatchUp.without` for what has gone meanwhile.

    Of too many lines the oldest are left out. Raises ModelFailed, also after so many `seconds`.
    """
    if not any(line.user != reader for line in lines):
        return CatchUp((), None, None, len(lines), 0)
    prompt = catch_up_prompt(lines, reader=reader)
    text, usage = await _ask(model, prompt, seconds)
    return CatchUp(
        points=tuple(islice(_points(text, prompt), MAX_POINTS)),
        first=prompt.lines[0].id,
        last=prompt.lines[-1].id,
        messages=len(lines),
        left_out=len(lines) - len(prompt.lines),
        usage=usage,
    )


def catch_up_prompt(lines: Sequence[Line], *, reader: str) -> Prompt:
    """Ask what `reader` has missed, given the newest of the lines that fit."""
    said = fit(reversed(lines), window=MAX_MESSAGES, budget=BUDGET)
    labels = labelled(said.lines)
    label = {id: name for name, id in labels.items()}
    head = quoted({"reader": reader, "left_out": len(lines) - len(said.lines)})
    data = "\n".join([head, *(row(line, label) for line in said.lines)])
    turns = (Turn("system", tells(reader)), Turn("user", data))
    return Prompt("catch_up", Who(reader, reader), (), said.lines, turns, labels=labels)


async def _ask(model: Model, prompt: Prompt, seconds: float) -> tuple[str, Tokens | None]:
    pieces: list[str] = []
    size = 0
    try:
        with anyio.fail_after(seconds):
            async with model.stream(prompt) as answer:
                async for piece in answer:
                    size += len(piece)
                    if size > MAX_ANSWER:
                        raise ModelFailed(f"the summary is longer than {MAX_ANSWER} characters", reached=True)
                    pieces.append(piece)
                return "".join(pieces), usage_of(answer)
    except TimeoutError:
        raise ModelFailed(f"the summary took longer than {seconds:g} s") from None


def _points(text: str, prompt: Prompt) -> Iterator[Point]:
    authors = {line.id: line.user for line in prompt.lines}
    for line in text.splitlines():
        ids = tuple(id for _, id in cites(line, prompt.labels))
        said = one_line(unlabelled(line), MAX_POINT).lstrip("-*• ").strip()
        if ids and said:
            yield Point(said, tuple(dict.fromkeys(authors[id] for id in ids)), ids)
