"""Late messages: they arrived on a page that was the newest no more, and marks lead to them."""

from typing import NamedTuple

from syncchat.core.message import read_id


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
