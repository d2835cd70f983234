"""From what a model server receives back to the prompt that an agent made, and to an answer."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from syncchat.agent.builtin import pieces, reply, verdict
from syncchat.agent.prompt import Line, Prompt, Purpose, Who


def answers(request: Mapping[str, Any]) -> Iterable[str]:
    """What the built-in model answers to a request of chat completions; an echo, if it is no agent's."""
    prompt = read_prompt(request["messages"])
    if prompt is None:
        return echoes(request)
    return pieces(verdict(prompt) if prompt.purpose == "judge" else reply(prompt))


def echoes(request: Mapping[str, Any]) -> Iterable[str]:
    """What was said last, said again; a judge's request gets a verdict all the same."""
    prompt = read_prompt(request["messages"])
    if prompt is None:
        said = [str(turn.get("content")) for turn in request["messages"] if turn.get("role") == "user"]
    elif prompt.purpose == "judge":
        return pieces(verdict(prompt))
    else:
        said = [line.text for line in prompt.lines]
    return pieces(f"You said: {said[-1]}" if said else "You said nothing.")


def read_prompt(turns: Sequence[Mapping[str, Any]]) -> Prompt | None:
    """The prompt that was sent as these messages; None if no agent of ours has made them."""
    try:
        rows = [(turn["role"], row) for turn in turns for row in _rows(turn)]
        head = next(row for _, row in rows if "you" in row)
        last = next(row for _, row in reversed(rows) if "decide" in row or "answer" in row)
        purpose: Purpose = "judge" if "decide" in last else "reply"
        return _prompt(purpose, _who(head["you"]), head, [row for _, row in rows], last[_VERB[purpose]])
    except (StopIteration, LookupError, TypeError, ValueError):
        return None


_VERB: Mapping[Purpose, str] = {"judge": "decide", "reply": "answer"}


def _rows(turn: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of data in a turn; an assistant's own words are one without an author."""
    if turn["role"] == "user":
        yield from (json.loads(row) for row in turn["content"].split("\n"))
    elif turn["role"] == "assistant":
        yield {"own": turn["content"]}


def _prompt(
    purpose: Purpose,
    me: Who,
    head: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    asked: Sequence[str],
) -> Prompt:
    lines = [_line(row, me) for row in rows if "text" in row or "own" in row]
    found = tuple(_line(row, me) for row in rows if row.get("found"))
    newer = tuple(_line(row, me) for row in rows if row.get("new"))
    end = next((n for n, line in enumerate(lines) if asked and line.id == asked[-1]), len(lines) - 1)
    said = tuple(line for line in lines[: end + 1] if line not in found)
    people = tuple(_who(who) for who in head["present"])
    return Prompt(
        purpose,
        me,
        people,
        said,
        (),
        lambda: iter([*reversed(said[:-1]), *found]),
        newer=newer,
        found=found,
        labels={line.id: line.id for line in lines if line.id},  # it knows the messages by nothing else
    )


def _who(who: Mapping[str, str]) -> Who:
    return Who(who["user"], who["name"])


def _line(row: Mapping[str, Any], me: Who) -> Line:
    if "own" in row:
        return Line(0, me.user, row["own"], True)
    at = datetime.strptime(row["at"], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    return Line(int(at.timestamp() * 1000), row["from"], row["text"], bool(row.get("agent")), row["id"])
