"""Late messages: they came when others had read on, or to a page that was the newest no more; marks tell."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from syncchat.core.message import read_id
from syncchat.core.window import Window

MAX_PAGES = 8
"""Pages of which late messages are shown at once; those on others count as above what is shown."""


class Late(NamedTuple):
    """A late message: its id, and the number of the page that it stands on."""

    id: str
    page: int


class Mark(NamedTuple):
    """A row of `marks`: a late message, and `at`, which one of all that arrived in the room it was.

    The page that it stands on is an older one, or the one with the mark. Earlier versions wrote no `at`.
    """

    late: Late
    at: int | None

    def is_since(self, seen: int | None) -> bool:
        """Whether it arrived after `seen` messages; with one of them unknown, it may have."""
        return self.at is None or seen is None or self.at > seen


def read_mark(id: str, value: object, on: int) -> Mark | None:
    """The mark in a row of `marks` of page `on`; None if it is malformed."""
    if not isinstance(value, dict) or read_id(id) is None:
        return None
    at = value.get("at")
    if "page" not in value:
        return Mark(Late(id, on), at) if type(at) is int else None
    page = value["page"]
    if type(page) is not int or not 0 <= page < on or not (at is None or type(at) is int):
        return None
    return Mark(Late(id, page), at)


class Marking(Protocol):
    """What is needed of a page that marks late messages."""

    number: int

    def ids(self) -> set[str]:
        """Its messages."""

    def marked(self) -> Iterator[Mark]:
        """Those that it marks."""


def came_since(pages: Iterable[Marking], id: str, seen: int | None = None) -> set[str]:
    """The late messages that stand before `id`, and came when its page, or a later one, was the newest.

    With `seen` only those that came when so many messages had arrived in the room.
    """
    known = list(pages)
    home = max((page.number for page in known if min(page.ids(), default="~") <= id), default=-1)
    marks = (mark for page in known if page.number >= home for mark in page.marked())
    return {mark.late.id for mark in marks if mark.late.id < id and mark.is_since(seen)}


def place(
    marked: Iterable[Late], window: Window, span: tuple[str, str] | None
) -> tuple[dict[int, set[str]], list[Late]]:
    """The late messages whose place is within what is shown, by page; and those above it, in their order.

    `span` is the first and the last id on the pages of the window. What is on those is in neither, nor
    is what was dropped, or stands below them.
    """
    within: dict[int, set[str]] = {}
    above: list[Late] = []
    for late in sorted(marked, reverse=True):
        if late.page in window or late.page < window.first:
            continue
        if window.has_older and (span is None or late.id < span[0]):
            above.append(late)
        elif not window.is_recent and (span is None or late.id > span[1]):
            continue
        elif late.page in within or len(within) < MAX_PAGES:
            within.setdefault(late.page, set()).add(late.id)
        else:
            above.append(late)
    return within, above[::-1]
