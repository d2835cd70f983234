"""What a model is given: the last messages as data that cannot pass for anything else (A6, A20).

What people wrote is JSON, one line for each message, with the author's user id in `from` and a label to cite
it by. The system's words come from `wording` and the agent's own persona, and from nobody else.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

from syncchat.agent import wording
from syncchat.agent.citing import cites, labelled
from syncchat.agent.fitting import MAX_TEXT, Fitted, fit
from syncchat.agent.lines import Line, Who, is_finished, line_of, lines_before, lines_of, one_line
from syncchat.agent.tools.tool import ToolSpec
from syncchat.agent.transcript import Role, Scene, Told, Turn, judges_data, reply_turns
from syncchat.core.answer import Cite
from syncchat.core.message import Message
from syncchat.core.people import Person

__all__ = [
    "JUDGE_BUDGET",
    "JUDGE_WINDOW",
    "MAX_TEXT",
    "REPLY_BUDGET",
    "REPLY_WINDOW",
    "Line",
    "Prompt",
    "Purpose",
    "Role",
    "Told",
    "Turn",
    "Who",
    "is_finished",
    "judge_prompt",
    "line_of",
    "lines_before",
    "lines_of",
    "one_line",
    "reply_prompt",
]

JUDGE_WINDOW = 5
"""How many messages the judge sees, the one that it decides about among them."""

REPLY_WINDOW = 20
"""How many messages the reply's prompt holds, beside those that were found or came since."""

JUDGE_BUDGET = 2_000
REPLY_BUDGET = 6_000
"""Tokens (estimated) that the messages in a prompt may take: it leaves room in a window of 8,000."""

MAX_PEOPLE = 50
MAX_NAME = 60
MAX_TOPIC = 300

Purpose = Literal["judge", "reply", "catch_up"]


def _nothing() -> Iterator[Line]:
    return iter(())


@dataclass(frozen=True, slots=True)
class Prompt:
    """One call of a model: `turns` for a language model, the same as data for a program.

    `lines` are the messages in the turns, oldest first; the last one is to be judged or answered. `newer`
    came after it, `found` are older ones that were looked up. `labels` tell which message a label stands for.
    `earlier` goes through every message the agent's replica has before the last line, newest first. `tools`
    are those that the model may call.
    """

    purpose: Purpose
    me: Who
    people: tuple[Who, ...]
    lines: tuple[Line, ...]
    turns: tuple[Turn, ...]
    earlier: Callable[[], Iterator[Line]] = _nothing
    newer: tuple[Line, ...] = ()
    found: tuple[Line, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    tools: tuple[ToolSpec, ...] = ()

    def cites(self, answer: str) -> list[Cite]:
        """What an answer to this prompt cites: its labels, each with the id of its message (see `citing`)."""
        return cites(answer, self.labels)

    def label(self, line: Line) -> str:
        """The label to cite a message by that is in the prompt or `earlier`, which gets one if it has none.

        It is empty for a message whose id is not known.
        """
        known = next((label for label, id in self.labels.items() if id == line.id), "")
        if not known and line.id:
            known = f"m{len(self.labels) + 1}"
            self.labels[known] = line.id
        return known


def judge_prompt(
    messages: Sequence[Message],
    stop: int,
    *,
    me: Who,
    people: Iterable[Person],
    persona: str = "",
    topic: str = "",
    budget: int = JUDGE_BUDGET,
) -> Prompt:
    """Ask whether to answer `messages[stop - 1]`, given the last 5 finished messages, that one in any case.

    What came after it is among them: it may have been answered. `persona` is the operator's own text about
    the agent, `topic` the room's; `budget` is in tokens.
    """
    since = list(islice(lines_before(messages, len(messages), stop), JUDGE_WINDOW))
    newer, more = since[: JUDGE_WINDOW - 1], since[JUDGE_WINDOW - 1 :]
    before = lines_before(messages, stop)
    said = fit(before, window=JUDGE_WINDOW - len(newer), budget=budget, newer=newer[::-1])
    if more:
        said = replace(said, left_out=True)
    labels = labelled([*said.lines, *said.newer])
    scene = Scene(_shown(me), _present(people), one_line(topic, MAX_TOPIC), said, labels)
    turns = (Turn("system", wording.judges(scene.me, persona)), Turn("user", judges_data(scene)))
    return _prompt("judge", scene, turns, lambda: lines_before(messages, stop - 1))


def reply_prompt(
    messages: Sequence[Message],
    stop: int,
    *,
    me: Who,
    people: Iterable[Person],
    persona: str = "",
    topic: str = "",
    budget: int = REPLY_BUDGET,
    newer: Sequence[Message] = (),
    cited: Sequence[Line] = (),
    merged: Sequence[str] = (),
    results: Sequence[Told] = (),
) -> Prompt:
    """Ask for an answer to `messages[stop - 1]`, given the last 20 finished messages up to it.

    `persona`, `topic` and `budget` are as in `judge_prompt`. `newer` are messages that came since, of which
    the finished ones are shown. `cited` are older messages that were found, the best first, and `results`
    what tools returned. `merged` are the ids of other messages that the same answer is for. The messages
    share the budget: the oldest go first, an over-long one is clipped, and the prompt says so.
    """
    since = lines_of(newer)
    before = lines_before(messages, stop)
    said = fit(before, window=REPLY_WINDOW, budget=budget, newer=since, found=cited)
    others = (line for line in (*said.lines, *said.newer) if line.user != me.user)
    labels = labelled([*said.found, *others])
    scene = Scene(
        _shown(me), _present(people), one_line(topic, MAX_TOPIC), said, labels, asked=merged, results=results
    )
    system = Turn("system", wording.answers(scene.me, persona, newer=bool(said.newer)))
    return _prompt("reply", scene, (system, *reply_turns(scene)), lambda: lines_before(messages, stop - 1))


def _prompt(
    purpose: Purpose, scene: Scene, turns: tuple[Turn, ...], earlier: Callable[[], Iterator[Line]]
) -> Prompt:
    said: Fitted = scene.said
    return Prompt(
        purpose=purpose,
        me=scene.me,
        people=tuple(scene.people),
        lines=said.lines,
        turns=turns,
        earlier=earlier,
        newer=said.newer,
        found=said.found,
        labels=dict(scene.labels),
    )


def _shown(me: Who) -> Who:
    return Who(me.user, one_line(me.name, MAX_NAME) or me.user)


def _present(people: Iterable[Person]) -> list[Who]:
    by_user = {p.user: _shown(Who(p.user, p.name)) for p in people}
    return sorted(by_user.values(), key=lambda who: who.user)[:MAX_PEOPLE]
