"""What stands beside and below the text of an answer: how it ended, its tools, its citations; pure."""

import json
from collections.abc import Callable, Iterator
from typing import Final

from syncchat.core.answer import Call, Cite
from syncchat.core.message import Message, read_id
from syncchat_tui.plain import plain

MAX_ARGS = 400
"""Characters of a call's arguments that are shown while it may be approved; of any other MAX_BRIEF."""

MAX_BRIEF = 60
"""Characters of arguments and results that are shown of a call that is decided."""

MAX_PROBLEM = 200
"""Characters of the cause for which an answer has failed."""

ASK_AGAIN = "F6: ask again"

_CALLS: Final = {
    "proposed": "wants to call {tool}: F9 to look at it",
    "approved": "calls {tool}{by}…",
    "denied": "{tool} was denied{by}",
    "done": "{tool}{by}",
    "failed": "{tool} failed{by}",
}


def ending(message: Message) -> str:
    """How an answer ended, if not by being complete; empty if it was."""
    if message.state == "stopped" and message.stopped_by is not None:
        return f"(stopped by {plain(message.stopped_by)})"
    return {"error": "(failed)", "stopped": "(stopped)", "interrupted": "(interrupted)"}.get(
        message.state or "", ""
    )


def lines_of(message: Message, clock: Callable[[int], str], *, replaced: bool = False) -> Iterator[str]:
    """The lines below a text, each harmless for a terminal and not wrapped yet; `clock` words a time.

    A failed answer tells how to ask again, unless it was `replaced` already.
    """
    if message.deleted:
        return
    for call in message.calls:
        yield f"⚒ {call_line(call)}"
    if message.state == "error":
        cause = one_line(message.problem or "nobody knows why", MAX_PROBLEM)
        yield f"! {cause}" if replaced else f"! {cause} ({ASK_AGAIN})"
    for cite in message.cites:
        yield f"↗ {cite_line(cite, clock)}"


def call_line(call: Call) -> str:
    """A call of a tool: its name, what it is given, by whom it was decided, and what came of it."""
    state = str(call["state"])
    given = arguments(call, MAX_ARGS if state == "proposed" else MAX_BRIEF)
    by = call.get("by")
    told = _CALLS[state].format(
        tool=f"{one_line(str(call['name']), MAX_BRIEF)}({given})",
        by=f" ({_decided(state, by)})" if by else "",
    )
    result = one_line(str(call.get("result", "")), MAX_BRIEF)
    return f"{told}: {result}" if result and state in ("done", "failed") else told


def _decided(state: str, by: object) -> str:
    return f"by {plain(str(by))}" if state == "denied" else f"allowed by {plain(str(by))}"


def arguments(call: Call, length: int) -> str:
    """What a tool is given, as JSON in one line of at most so many characters."""
    return one_line(json.dumps(call["args"], ensure_ascii=False), length)


def cite_line(cite: Cite, clock: Callable[[int], str]) -> str:
    """A citation: its label, and whose message of when it leads to."""
    label, id = cite
    parts = read_id(id)
    whose = f" {parts.user} {clock(parts.hlc)}" if parts is not None else ""
    return f"[{one_line(label, MAX_BRIEF)}]{whose}"


def one_line(text: str, length: int) -> str:
    """`text` in one harmless line of at most `length` characters, the last one `…` if it was longer."""
    short = text if len(text) <= length else f"{text[: length - 1]}…"
    return plain(" ".join(short.split("\n")))
