"""What people type to find messages, taken apart: words, phrases and operators."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, NoReturn

from syncchat.core.ids import NAME
from syncchat.core.message import printable
from syncchat.errors import SyncchatError

MAX_QUERY: Final = 500
"""The longest query, in characters."""

MAX_TERMS: Final = 32
"""Words, phrases and operators of one query."""

MIN_PREFIX: Final = 2
"""Letters or digits that have to stand before a `*`."""

OPERATORS: Final = ("author", "room", "before", "after", "has")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ITEM: Final = re.compile(r'(?:([A-Za-z]{2,}):(?![/:\s]|$))?(?:"([^"]*)"|([^\s"]+))')
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CURLY: Final = str.maketrans("“”„‟«»", '""""""')

_QUOTE_IT = "to search for it as text, put it into quotation marks"
_LIST = "there are " + ", ".join(f"{name}:" for name in OPERATORS)


class BadQuery(SyncchatError, ValueError):
    """A query that cannot be meant; neither `reason` nor `remedy`, two sentences, repeats any of it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}: {remedy}")
        self.reason = reason
        self.remedy = remedy


class Term(NamedTuple):
    """Words that stand one after the other; if `prefix`, the last one is the beginning of a word."""

    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What a message has to have: every term, and what else is given.

    `authors` and `rooms` are names without regard to case, one of which it is; it was written at `after`
    or later and before `before` (milliseconds since 1970); `link`: it has a link.
    """

    terms: tuple[Term, ...] = ()
    authors: frozenset[str] = frozenset()
    rooms: frozenset[str] = frozenset()
    after: int | None = None
    before: int | None = None
    link: bool = False


def parse(text: str) -> Query:
    """Read a query: words, `"phrases"`, `begin*`, `author:`, `room:`, `before:`, `after:`, `has:link`.

    Dates are in UTC and stand for their first moment. Words without a letter or digit are passed over,
    as no index has them. Raises BadQuery, and nothing else, for whatever cannot be meant.
    """
    if len(text) > MAX_QUERY:
        raise BadQuery(f"the query is longer than {MAX_QUERY} characters", "leave something out")
    text = _CONTROLS.sub(" ", printable(text)).translate(_CURLY)
    if text.count('"') % 2:
        raise BadQuery("a quotation mark is not closed", "close it, or leave it out")
    items = _ITEM.findall(text)
    if len(items) > MAX_TERMS:
        raise BadQuery(f"the query has more than {MAX_TERMS} words", "leave some out")
    found = _Found()
    for operator, quoted, plain in items:
        if operator:
            found.take(operator.lower(), quoted or plain)
        elif plain:
            found.add_word(plain)
        else:
            found.add_phrase(quoted)
    return found.query()


class _Found:
    """What a query has told so far."""

    def __init__(self) -> None:
        self._terms: list[Term] = []
        self._names: dict[str, set[str]] = {"author": set(), "room": set()}
        self._after: int | None = None
        self._before: int | None = None
        self._link = False

    def take(self, operator: str, value: str) -> None:
        """An operator and what stands behind it."""
        match operator:
            case "author" | "room":
                self._names[operator].add(_name(operator, value))
            case "before":
                moment = _moment(value)
                self._before = moment if self._before is None else min(self._before, moment)
            case "after":
                moment = _moment(value)
                self._after = moment if self._after is None else max(self._after, moment)
            case "has":
                self._link = _is_link(value)
            case _:
                raise BadQuery("what stands before a colon is no operator", f"{_LIST}; {_QUOTE_IT}")

    def add_word(self, word: str) -> None:
        """A word without quotation marks, or what has been typed of an operator."""
        if word.endswith(":") and word[:-1].lower() in OPERATORS:
            _refuse_empty(word[:-1].lower())
        prefix = word.endswith("*")
        letters = sum(map(str.isalnum, word))
        if prefix and 0 < letters < MIN_PREFIX:
            raise BadQuery(f"too little stands before a *: {letters} of {MIN_PREFIX} letters", "write more")
        if letters:
            self._terms.append(Term(word.rstrip("*") if prefix else word, prefix))

    def add_phrase(self, phrase: str) -> None:
        """Words in quotation marks."""
        if any(map(str.isalnum, phrase)):
            self._terms.append(Term(phrase.strip()))

    def query(self) -> Query:
        """All of it. Raises BadQuery if it asks for nothing, or for what cannot be."""
        authors, rooms = (frozenset(self._names[name]) for name in ("author", "room"))
        query = Query(tuple(self._terms), authors, rooms, self._after, self._before, self._link)
        if query == Query():
            raise BadQuery("there is nothing to search for", f"write a word with a letter or digit; {_LIST}")
        if self._after is not None and self._before is not None and self._after >= self._before:
            raise BadQuery("no time is after the one and before the other", "look at after: and before:")
        return query


def _name(operator: str, value: str) -> str:
    name = value.removeprefix("@" if operator == "author" else "#")
    if not NAME.match(name):
        whose = "a user" if operator == "author" else "a room"
        raise BadQuery(
            f"behind {operator}: stands no name of {whose}", "names are 1 to 40 of A-Z a-z 0-9 _ and -"
        )
    return name.lower()


def _moment(value: str) -> int:
    """Milliseconds since 1970; what was before that counts as then."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise BadQuery(
            "behind before: or after: stands no date that there is",
            "write it like 2026-11-21 or 2026-11-21T09:30 (UTC)",
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, (moment - _EPOCH) // timedelta(milliseconds=1))


def _is_link(value: str) -> bool:
    if value.lower() not in ("link", "links"):
        raise BadQuery("has: knows nothing but links", f"write has:link; {_QUOTE_IT}")
    return True


def _refuse_empty(operator: str) -> NoReturn:
    raise BadQuery(f"nothing stands behind {operator}:", "write it without a space, like author:ada")
