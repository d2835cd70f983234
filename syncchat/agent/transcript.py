"""From messages to the turns of a prompt: people's words as data, the agent's own as its own (A20)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from syncchat.agent.citing import relabelled
from syncchat.agent.fitting import Fitted
from syncchat.agent.lines import Line, Who, one_line
from syncchat.agent.quoting import quoted, spoken

MAX_RESULT = 4_000
"""Characters of a tool's result that get into a prompt."""

MAX_TOOL = 64

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One entry of a chat model's prompt."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a tool returned: the tool's name and its result, which is data like anybody's words."""

    tool: str
    result: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What a prompt tells of a room: who, what about, which messages, and which of them are in question."""

    me: Who
    people: Sequence[Who]
    topic: str
    said: Fitted
    labels: Mapping[str, str]
    asked: Sequence[str] = ()
    results: Sequence[Told] = ()


def judges_data(scene: Scene) -> str:
    """Everything as data, the agent's own messages as well; the last line asks to decide."""
    label = _labels_by_id(scene)
    said = scene.said
    rows = [_head(scene), *(row(line, label, new=line in said.newer) for line in (*said.lines, *said.newer))]
    return "\n".join([*rows, quoted({"decide": _in_question(scene, label)})])


def reply_turns(scene: Scene) -> list[Turn]:
    """The conversation with the agent's own messages as the assistant's; the last line asks to answer."""
    label = _labels_by_id(scene)
    turns: list[Turn] = []
    data = [_head(scene), *(row(line, label, found=True) for line in scene.said.found)]
    for line in (*scene.said.lines, *scene.said.newer):
        if line.user == scene.me.user:
            # Many chat templates demand that the roles alternate, so what others say is gathered, and so
            # is what the agent said in several messages.
            turns = _with_own(turns, data, spoken(relabelled(line, scene.labels)))
            data = []
        else:
            data.append(row(line, label, new=line in scene.said.newer))
    data += [
        quoted({"tool": one_line(told.tool, MAX_TOOL), "result": told.result[:MAX_RESULT]})
        for told in scene.results
    ]
    data.append(quoted({"answer": _in_question(scene, label)}))
    return [*turns, Turn("user", "\n".join(data))]


def _with_own(turns: list[Turn], data: list[str], text: str) -> list[Turn]:
    if data:
        return [*turns, Turn("user", "\n".join(data)), Turn("assistant", text)]
    return [*turns[:-1], Turn("assistant", f"{turns[-1].text}\n\n{text}")]


def _labels_by_id(scene: Scene) -> dict[str, str]:
    return {id: label for label, id in scene.labels.items()}


def _in_question(scene: Scene, label: Mapping[str, str]) -> list[str]:
    last = [line.id for line in scene.said.lines[-1:]]
    return [label[id] for id in dict.fromkeys([*scene.asked, *last]) if id in label]


def _head(scene: Scene) -> str:
    head: dict[str, Any] = {"you": _who(scene.me), "present": [_who(who) for who in scene.people]}
    if scene.topic:
        head["topic"] = scene.topic
    if scene.said.left_out:
        head["left_out"] = True
    return quoted(head)


def _who(who: Who) -> dict[str, str]:
    return {"user": who.user, "name": who.name}


def row(line: Line, label: Mapping[str, str], **marks: bool) -> str:
    """One message as a line of data; `label` has the labels by ids, `marks` are what else is true of it."""
    at = datetime.fromtimestamp(line.at / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    told: dict[str, Any] = {"id": label.get(line.id, ""), "from": line.user, "at": at}
    told |= {name: True for name, is_so in {"agent": line.agent, **marks}.items() if is_so}
    return quoted(told | {"text": line.text})
