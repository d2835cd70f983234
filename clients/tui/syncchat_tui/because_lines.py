"""What agents tell of their books, read and put into lines: nothing in it is trusted; pure.

A rule is put into words here, and so is what was spent; whatever else an agent writes is shown as harmless
text of a bounded length, or not at all.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from syncchat_tui.answer_lines import one_line
from syncchat_tui.wrap import clock

RULES: Final = {
    "mention": "the message called it by @",
    "name": "the message called it by its name",
    "reply to me": "the message answers one of its own",
    "follow-up": "it had just answered its author, who went on",
    "again": "somebody wanted another version",
    "now": "somebody did not want to wait",
    "open question": "the message asks everybody, so its judge was asked",
    "perhaps a follow-up": "the message may go on with what it had answered, so its judge was asked",
    "judged": "its judge was for speaking",
    "judged quiet": "its judge was for being quiet",
    "judge failed": "its judge failed, which means quiet",
    "people first": "people were left time to answer",
    "somebody types": "somebody was typing",
    "catching up": "it was still hearing what it had missed",
    "writing another": "it was writing another answer",
    "to somebody else": "the message is for somebody else",
    "talked about": "the message talks about it, and does not call it",
    "people talk to each other": "people talk to each other there",
    "for people only": "the message is for people only",
    "request for quiet": "somebody asked for quiet",
    "hushed": "somebody asked the agents for quiet",
    "dismissed": "it had been sent away",
    "acknowledgement": "the message thanks or agrees, and asks nothing",
    "nothing asked": "the message asks nothing",
    "addressed only": "the message calls nobody, and agents speak here when addressed only",
    "another agent": "another agent wrote it, and did not call it",
    "enough hops": "agents had answered each other often enough",
    "stale": "the message was too old when it could hear it",
    "answered": "somebody had answered",
    "settled by the asker": "its author needed no answer any more",
    "merged into a newer one": "it was answered together with a newer message",
    "replaced by a newer one": "a newer question took its place",
    "share used up": "it had said enough unasked",
    "gate used up": "its judge had been asked often enough",
    "too much is open": "it had too much else to do",
    "stopped": "somebody stopped it",
    "edited": "the message was rewritten",
    "deleted": "the message was deleted",
    "failed message": "the message is a failed one",
    "asker added": "its author added something while it answered",
}
"""The rules of the turn policy (docs/agent.md)."""

DECISIONS: Final = {
    "speak": "answered",
    "quiet": "stayed quiet",
    "wait": "waits",
    "judge": "asked its judge",
    "withdraw": "let it be",
    "tell": "went on, knowing more",
    "unknown": "does not know (any more)",
}

MAX_WORD, MAX_LINE = 60, 200
MAX_INPUTS = 24
MAX_STEPS = 8
MOST = 10**15
"""Numbers beyond this are no counts of anything."""


def because_lines(user: str, told: Any) -> list[str]:
    """Why the agent `user` did what it did, as the value of a row `because` tells."""
    if not isinstance(told, Mapping):
        return [f"{user} says nothing that could be read"]
    return [line[:MAX_LINE] for line in _because(user, told)]


def _because(user: str, told: Mapping[str, Any]) -> Iterator[str]:
    yield f"{user} {_decision(told.get('decision'))}{_because_of(told.get('rule'))}"
    if problem := _text(told.get("problem")):
        yield f"  ! {problem}"
    inputs = told.get("inputs")
    if isinstance(inputs, Mapping) and inputs:
        yield "  it looked at:"
        for name, value in list(inputs.items())[:MAX_INPUTS]:
            yield f"    {_text(str(name)[:MAX_WORD])}: {_value(value)}"
    if cost := spent(told.get("cost")):
        yield f"  cost: {cost}"
    before = told.get("before")
    for step in before[:MAX_STEPS] if isinstance(before, list) else ():
        match step:
            case [int(at), decision, rule]:
                yield f"  at {clock(at, '%H:%M:%S')} it {_decision(decision)}{_because_of(rule)}"


def _decision(word: Any) -> str:
    return DECISIONS.get(word, "") or _text(word) if isinstance(word, str) else "decided something"


def _because_of(rule: Any) -> str:
    if not isinstance(rule, str) or not rule:
        return ""
    name = _text(rule)
    return f": {RULES[rule]} ({name})" if rule in RULES else f": {name}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_value(part) for part in value[:MAX_INPUTS])[:MAX_LINE]
    return _number(value) or _text(value) or "nothing"


def spent(cost: Any) -> str:
    """Calls, tokens and money; empty if none were spent, or nothing can be read."""
    if not isinstance(cost, Mapping):
        return ""
    calls, given, made = (_count(cost.get(name)) for name in ("calls", "tokens_in", "tokens_out"))
    if not (calls or given or made):
        return ""
    one = "1 call" if calls == 1 else f"{calls} calls"
    return f"{one}, {given} tokens in, {made} tokens out"


def spent_lines(user: str, told: Any) -> list[str]:
    """What the agent `user` has spent today, as the value of a row `spent` tells."""
    if not isinstance(told, Mapping):
        return [f"{user} says nothing that could be read"]
    currency = _text(told.get("currency"))
    lines = [f"{user}, {_text(told.get('day')) or 'today'} (UTC):"]
    for name, whose in (("mine", "for you"), ("room", "in this room")):
        money = _money(told.get(name), currency)
        lines.append(f"  {whose}: {spent(told.get(name)) or 'nothing'}{money}")
    if left := _number(told.get("left")):
        lines.append(f"  calls left today: {left}")
    if limit := _text(told.get("limit")):
        lines.append(f"  its limit {limit} is reached: it is quiet until midnight UTC")
    return [line[:MAX_LINE] for line in lines]


def _money(told: Any, currency: str) -> str:
    money = told.get("money") if isinstance(told, Mapping) else None
    return f", {_text(money)} {currency}" if isinstance(money, str) and money not in ("", "0") else ""


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value <= MOST else 0


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | float) and -MOST <= value <= MOST else ""


def _text(value: Any) -> str:
    return one_line(value, MAX_WORD) if isinstance(value, str) else ""
