"""Late messages: they arrived on a page that was the newest no more, and marks lead to them."""

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


def read_mark(id: str, value: object, on: int) -> Late | None:
    """The mark in a row of `marks` of page `on`, which leads to an older page; None if it is malformed."""
    page = value.get("page") if isinstance(value, dict) else None
    if type(page) is not int or not 0 <= page < on or read_id(id) is None:
        return None
    return Late(id, page)


class Marking(Protocol):
    """What is needed of a page that marks late messages."""

    number: int

    def ids(self) -> set[str]:
        """Its messages."""

    def late(self) -> Iterator[Late]:
        """Those of older pages that it marks."""


def came_since(pages: Iterable[Marking], id: str) -> set[str]:
    """The late messages that stand before `id`, and came when its page, or a later one, was the newest."""
    known = list(pages)
    home = max((page.number for page in known if min(page.ids(), default="~") <= id), default=-1)
    return {late.id for page in known if page.number >= home for late in page.late() if late.id < id}


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
