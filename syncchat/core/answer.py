"""What the message of an agent may say beside its text: what it cites, and the tools that it calls."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from syncchat.core.codec import dump
from syncchat.core.ids import NAME, author_of
from syncchat.errors import InvalidName

MAX_CITES = 32
"""Messages that one message may cite."""

MAX_LABEL = 40
"""Characters of the label under which a message is cited."""

MAX_CALLS = 16
"""Calls of tools that may stand in one message."""

MAX_CALLS_JSON = 12 * 1024
"""What the calls of a message take together, in bytes of JSON, since rows are bounded."""

MAX_CALL_NAME = 64
"""Characters of the name of what is called."""

CALL_STATES: Final = frozenset({"proposed", "approved", "denied", "done", "failed"})

OPEN_STATES: Final = frozenset({"proposed", "approved"})
"""The states of a call of which something is still to come."""

Cite: TypeAlias = tuple[str, str]
"""A label in an answer's text, and the id of the message that it stands for."""

Call: TypeAlias = Mapping[str, Any]
"""A call of a tool: `name`, `args` (an object) and `state` (one of CALL_STATES); if known, `by` (who approved
or denied it) and `result` (a short text)."""


def are_cites(value: Any) -> bool:
    """Whether this is a list of labels with ids, and within its bounds."""
    return isinstance(value, list | tuple) and len(value) <= MAX_CITES and all(map(_is_cite, value))


def are_calls(value: Any) -> bool:
    """Whether this is a list of calls that can be shown, and within all bounds."""
    return (
        isinstance(value, list | tuple)
        and len(value) <= MAX_CALLS
        and all(map(_is_call, value))
        and _size(value) <= MAX_CALLS_JSON
    )


def read_cites(value: Any) -> tuple[Cite, ...]:
    """The citations of a row; none if they are malformed."""
    return tuple((label, id) for label, id in value) if are_cites(value) else ()


def read_calls(value: Any) -> tuple[Call, ...]:
    """The calls of a row; none if one is malformed, as they are known by their places."""
    return tuple(value) if are_calls(value) else ()


def fitted(calls: Sequence[Call]) -> tuple[Call, ...]:
    """The calls with their results cut to what fits; what is to be approved is never cut."""
    results = [str(call.get("result", "")) for call in calls]
    longest = max(map(len, results), default=0)
    while longest and _size(calls) > MAX_CALLS_JSON:
        longest //= 2
        calls = [
            {**call, "result": result[:longest]} if result else call
            for call, result in zip(calls, results, strict=True)
        ]
    return tuple(calls)


def ended(calls: Sequence[Call]) -> tuple[Call, ...]:
    """The calls of a message that is finished: nothing comes of one that was still open."""
    return tuple({**call, "state": "failed"} if call["state"] in OPEN_STATES else call for call in calls)


def _size(calls: Sequence[Call]) -> int:
    return len(dump(calls).encode())


def _is_cite(value: Any) -> bool:
    match value:
        case [str(label), str(id)]:
            return 0 < len(label) <= MAX_LABEL and _is_id(id)
    return False


def _is_call(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    name, state, by = value.get("name"), value.get("state"), value.get("by")
    return (
        isinstance(name, str)
        and 0 < len(name) <= MAX_CALL_NAME
        and isinstance(value.get("args"), Mapping)
        and isinstance(state, str)
        and state in CALL_STATES
        and (by is None or (isinstance(by, str) and NAME.match(by) is not None))
        and isinstance(value.get("result", ""), str)
    )


def _is_id(text: str) -> bool:
    try:
        return bool(author_of(text))
    except InvalidName:
        return False
