"""What the JSON of a message may say, and who may say it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from syncchat.core.answer import are_calls, are_cites
from syncchat.core.grant import Role
from syncchat.core.ids import HLC_WIDTH, NAME
from syncchat.core.message import MAX_PROBLEM, STATES, may_replace, read_id
from syncchat.core.places import Row
from syncchat.core.schema import Writer
from syncchat.errors import Refused


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_time(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value < 32**HLC_WIDTH)


def _is_id(value: Any) -> bool:
    return value is None or (isinstance(value, str) and read_id(value) is not None)


def _is_state(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value in STATES)


def _is_user(value: Any) -> bool:
    return isinstance(value, str) and NAME.match(value) is not None


def _is_problem(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_PROBLEM


_FIELDS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "text": _is_text,
    "re": _is_id,
    "edited": _is_time,
    "deleted": _is_flag,
    "agent": _is_flag,
    "state": _is_state,
    "by": _is_user,
    "of": _is_id,
    "stopped_by": _is_user,
    "cites": are_cites,
    "calls": are_calls,
    "problem": _is_problem,
}
"""The fields that clients show. Others may stand beside them: they are those of a later version."""


def check_body(value: Any, row: Row, writer: Writer) -> bool:
    """Whether the value of a row of messages is a tombstone; raises Refused if it may not stand there.

    That is for what no client could show (G6), for who is no agent but says so or calls tools (G10), for a
    later version of what another has written (G1), and for a deletion in another's name (G12). The server
    says what it likes, as long as it can be shown.
    """
    if not isinstance(value, dict):
        raise Refused("G6", "a message is a JSON object", (row,))
    for name in value:
        sane = _FIELDS.get(name)
        if sane is not None and not sane(value[name]):
            raise Refused("G6", f"a message has a `{name}` that nobody can read", (row,))
    deleted = value.get("deleted") is True
    if not deleted and "text" not in value:
        raise Refused("G6", "a message without a text", (row,))
    if len(value) > 1 and not writer.is_server:  # a text alone says nothing of who writes it
        _check_writer(value, row, writer)
    return deleted


def _check_writer(value: Any, row: Row, writer: Writer) -> None:
    if (value.get("agent") or value.get("calls")) and writer.role is not Role.AGENT:
        raise Refused("G10", "only an agent writes as an agent", (row,))
    if value.get("by", writer.user) != writer.user:
        raise Refused("G12", "nobody deletes in the name of somebody else", (row,))
    of = value.get("of")
    if of is not None and not may_replace(of, row[1]):
        raise Refused("G1", "a later version replaces an earlier message of one's own", (row,))


def is_tombstone(value: Any, by: str) -> bool:
    """Whether the value of a row of messages is what a moderator may write over it, and nothing else."""
    return isinstance(value, dict) and value == {"deleted": True, "by": by} and value["deleted"] is True
