"""A message as a room shows it, and what may stand in one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from syncchat.core.answer import Call, Cite, read_calls, read_cites
from syncchat.core.codec import dump, encodable
from syncchat.core.ids import NAME, MessageId, author_of, check_name, parse_id
from syncchat.errors import InvalidName, SyncchatError

MAX_TEXT = 16 * 1024
"""The longest text of a message, in bytes of UTF-8."""

MAX_JSON = 48 * 1024
"""The longest text of a message as JSON, in bytes: a control character takes six, and rows are bounded."""

MAX_EMOJI = 32
"""The longest reaction, in characters."""

STATES: Final = frozenset({"stopped", "interrupted", "error"})
"""How a streamed message may have ended, other than by being complete; then it may have no text."""

MAX_PROBLEM = 300
"""Characters of the cause for which a message has failed."""


class TextTooLong(SyncchatError, ValueError):
    """A text of more than MAX_TEXT bytes of UTF-8."""


class BadText(SyncchatError, ValueError):
    """A text that no message or reaction may have: an empty one, say."""


class UnknownMessage(SyncchatError, LookupError):
    """No page that is attached has a message with this id."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it is at this moment; a change makes a new object.

    `hlc` is its time in milliseconds since 1970, `edited` that of its last edit. `re` is the id
    of the message it answers. `reactions` has for each emoji the users who reacted, sorted.
    `state` is one of STATES, or None for a complete message. `durable`: it is finished, and
    nothing of it waits for the server's acknowledgement. While `streaming`, only its text, `re`, `of`
    and `calls` are known, and `agent` is taken to be True. `deleted_by` is the moderator who deleted it,
    None if it was its author. `of` is the id of the earlier version that this one replaces, one of the
    same author's. `stopped_by` is who asked to stop it, `problem` a short cause of its failure, for showing
    only. `cites` and `calls` are as `core/answer.py` has them.
    """

    id: str
    hlc: int
    user: str
    text: str
    streaming: bool
    re: str | None
    edited: int | None
    deleted: bool
    agent: bool
    state: str | None
    reactions: Mapping[str, tuple[str, ...]]
    durable: bool
    deleted_by: str | None = None
    of: str | None = None
    stopped_by: str | None = None
    cites: tuple[Cite, ...] = ()
    calls: tuple[Call, ...] = ()
    problem: str | None = None


class Body(NamedTuple):
    """What a row of `messages` says."""

    text: str
    re: str | None = None
    edited: int | None = None
    deleted: bool = False
    agent: bool = False
    state: str | None = None
    by: str | None = None
    of: str | None = None
    stopped_by: str | None = None
    cites: tuple[Cite, ...] = ()
    calls: tuple[Call, ...] = ()
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The row's value: the text, and those of the other fields that say anything."""
        if self.deleted:
            return {"deleted": True} | ({"by": self.by} if self.by else {})
        others = {name: value for name, value in self._asdict().items() if name != "text" and value}
        return {"text": self.text} | others


def read_body(value: object) -> Body | None:
    """Read a row of `messages`; None if it is malformed. Malformed extras read as not there."""
    if not isinstance(value, dict):
        return None
    if value.get("deleted") is True:
        by = value.get("by")
        return Body("", deleted=True, by=by if isinstance(by, str) and NAME.match(by) else None)
    text = read_text(value)
    if text is None:
        return None
    edited, state, problem = value.get("edited"), value.get("state"), value.get("problem")
    return Body(
        text,
        re=_read(value.get("re"), read_id),
        edited=edited if type(edited) is int else None,
        agent=value.get("agent") is True,
        state=state if isinstance(state, str) and state in STATES else None,
        of=_read(value.get("of"), read_id),
        stopped_by=_read(value.get("stopped_by"), NAME.match),
        cites=read_cites(value["cites"]) if "cites" in value else (),
        calls=read_calls(value["calls"]) if "calls" in value else (),
        problem=printable(problem[:MAX_PROBLEM]) if isinstance(problem, str) else None,
    )


def read_text(value: object) -> str | None:
    """The text alone of a row of `messages`; None if it is malformed, or deleted."""
    if not isinstance(value, dict) or value.get("deleted") is True:
        return None
    text = value.get("text")
    return printable(text) if isinstance(text, str) else None


def draft_body(text: str, about: object) -> Body:
    """A message that is being written: its text so far, and what is known `about` it besides."""
    body = read_body({"text": text, "agent": True})
    known = read_body(about | {"text": ""}) if isinstance(about, dict) else None
    assert body is not None
    return body if known is None else body._replace(re=known.re, of=known.of, calls=known.calls)


def _read(value: object, parse: Callable[[str], object]) -> str | None:
    return value if isinstance(value, str) and parse(value) is not None else None


def may_replace(of: str, id: str) -> bool:
    """Whether the message `id` can be a later version of `of`, that is, of an earlier one of its author's.

    Raises InvalidName for what is no id.
    """
    return of < id and author_of(of) == author_of(id)


def printable(text: str) -> str:
    """`text` with lone surrogates replaced: nothing could print, send or store them."""
    return text if encodable(text) else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def read_id(text: str) -> MessageId | None:
    """Take a message id apart; None if it is none."""
    try:
        return parse_id(text)
    except InvalidName:
        return None


def check_message_text(text: str) -> str:
    """Return `text`; raise BadText if it is empty or no Unicode, TextTooLong if over MAX_TEXT."""
    if not isinstance(text, str) or not text.strip():
        raise BadText("a message needs a text")
    if not encodable(text):
        raise BadText("the text contains a lone surrogate, which no UTF-8 can carry")
    check_size(len(text.encode()))
    if len(text) > MAX_JSON // 6 and len(dump(text).encode()) > MAX_JSON:
        raise TextTooLong(
            f"the text has so many control characters that it takes over {MAX_JSON} bytes of JSON"
        )
    return text


def check_size(size: int) -> None:
    """Raise TextTooLong if `size` bytes are too many for a message."""
    if size > MAX_TEXT:
        raise TextTooLong(f"the text has {size} bytes; a message may have {MAX_TEXT}")


class Reaction(NamedTuple):
    """The key of a row of `reactions`: who reacted to which message with what."""

    id: str
    user: str
    emoji: str


def reaction_key(reaction: Reaction) -> str:
    """The row for a reaction; raises BadText for an emoji that cannot be.

    It is 1 to MAX_EMOJI characters, no control characters and no `|`, which parts the key.
    """
    emoji = reaction.emoji
    bad = "|" in emoji or not encodable(emoji) or min(emoji, default="") < " "
    if bad or len(emoji) > MAX_EMOJI:
        raise BadText(f"{emoji[:40]!r} is no reaction: use 1 to {MAX_EMOJI} characters, none of them '|'")
    return "|".join(reaction)


def read_reaction(key: str) -> Reaction | None:
    """Read the key of a row of `reactions`; None if it is malformed."""
    try:
        id, user, emoji = key.split("|")
        author_of(id)
        reaction = Reaction(id, check_name(user), emoji)
        reaction_key(reaction)
    except ValueError:
        return None
    return reaction
